#pragma once
// The members of one object of a definition: typed, with their problems collected. What nobody asked for is no field of it.

#include <set>

#include "common/saga/definition.hpp"

namespace remuda::saga {

class Fields {
 public:
  /// `pointer`: of the object. `of_what` ends the sentence "'X' is no field of ...": `a Wait state`.
  Fields(const filter::JsonValue& object, std::string pointer, std::string of_what, std::vector<Problem>& problems);

  /// The member, which thereby is a known field; null when it is absent.
  const filter::JsonValue* take(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) const { return object_.find(key) != nullptr; }

  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<int> whole_number(std::string_view key, int min, int max = 99'999'999);
  std::optional<Path> path(std::string_view key);
  std::optional<Path> reference_path(std::string_view key);
  std::optional<Expression> expression(std::string_view key);
  Selection selection(std::string_view key);
  ResultPlace result_place(std::string_view key);
  std::optional<Template> payload(std::string_view key);
  /// `key` or `key`Path, not both.
  SecondsField seconds(std::string_view key, int min, int max = 99'999'999);
  /// The objects of an array; reports other elements. `needed`: at least one.
  std::vector<std::pair<const filter::JsonValue*, std::string>> objects(std::string_view key, bool needed);

  /// A problem with the member's value, or with the object when there is no such member.
  void problem(std::string code, std::string_view key, std::string text, bool is_error = true);
  /// Reports every member that no call asked for.
  void finish();

  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] std::string pointer_to(std::string_view key) const;

 private:
  const filter::JsonValue& object_;
  std::string pointer_;
  std::string of_what_;
  std::vector<Problem>& problems_;
  std::set<std::string, std::less<>> known_;
};

/// A key as a step of a JSON pointer.
std::string pointer_step(std::string_view key);

}  // namespace remuda::saga
