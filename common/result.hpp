#pragma once
// Result<T>: the value of an ordinary operation, or the Error that explains why there is none.
// An ordinary outcome is a [[nodiscard]] value; exceptions only end a start-up and are caught in main.
// (C++20 has no std::expected.)

#include <cassert>
#include <ostream>
#include <string>
#include <utility>
#include <variant>

namespace remuda {

/// Why an operation gave no value.
struct Error {
  /// One stable word of the vocabulary, e.g. `no_such_queue`, `stale_handle`, `storage_full`. Programs branch on it.
  std::string code;
  /// A sentence for people: what happened, where, and what to do next.
  std::string message;
  /// True when the operation certainly did not happen. False when nobody knows (a reply was lost): retry with the same id.
  bool definite = true;

  friend bool operator==(const Error&, const Error&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Error& error) {
    return out << error.code << ": " << error.message << (error.definite ? "" : " (outcome unknown)");
  }
};

/// Wraps an error so that it converts to any Result: `return Failure{Error{"no_such_queue", "..."}};`
template <class E = Error>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

inline Failure<Error> fail(std::string code, std::string message) {
  return {Error{std::move(code), std::move(message), true}};
}
/// The same for an outcome that nobody knows.
inline Failure<Error> fail_unknown(std::string code, std::string message) {
  return {Error{std::move(code), std::move(message), false}};
}

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_{std::in_place_index<0>, std::move(value)} {}  // NOLINT: a value is a result
  template <class F>
  Result(Failure<F> failure) : content_{std::in_place_index<1>, std::move(failure.error)} {}  // NOLINT: so is a failure

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & {
    assert(ok());
    return *std::get_if<0>(&content_);
  }
  [[nodiscard]] const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&content_);
  }
  [[nodiscard]] T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&content_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const E& error() const& {
    assert(!ok());
    return *std::get_if<1>(&content_);
  }
  [[nodiscard]] E&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&content_));
  }

 private:
  std::variant<T, E> content_;
};

struct Unit {
  friend bool operator==(Unit, Unit) = default;
};

template <class E>
class [[nodiscard]] Result<void, E> : public Result<Unit, E> {
 public:
  Result() : Result<Unit, E>{Unit{}} {}
  template <class F>
  Result(Failure<F> failure) : Result<Unit, E>{std::move(failure)} {}  // NOLINT: a failure is a result
};

}  // namespace remuda
