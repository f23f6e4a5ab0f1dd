// base/result.h — a value, or the reason why there is none.
#pragma once
#include <string>
#include <utility>
#include <variant>

#include "base/contract.h"

namespace pipit {

enum class Code { InvalidArgument, NotFound, BadFormat, Unsupported, Io };

/// Why the world failed. `message` is one line that names the thing (file:line or field), what was found, what was
/// wanted.
struct Error {
  Code code;
  std::string message;
};

/// Either a T or an Error. Same verbs as std::expected, so that the day the compiler has it this file becomes one
/// alias.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return v_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    expects(has_value(), "value() of a failed Result");
    return *std::get_if<0>(&v_);
  }
  const T& value() const& {
    expects(has_value(), "value() of a failed Result");
    return *std::get_if<0>(&v_);
  }
  T&& value() && { return std::move(value()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    expects(!has_value(), "error() of a good Result");
    return *std::get_if<1>(&v_);
  }

 private:
  std::variant<T, Error> v_;
};

struct Done {};
/// Result of a call that yields nothing but may fail: `return Done{};`.
using Status = Result<Done>;

}  // namespace pipit
