#include "common/http/server_parameters.hpp"

#include <sys/prctl.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace remuda::http {

std::vector<ParameterDescription> server_parameters(std::string_view listen, Proof proof) {
  std::vector<ParameterDescription> parameters{
      {"listen", ParameterType::text, "\"" + std::string{listen} + "\"",
       std::string{"address and port; port 0 lets the system choose; beyond this machine only with "} +
           (proof == Proof::tokens ? "tokens" : "credentials") + " and TLS"},
      {"hosts", ParameterType::list, "[]", "names that Host may hold besides localhost and the address itself"},
      {"tls_certificate", ParameterType::text, "\"\"",
       "PEM file of the server's certificate, followed by what leads to a root; empty: no TLS. Read at the start"},
      {"tls_key", ParameterType::text, "\"\"", "PEM file of its private key, 0600, without a passphrase"},
      {"behind_proxy", ParameterType::boolean, "false",
       "a proxy in front ends TLS, so clients see https although this server speaks http"}};
  if (proof == Proof::tokens)
    parameters.push_back(
        {"tokens", ParameterType::text, "\"\"",
         "file of the bearer tokens that requests must show, made by `remuda keys token add`; looked at every second; "
         "empty: nobody has to"});
  return parameters;
}

ServerOptions server_options(const Parameters& parameters, Proof proof) {
  auto listen = parse_endpoint(parameters.text("listen"));
  if (!listen) throw std::invalid_argument{"parameter listen: " + listen.error().message};
  Exposure exposure;
  exposure.listen = *listen;
  exposure.proof = proof;
  exposure.is_proved = proof == Proof::tokens ? !parameters.text("tokens").empty() : !parameters.json("credentials").empty();
  exposure.has_certificate = !parameters.text("tls_certificate").empty();
  exposure.has_key = !parameters.text("tls_key").empty();
  exposure.behind_proxy = parameters.boolean("behind_proxy");
  if (const auto problem = problem_of(exposure))
    throw std::invalid_argument{"parameter listen: " + problem->what + "; " + problem->remedy};

  ServerOptions options;
  options.listen = *std::move(listen);
  for (const auto& host : parameters.json("hosts")) {
    if (!host.is_string()) throw std::invalid_argument{"parameter hosts: each is a name, such as \"rides.example\""};
    options.hosts.push_back(host.get<std::string>());
  }
  if (exposure.has_certificate) {
    options.tls = TlsFiles{parameters.text("tls_certificate"), parameters.text("tls_key")};
    if (prctl(PR_SET_DUMPABLE, 0) != 0) throw std::runtime_error{"cannot keep the key out of core dumps"};
  }
  return options;
}

std::unique_ptr<Server> listen_or_throw(const ServerOptions& options, Handler handler, const Clock& clock) {
  auto server = Server::listen(options, std::move(handler), clock);
  if (server) return *std::move(server);
  const Error& error = server.error();
  if (error.code == "address_in_use" || error.code == "cannot_listen") throw std::runtime_error{error.message};
  throw std::invalid_argument{"parameter " + error.message};
}

std::string public_scheme(const Parameters& parameters) {
  return !parameters.text("tls_certificate").empty() || parameters.boolean("behind_proxy") ? "https" : "http";
}

}  // namespace remuda::http
