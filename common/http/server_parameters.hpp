#pragma once
// The parameters that every node with an HTTP server has, declared and read once: `listen`, `hosts`, `tls_certificate`, `tls_key`,
// `behind_proxy`, and `tokens` where its callers prove themselves by tokens. `remuda check` knows such a node by `listen` and `behind_proxy`.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/exposure.hpp"
#include "common/http/server.hpp"
#include "common/parameters.hpp"

namespace remuda::http {

/// `listen`: the default, "127.0.0.1:8080".
[[nodiscard]] std::vector<ParameterDescription> server_parameters(std::string_view listen, Proof proof);

/// Everything else of the options stays as it is by default. Throws std::invalid_argument with the remedy when it may not listen there.
/// A process whose server has a key writes no core dump from then on.
[[nodiscard]] ServerOptions server_options(const Parameters& parameters, Proof proof);

/// Server::listen(); throws std::invalid_argument when a certificate, a key or their files are at fault, and std::runtime_error when the
/// machine does not let it listen there.
[[nodiscard]] std::unique_ptr<Server> listen_or_throw(const ServerOptions& options, Handler handler, const Clock& clock);

/// "https" when clients see TLS, be it our own or that of a proxy in front.
[[nodiscard]] std::string public_scheme(const Parameters& parameters);

}  // namespace remuda::http
