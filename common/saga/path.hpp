#pragma once
// Paths of the Amazon States Language: which part of a JSON value is meant. `$` is the data of the state, `$$` the context object.
//
//   $.a.b  $['a b']  $.list[0]  $.list[-1]                            one value, or none
//   $.list[0,2]  $.list[1:3]  $.list[*]  $.*  $..price  $[?(@.x > 1)]  always an array, perhaps an empty one
//
// A filter compares with == != < <= > >=, asks for existence, and joins by && || ! and parentheses.
// Source: Amazon States Language, Paths and Reference Paths; its filters are those of the JSONPath of Goessner.

#include <memory>
#include <vector>

#include "common/saga/value.hpp"

namespace remuda::saga {

struct FilterTest;

class Path {
 public:
  struct Step {
    enum class Kind : std::uint8_t { names, indexes, slice, every, filter };
    Kind kind = Kind::names;
    bool anywhere_below = false;  ///< written after `..`
    std::vector<std::string> names = {};
    std::vector<std::int64_t> indexes = {};
    std::optional<std::int64_t> from = {}, to = {};
    std::int64_t stride = 1;
    std::shared_ptr<const FilterTest> filter = {};
  };

  /// `$`: all of it.
  Path() = default;
  /// A whole text. The error is a sentence.
  static Result<Path, std::string> parse(std::string_view text);
  /// The path at the front of `text`, which is shortened by it. `nesting`: of filters, bounded.
  static Result<Path, std::string> parse_front(std::string_view& text, int nesting = 0);

  [[nodiscard]] bool of_context() const { return of_context_; }
  /// Selects at most one value; else the value is an array of all that it selects.
  [[nodiscard]] bool is_definite() const;
  /// Names and plain indexes only: a place where a result may be put.
  [[nodiscard]] bool is_reference() const;
  [[nodiscard]] bool is_root() const { return steps_.empty() && !of_context_; }

  [[nodiscard]] std::optional<Json> select(const Json& root) const;
  [[nodiscard]] std::vector<const Json*> find(const Json& root) const;
  /// Puts `value` at this reference path of `target`, creating parents. False when something that is no object is in the way.
  [[nodiscard]] bool put(Json& target, Json value) const;
  /// Would a few plain names lead put() to its place? False: not certainly.
  [[nodiscard]] bool can_put(const Json& target) const;

  void be_of_context() { of_context_ = true; }
  void add(Step step) { steps_.push_back(std::move(step)); }

 private:
  bool of_context_ = false;
  std::vector<Step> steps_;
};

/// What stands inside `?(...)`.
struct FilterTest {
  enum class Kind : std::uint8_t { any_of, all_of, none_of, exists, compare };
  struct Operand {
    std::optional<Path> path;
    bool of_item = false;  ///< `@`, else `$`
    Json literal;
  };
  Kind kind = Kind::exists;
  std::vector<FilterTest> parts = {};
  Operand left = {}, right = {};
  std::string comparison = {};

  [[nodiscard]] bool holds(const Json& item, const Json& root) const;
};

}  // namespace remuda::saga
