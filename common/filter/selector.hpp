#pragma once
// Selector: where in a message something is named, for instance its message group.
//
//   id  group_id  dedup_id     a header
//   attributes.NAME            the value of an attribute
//   body.PATH                  a value of the body, keys joined with dots: body.customer, body.ride.id
//   content                    the body itself
//
// It never throws and never refuses a message: what is not there is absent.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda {

class Selector {
 public:
  enum class Kind : std::uint8_t { id, group_id, dedup_id, attribute, body, content };

  /// Errors: `invalid_selector`, definite.
  static Result<Selector> compile(std::string_view text);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The value as text: texts as they are, whole numbers in decimal digits, others in the shortest form that reads back the same,
  /// `true` and `false`. Absent: not there, empty, or null, bytes, a list or a map. `content` is always there.
  [[nodiscard]] std::optional<std::string> value(const MessageView& message) const;

 private:
  std::string text_ = "id";
  Kind kind_ = Kind::id;
  std::string name_;  ///< of the attribute; the path in the body
};

}  // namespace remuda
