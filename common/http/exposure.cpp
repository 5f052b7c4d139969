#include "common/http/exposure.hpp"

namespace remuda::http {

namespace {

std::string proof_remedy(Proof proof) {
  switch (proof) {
    case Proof::tokens:
      return "make a token with `remuda keys token add NAME --role node --file FILE` and say tokens = \"FILE\"";
    case Proof::signatures:
      return "make a secret with `(umask 077; openssl rand -hex 20 > FILE)` and say credentials = [{ id = \"NAME\", secret_file = "
             "\"FILE\" }]";
  }
  return {};
}

std::string encryption_remedy() {
  std::string text = "make a certificate with `";
  text.append(certificate_command)
      .append(
          "` and say tls_certificate = \"tls.crt\", tls_key = \"tls.key\" (or behind_proxy = true, if a proxy in front does TLS)");
  return text;
}

}  // namespace

std::optional<ExposureProblem> problem_of(const Exposure& exposure) {
  if (exposure.has_certificate != exposure.has_key) {
    const bool lacks_key = exposure.has_certificate;
    return ExposureProblem{std::string{lacks_key ? "tls_certificate" : "tls_key"} + " is given without " +
                               (lacks_key ? "tls_key" : "tls_certificate") + ", and TLS needs both",
                           encryption_remedy()};
  }
  const bool in_the_clear = !exposure.has_certificate && !exposure.behind_proxy;
  if (exposure.listen.is_loopback() || (exposure.is_proved && !in_the_clear)) return std::nullopt;
  ExposureProblem problem;
  problem.what = "'" + exposure.listen.text() + "' can be reached from other machines, and ";
  if (!exposure.is_proved) {
    problem.what += "nobody who asks has to prove who they are";
    problem.remedy = proof_remedy(exposure.proof) + "; ";
  }
  if (in_the_clear) {
    problem.what += exposure.is_proved ? "everything travels in the clear" : ", and everything travels in the clear";
    problem.remedy += encryption_remedy() + "; ";
  }
  problem.remedy += "or listen on 127.0.0.1:" + std::to_string(exposure.listen.port);
  return problem;
}

}  // namespace remuda::http
