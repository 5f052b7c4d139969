#pragma once
// Whether an HTTP server may listen where it is told to: beyond this machine only with callers who prove themselves and with TLS. Pure,
// and asked in two places: by the node when it starts and by `remuda check`, so that both say the same.

#include <optional>
#include <string>
#include <string_view>

#include "common/http/endpoint.hpp"

namespace remuda::http {

/// Makes a certificate that signs itself, for HOST, and its key.
inline constexpr std::string_view certificate_command =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=HOST -addext subjectAltName=DNS:HOST "
    "-out tls.crt -keyout tls.key";

/// How those who ask such a server prove who they are.
enum class Proof {
  tokens,      ///< bearer tokens; the parameter `tokens`
  signatures,  ///< AWS Signature Version 4; the parameter `credentials`
};

struct Exposure {
  Endpoint listen;
  Proof proof = Proof::tokens;
  bool is_proved = false;        ///< `tokens` or `credentials` is given
  bool has_certificate = false;  ///< `tls_certificate` is given
  bool has_key = false;          ///< `tls_key` is given
  bool behind_proxy = false;     ///< `behind_proxy`: a proxy in front ends TLS
};

struct ExposureProblem {
  std::string what;    ///< "'0.0.0.0:8080' can be reached from other machines, and ..."
  std::string remedy;  ///< the commands and the parameters
};

/// Nothing: it may listen there. A certificate without its key, or the other way round, is a problem wherever it listens.
[[nodiscard]] std::optional<ExposureProblem> problem_of(const Exposure& exposure);

}  // namespace remuda::http
