#pragma once
// CURVE, ZeroMQ's security mechanism: both ends prove a long-term key, everything after that is encrypted under keys that belong to
// the one connection and are forgotten with it. Pure: commands in, commands out; no socket. libzmq's peers understand it.
//
// Unlike libzmq's server, this one has no way to run without a list of known client keys (RELIABILITY Z17): whoever is not admitted
// never gets READY, and no frame of theirs is decoded.
//
// Source: https://rfc.zeromq.org/spec/26/ (CurveZMQ), /spec/25/ (ZMTP-CURVE).

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace remuda::zmtp {

inline constexpr std::size_t curve_key_size = 32;
using CurveKey = std::array<unsigned char, curve_key_size>;

/// Secret bytes: wiped when they are given back.
class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(const CurveKey& bytes) : bytes_{bytes} {}
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
  [[nodiscard]] const unsigned char* data() const { return bytes_.data(); }
  [[nodiscard]] unsigned char* data() { return bytes_.data(); }

 private:
  CurveKey bytes_{};
};

struct CurveKeyPair {
  CurveKey public_key{};
  SecretKey secret_key;
};
CurveKeyPair new_curve_keys();
/// 40 printable characters (Z85, as ZeroMQ writes keys).
std::string text_of(const CurveKey& key);
std::optional<CurveKey> curve_key_from(std::string_view text);

struct CurveServer {
  CurveKeyPair keys;
  /// Under which name a client key is known; empty: it is not, and the connection is refused for the reason in `why`.
  std::function<std::string(const CurveKey& client, std::string& why)> admit;
};
struct CurveClient {
  CurveKeyPair keys;
  CurveKey server_key{};  ///< who the server must be
};

/// One connection's end of the mechanism.
class Curve {
 public:
  enum class Step {
    go_on,    ///< the handshake is not over
    opened,   ///< it is: frames may follow
    refused,  ///< end the connection; problem() says why
  };
  /// What an encrypted frame is longer than its content.
  static constexpr std::size_t overhead = 8 + 8 + 16 + 1;

  explicit Curve(std::shared_ptr<const CurveServer> server);
  explicit Curve(std::shared_ptr<const CurveClient> client);

  [[nodiscard]] bool is_server() const { return server_ != nullptr; }
  /// What this end says of itself; encrypted. Before the first command.
  void set_metadata(std::string metadata) { metadata_ = std::move(metadata); }
  /// What the connecting end says unasked, as a whole command frame.
  void append_hello(std::string& out);
  /// A command of the handshake. Answers, whole command frames, are appended to `out`; also when refused.
  Step on_command(std::string_view name, std::string_view data, std::string& out);
  /// What the peer says of itself, once opened.
  [[nodiscard]] const std::string& peer_metadata() const { return peer_metadata_; }
  /// The name under which the peer was admitted; empty for a server.
  [[nodiscard]] const std::string& peer_name() const { return peer_name_; }

  /// Appends a whole frame.
  void seal(std::string_view content, std::uint8_t flags, std::string& out);
  /// The content of a frame's body, valid until the next call; nothing when it was not sealed by the peer, here and in this order.
  std::optional<std::string_view> unseal(std::string_view body, std::uint8_t& flags);

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  enum class State { hello, welcome, initiate, ready, open, refused };

  Step refuse(std::string problem, std::string& out);
  Step on_hello(std::string_view data, std::string& out);
  Step on_welcome(std::string_view data, std::string& out);
  Step on_initiate(std::string_view data, std::string& out);
  Step on_ready(std::string_view data, std::string& out);
  bool is_newer(std::string_view nonce);

  std::shared_ptr<const CurveServer> server_;
  std::shared_ptr<const CurveClient> client_;
  std::string metadata_;

  State state_;
  CurveKeyPair transient_;        // this connection's
  CurveKey peer_transient_{};     // the other end's
  SecretKey shared_;              // of the two above
  std::string cookie_;            // server: what INITIATE must bring back
  std::uint64_t nonce_ = 0;       // of what was sent last
  std::uint64_t peer_nonce_ = 0;  // of what came last: nothing may be played again
  std::string peer_metadata_;
  std::string peer_name_;
  std::string plain_;
  std::string problem_;
};

}  // namespace remuda::zmtp
