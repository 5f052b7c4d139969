#include "common/zmtp/curve.hpp"

#include <sodium.h>
#include <zmq.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "common/zmtp/protocol.hpp"

namespace remuda::zmtp {

namespace {

using namespace std::string_view_literals;
using Nonce = std::array<unsigned char, crypto_box_NONCEBYTES>;

static_assert(curve_key_size == crypto_box_PUBLICKEYBYTES);
static_assert(curve_key_size == crypto_box_BEFORENMBYTES);

constexpr std::size_t box_tag = crypto_box_MACBYTES;
constexpr std::size_t short_nonce = 8;
constexpr std::size_t long_nonce = 16;
constexpr std::size_t cookie_size = 96;
constexpr std::size_t key_text_size = 40;
constexpr std::string_view version = "\1\0"sv;

// The form of each command, without its name.
constexpr std::size_t hello_key_at = 2 + 72;
constexpr std::size_t hello_zeros = 64;
constexpr std::size_t hello_size = hello_key_at + curve_key_size + short_nonce + hello_zeros + box_tag;
constexpr std::size_t welcome_size = long_nonce + curve_key_size + cookie_size + box_tag;
constexpr std::size_t vouch_size = 2 * curve_key_size + box_tag;
constexpr std::size_t initiate_fixed = curve_key_size + long_nonce + vouch_size;
constexpr std::string_view message_name = "\7MESSAGE"sv;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
std::string_view text(const CurveKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}
CurveKey key_at(std::string_view bytes, std::size_t at) {
  CurveKey key{};
  std::memcpy(key.data(), bytes.data() + at, key.size());
  return key;
}

Nonce nonce_of(std::string_view prefix, std::string_view rest) {
  Nonce nonce{};
  std::copy(prefix.begin(), prefix.end(), nonce.begin());
  std::copy(rest.begin(), rest.end(), nonce.begin() + static_cast<std::ptrdiff_t>(prefix.size()));
  return nonce;
}

std::string counter_text(std::uint64_t counter) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(counter >> shift & 0xFFU));
  return out;
}

std::string random_bytes(std::size_t size) {
  std::string out(size, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string box(std::string_view plain, const Nonce& nonce, const CurveKey& to, const SecretKey& from) {
  std::string out(plain.size() + box_tag, '\0');
  if (crypto_box_easy(bytes_of(out), bytes_of(plain), plain.size(), nonce.data(), to.data(), from.data()) != 0)
    throw std::runtime_error{"a key of weak form"};
  return out;
}

std::optional<std::string> open_box(std::string_view sealed, const Nonce& nonce, const CurveKey& from, const SecretKey& to) {
  std::string out(sealed.size() - box_tag, '\0');
  if (crypto_box_open_easy(bytes_of(out), bytes_of(sealed), sealed.size(), nonce.data(), from.data(), to.data()) != 0)
    return std::nullopt;
  return out;
}

std::string seal_shared(std::string_view plain, const Nonce& nonce, const SecretKey& shared) {
  std::string out(plain.size() + box_tag, '\0');
  crypto_box_easy_afternm(bytes_of(out), bytes_of(plain), plain.size(), nonce.data(), shared.data());
  return out;
}

std::optional<std::string> open_shared(std::string_view sealed, const Nonce& nonce, const SecretKey& shared) {
  std::string out(sealed.size() - box_tag, '\0');
  if (crypto_box_open_easy_afternm(bytes_of(out), bytes_of(sealed), sealed.size(), nonce.data(), shared.data()) != 0)
    return std::nullopt;
  return out;
}

void start_sodium() {
  static const bool started = sodium_init() >= 0;
  if (!started) throw std::runtime_error{"libsodium does not start: the system has no source of randomness"};
}

}  // namespace

SecretKey::~SecretKey() {
  sodium_memzero(bytes_.data(), bytes_.size());
}

CurveKeyPair new_curve_keys() {
  start_sodium();
  CurveKeyPair keys;
  crypto_box_keypair(keys.public_key.data(), keys.secret_key.data());
  return keys;
}

std::string text_of(const CurveKey& key) {
  std::array<char, key_text_size + 1> out{};
  zmq_z85_encode(out.data(), key.data(), key.size());
  return {out.data(), key_text_size};
}

std::optional<CurveKey> curve_key_from(std::string_view text) {
  if (text.size() != key_text_size) return std::nullopt;
  CurveKey key{};
  if (zmq_z85_decode(key.data(), std::string{text}.c_str()) == nullptr) return std::nullopt;
  // libzmq reads characters outside its alphabet as something: what does not read back was no key.
  return text_of(key) == text ? std::optional{key} : std::nullopt;
}

Curve::Curve(std::shared_ptr<const CurveServer> server)
    : server_{std::move(server)}, state_{State::hello}, transient_{new_curve_keys()} {}

Curve::Curve(std::shared_ptr<const CurveClient> client)
    : client_{std::move(client)}, state_{State::welcome}, transient_{new_curve_keys()} {}

// ---- the handshake ----

Curve::Step Curve::refuse(std::string problem, std::string& out) {
  if (is_server()) {
    // libzmq's clients read three digits as a status; ours, and a trace, read the sentence.
    std::string data;
    const std::string_view told = std::string_view{problem}.substr(0, 200);
    data.push_back(static_cast<char>(told.size()));
    data += told;
    append_command_frame("ERROR", data, out);
  }
  state_ = State::refused;
  problem_ = std::move(problem);
  return Step::refused;
}

void Curve::append_hello(std::string& out) {
  const std::string nonce = counter_text(++nonce_);
  std::string data{version};
  data.resize(hello_key_at, '\0');
  data += text(transient_.public_key);
  data += nonce;
  data += box(std::string(hello_zeros, '\0'), nonce_of("CurveZMQHELLO---", nonce), client_->server_key, transient_.secret_key);
  append_command_frame("HELLO", data, out);
}

Curve::Step Curve::on_command(std::string_view name, std::string_view data, std::string& out) {
  if (state_ == State::hello && name == "HELLO") return on_hello(data, out);
  if (state_ == State::welcome && name == "WELCOME") return on_welcome(data, out);
  if (state_ == State::initiate && name == "INITIATE") return on_initiate(data, out);
  if (state_ == State::ready && name == "READY") return on_ready(data, out);
  return refuse("the CURVE handshake is out of order", out);
}

bool Curve::is_newer(std::string_view nonce) {
  std::uint64_t value = 0;
  for (const char c : nonce) value = value << 8U | static_cast<unsigned char>(c);
  if (value <= peer_nonce_) return false;
  peer_nonce_ = value;
  return true;
}

Curve::Step Curve::on_hello(std::string_view data, std::string& out) {
  if (data.size() != hello_size || data.substr(0, version.size()) != version) return refuse("a malformed HELLO", out);
  peer_transient_ = key_at(data, hello_key_at);
  const std::string_view nonce = data.substr(hello_key_at + curve_key_size, short_nonce);
  const auto zeros = open_box(data.substr(hello_key_at + curve_key_size + short_nonce), nonce_of("CurveZMQHELLO---", nonce),
                              peer_transient_, server_->keys.secret_key);
  if (!zeros || !is_newer(nonce)) return refuse("the client expects another server key; give it this server's public key", out);
  cookie_ = random_bytes(cookie_size);
  const std::string welcome_nonce = random_bytes(long_nonce);
  std::string plain{text(transient_.public_key)};
  plain += cookie_;
  append_command_frame(
      "WELCOME", welcome_nonce + box(plain, nonce_of("WELCOME-", welcome_nonce), peer_transient_, server_->keys.secret_key), out);
  state_ = State::initiate;
  return Step::go_on;
}

Curve::Step Curve::on_welcome(std::string_view data, std::string& out) {
  if (data.size() != welcome_size) return refuse("a malformed WELCOME", out);
  const auto plain = open_box(data.substr(long_nonce), nonce_of("WELCOME-", data.substr(0, long_nonce)), client_->server_key,
                              transient_.secret_key);
  if (!plain) return refuse("the server is not the one whose key this client has", out);
  peer_transient_ = key_at(*plain, 0);
  if (crypto_box_beforenm(shared_.data(), peer_transient_.data(), transient_.secret_key.data()) != 0)
    return refuse("the server's key is of weak form", out);
  const std::string vouch_nonce = random_bytes(long_nonce);
  std::string vouched{text(transient_.public_key)};
  vouched += text(client_->server_key);
  std::string inner{text(client_->keys.public_key)};
  inner += vouch_nonce;
  inner += box(vouched, nonce_of("VOUCH---", vouch_nonce), peer_transient_, client_->keys.secret_key);
  inner += metadata_;
  const std::string nonce = counter_text(++nonce_);
  std::string answer = plain->substr(curve_key_size);
  answer += nonce;
  answer += seal_shared(inner, nonce_of("CurveZMQINITIATE", nonce), shared_);
  append_command_frame("INITIATE", answer, out);
  state_ = State::ready;
  return Step::go_on;
}

Curve::Step Curve::on_initiate(std::string_view data, std::string& out) {
  if (data.size() < cookie_size + short_nonce + box_tag + initiate_fixed) return refuse("a malformed INITIATE", out);
  if (sodium_memcmp(data.data(), cookie_.data(), cookie_size) != 0) return refuse("INITIATE belongs to another WELCOME", out);
  const std::string_view nonce = data.substr(cookie_size, short_nonce);
  if (crypto_box_beforenm(shared_.data(), peer_transient_.data(), transient_.secret_key.data()) != 0)
    return refuse("the client's key is of weak form", out);
  const auto inner = open_shared(data.substr(cookie_size + short_nonce), nonce_of("CurveZMQINITIATE", nonce), shared_);
  if (!inner || !is_newer(nonce)) return refuse("an INITIATE that cannot be opened", out);
  const CurveKey client = key_at(*inner, 0);
  const std::string_view vouch_nonce = std::string_view{*inner}.substr(curve_key_size, long_nonce);
  const auto vouched = open_box(std::string_view{*inner}.substr(curve_key_size + long_nonce, vouch_size),
                                nonce_of("VOUCH---", vouch_nonce), client, transient_.secret_key);
  if (!vouched || key_at(*vouched, 0) != peer_transient_ || key_at(*vouched, curve_key_size) != server_->keys.public_key)
    return refuse("the client does not hold the secret key that it claims", out);
  std::string why;
  peer_name_ = server_->admit(client, why);
  if (peer_name_.empty()) return refuse(std::move(why), out);
  peer_metadata_ = inner->substr(initiate_fixed);
  const std::string ready_nonce = counter_text(++nonce_);
  append_command_frame("READY", ready_nonce + seal_shared(metadata_, nonce_of("CurveZMQREADY---", ready_nonce), shared_), out);
  state_ = State::open;
  return Step::opened;
}

Curve::Step Curve::on_ready(std::string_view data, std::string& out) {
  if (data.size() < short_nonce + box_tag) return refuse("a malformed READY", out);
  const std::string_view nonce = data.substr(0, short_nonce);
  auto metadata = open_shared(data.substr(short_nonce), nonce_of("CurveZMQREADY---", nonce), shared_);
  if (!metadata || !is_newer(nonce)) return refuse("a READY that cannot be opened", out);
  peer_metadata_ = *std::move(metadata);
  state_ = State::open;
  return Step::opened;
}

// ---- frames ----

void Curve::seal(std::string_view content, std::uint8_t flags, std::string& out) {
  const std::string nonce = counter_text(++nonce_);
  plain_.assign(1, static_cast<char>(flags));
  plain_ += content;
  append_frame_header(message_name.size() + short_nonce + plain_.size() + box_tag, out);
  out += message_name;
  out += nonce;
  const std::size_t at = out.size();
  out.resize(at + plain_.size() + box_tag);
  const Nonce whole = nonce_of(is_server() ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC", nonce);
  crypto_box_easy_afternm(bytes_of(out) + at, bytes_of(plain_), plain_.size(), whole.data(), shared_.data());
}

std::optional<std::string_view> Curve::unseal(std::string_view body, std::uint8_t& flags) {
  if (body.size() < overhead || !body.starts_with(message_name)) return std::nullopt;
  const std::string_view nonce = body.substr(message_name.size(), short_nonce);
  const std::string_view sealed = body.substr(message_name.size() + short_nonce);
  const Nonce whole = nonce_of(is_server() ? "CurveZMQMESSAGEC" : "CurveZMQMESSAGES", nonce);
  plain_.resize(sealed.size() - box_tag);
  if (crypto_box_open_easy_afternm(bytes_of(plain_), bytes_of(sealed), sealed.size(), whole.data(), shared_.data()) != 0 ||
      !is_newer(nonce))
    return std::nullopt;
  flags = static_cast<std::uint8_t>(plain_[0]);
  return std::string_view{plain_}.substr(1);
}

}  // namespace remuda::zmtp
