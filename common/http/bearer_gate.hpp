#pragma once
// Who may ask a server, and for what: requests show a bearer token, and the role behind it says whether they may only read (GET, HEAD)
// or also change something. A token is taken from the Authorization field alone, never from the address.
// Source: RFC 6750 (section 2.1, section 3); RFC 9110, 11.6.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "common/keys/tokens.hpp"
#include "common/result.hpp"

namespace remuda::http {

/// The token that a request shows; empty: none, or not in the one form that is taken, "Authorization: Bearer TOKEN", once.
[[nodiscard]] std::string_view bearer_token(const Request& request);

/// Nothing: the request may pass. Else what it is answered: 401, or 403 when the role does not allow it. Pure.
[[nodiscard]] std::optional<Response> refusal_of(const Request& request, const keys::Tokens& tokens);

/// The same with the tokens of a file, which is looked at again once a second: a token that was revoked stops working then, also on
/// connections that are open. For one thread.
class BearerGate {
 public:
  /// `tell` hears why a changed file cannot be read; the earlier tokens hold meanwhile. `clock` must outlive the gate.
  /// Errors: those of keys::TokenList::open().
  static Result<BearerGate> open(const std::string& file, const Clock& clock, std::function<void(const std::string&)> tell);
  [[nodiscard]] std::optional<Response> refusal(const Request& request);

 private:
  BearerGate(keys::TokenList tokens, const Clock& clock, std::function<void(const std::string&)> tell)
      : tokens_{std::move(tokens)}, clock_{&clock}, tell_{std::move(tell)}, looked_{clock.now()} {}
  void look_again();
  keys::TokenList tokens_;
  const Clock* clock_;
  std::function<void(const std::string&)> tell_;
  Instant looked_;
};

}  // namespace remuda::http
