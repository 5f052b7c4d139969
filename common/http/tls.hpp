#pragma once
// The server's side of TLS: certificate and key out of their files, and what is spoken. Internal to the server: knows Asio.

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>

#include "common/http/server.hpp"
#include "common/result.hpp"

namespace remuda::http {

/// TLS 1.2 with forward secrecy and authenticated encryption, or 1.3. Errors, each with the file and the remedy: `bad_certificate`, and
/// those of keys::read_secret() for the key.
Result<std::unique_ptr<boost::asio::ssl::context>> tls_context(const TlsFiles& files);

/// True when a handshake failed because the client spoke HTTP without TLS.
[[nodiscard]] bool is_plain_http(const boost::system::error_code& error);

}  // namespace remuda::http
