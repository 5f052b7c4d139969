#pragma once
// Questions that services answer, and the JSON of their answers. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/http_messages.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::rides {

/// The question in a message: an `http.request`, or from elsewhere (`remuda call`) a msgpack or JSON map whose texts serve as the
/// parts of the path and as the query. Errors: `malformed_request` (definite).
Result<http::RoutedRequest> question_of(const Message& message);

/// One page of a list: `limit` (1 to 1000, default 100) entries after the entry number `after` (default 0).
struct Page {
  std::int64_t after = 0;
  std::int64_t limit = 100;
};
/// Reads `after` and `limit` from the query. Errors: each wrong field.
Result<Page, std::vector<http::FieldError>> page_of(const http::RoutedRequest& question);

/// The question's `customer`: from the path, or from the query; empty when it is about none.
[[nodiscard]] std::string customer_of(const http::RoutedRequest& question);

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_text(std::string_view text);
/// `{"<name>":[items],"links":{...}}` with `next` when the page is full.
[[nodiscard]] std::string page_json(std::string_view name, const std::vector<std::string>& items, std::int64_t last,
                                    const Page& page, std::string_view path);

/// The JSON members of a service's figures, without braces. All figures are there, also those that are still 0.
[[nodiscard]] std::string figures_json(const std::map<std::string, std::int64_t>& tallies);

/// The names of the figures that every service keeps.
namespace figure {
inline constexpr std::string_view received = "received";        ///< deliveries
inline constexpr std::string_view processed = "processed";      ///< rides recorded
inline constexpr std::string_view redelivered = "redelivered";  ///< deliveries after a message's first
inline constexpr std::string_view repeated = "repeated";        ///< deliveries of rides that were recorded already
inline constexpr std::string_view failed = "failed";            ///< deliveries that ended in retry_later
inline constexpr std::string_view rejected = "rejected";        ///< deliveries that ended in the dead-letter queue at once
inline constexpr std::string_view dropped = "dropped";          ///< deliveries that the service was not interested in
}  // namespace figure

}  // namespace remuda::rides
