#include "common/http/tls.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <string>

#include "common/http/exposure.hpp"
#include "common/keys/secret_file.hpp"

namespace remuda::http {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

std::string how_to_make_one() {
  return "`" + std::string{certificate_command} + "` makes both";
}

void say_what_is_spoken(ssl::context& context) {
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2; those of 1.3 are all good
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);      // tickets do as well, and cost no memory here
}

}  // namespace

Result<std::unique_ptr<ssl::context>> tls_context(const TlsFiles& files) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  say_what_is_spoken(*context);
  error_code error;
  context->use_certificate_chain_file(files.certificate, error);
  if (error)
    return fail("bad_certificate", "tls_certificate: " + files.certificate + " is no certificate in PEM form (" + error.message() +
                                       "); " + how_to_make_one());
  auto read = keys::read_secret(files.key, {how_to_make_one(), "make another key if others were here"});
  if (!read) return fail(read.error().code, "tls_key: " + read.error().message);
  std::string key = *std::move(read);
  // Nobody is there to type a passphrase.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string{}; }, error);
  context->use_private_key(boost::asio::buffer(key), ssl::context::pem, error);
  OPENSSL_cleanse(key.data(), key.size());
  if (error)
    return fail("bad_certificate", "tls_key: " + files.key + " is not the private key of " + files.certificate +
                                       ", in PEM form and without a passphrase (" + error.message() + "); " + how_to_make_one());
  return context;
}

bool is_plain_http(const error_code& error) {
  return error.category() == boost::asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

}  // namespace remuda::http
