// poses/text_scan.h — reads numbers from one line of text and remembers the first thing that was wrong. Private to
// poses/.
#pragma once
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace pipit {

/// Largest magnitude taken for a number of a file; its square times another one is still finite.
inline constexpr double kLargestNumber = 1e100;

/// Walks over the fields of a line. After the first failure all further reads yield zero and `error` keeps the reason.
class LineScan {
 public:
  explicit LineScan(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  std::string_view word() {
    skip_blanks();
    const char* begin = at_;
    while (at_ != end_ && !is_blank(*at_)) ++at_;
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

  double number() {
    ++fields_;
    double value = 0;
    if (!scan(value, "a number")) return 0;
    if (!(std::abs(value) <= kLargestNumber)) {
      fail("field " + std::to_string(fields_) + " is " + in_quotes(last_) +
           ", wanted a finite number of at most 1e100");
      return 0;
    }
    return value;
  }

  std::int64_t id() {
    ++fields_;
    std::int64_t value = 0;
    if (!scan(value, "a whole number (id)")) return 0;
    if (value < 0) {
      fail("field " + std::to_string(fields_) + " is " + in_quotes(last_) + ", wanted an id of at least 0");
      return 0;
    }
    return value;
  }

  bool at_end() {
    skip_blanks();
    return at_ == end_;
  }

  /// Call after the last read: whatever is left is an extra field.
  bool ok() {
    if (error_.empty() && !at_end()) fail("extra field " + in_quotes(word()) + " after " + count());
    return error_.empty();
  }
  void fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
  }
  const std::string& error() const { return error_; }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  void skip_blanks() {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  }
  std::string count() const { return std::to_string(fields_) + (fields_ == 1 ? " field" : " fields"); }

  template <class Number>
  bool scan(Number& value, const char* wanted) {
    if (!error_.empty()) return false;
    skip_blanks();
    if (at_ == end_) {
      --fields_;
      fail("the line ends after " + count() + ", wanted " + wanted);
      return false;
    }
    const char* begin = at_;
    const auto [stop, code] = std::from_chars(*at_ == '+' ? at_ + 1 : at_, end_, value);
    if (code == std::errc{} && (stop == end_ || is_blank(*stop))) [[likely]] {
      last_ = {begin, static_cast<std::size_t>(stop - begin)};
      at_ = stop;
      return true;
    }
    last_ = word();
    const std::string found = "field " + std::to_string(fields_) + " is " + in_quotes(last_);
    fail(found + (code == std::errc::result_out_of_range ? ", out of range, wanted " : ", wanted ") + wanted);
    return false;
  }

  const char* at_;
  const char* end_;
  int fields_ = 0;
  std::string_view last_;
  std::string error_;
};

}  // namespace pipit
