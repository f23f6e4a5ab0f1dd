// base/line_scan.h — reads numbers from text, field by field, and remembers the first thing that was wrong.
#pragma once
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"

namespace pipit {

/// Largest magnitude taken for a number of a file; its square times another one is still finite.
inline constexpr double kLargestNumber = 1e100;

/// Walks over the fields of a line. After the first failure all further reads yield zero and `error` keeps the reason.
/// `name` is what a message calls the field; "field 3" where it is left out.
class LineScan {
 public:
  explicit LineScan(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  std::string_view word() {
    skip_blanks();
    const char* begin = at_;
    while (at_ != end_ && !is_blank(*at_)) ++at_;
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

  double number(const char* name = nullptr) {
    double value = 0;
    if (!scan(value, name, "a number")) return 0;
    if (!(std::abs(value) <= kLargestNumber)) return refuse(name, "a finite number of at most 1e100");
    return value;
  }

  std::int64_t id(const char* name = nullptr) {
    std::int64_t value = 0;
    if (!scan(value, name, "a whole number (id)")) return 0;
    return value < 0 ? refuse(name, "an id of at least 0") : value;
  }

  std::int64_t whole(const char* name, std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    if (!scan(value, name, "a whole number")) return 0;
    if (value >= least && value <= most) return value;
    return refuse(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }

  bool at_end() {
    skip_blanks();
    return at_ == end_;
  }
  /// What no read has taken yet.
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

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
  std::string found(const char* name) const {
    return (name != nullptr ? name : "field " + std::to_string(fields_)) + " is " + in_quotes(last_);
  }
  int refuse(const char* name, const std::string& wanted) {
    fail(found(name) + ", wanted " + wanted);
    return 0;
  }

  template <class Number>
  bool scan(Number& value, const char* name, const char* kind) {
    if (!error_.empty()) return false;
    skip_blanks();
    if (at_ == end_) {
      fail("the line ends after " + count() + ", wanted " + (name != nullptr ? name : kind));
      return false;
    }
    ++fields_;
    const char* begin = at_;
    const auto [stop, code] = std::from_chars(*at_ == '+' ? at_ + 1 : at_, end_, value);
    if (code == std::errc{} && (stop == end_ || is_blank(*stop))) [[likely]] {
      last_ = {begin, static_cast<std::size_t>(stop - begin)};
      at_ = stop;
      return true;
    }
    last_ = word();
    fail(found(name) + (code == std::errc::result_out_of_range ? ", out of range, wanted " : ", wanted ") + kind);
    return false;
  }

  const char* at_;
  const char* end_;
  int fields_ = 0;
  std::string_view last_;
  std::string error_;
};

/// The same over all lines of a file, where an end of line is a blank like any other. `error` names file and line.
class FieldScan {
 public:
  /// Needs   `lines` longer than itself.
  explicit FieldScan(LineReader& lines) : lines_(lines) {}

  double number(const char* name) {
    return checked(name, [&] { return line_.number(name); });
  }
  std::int64_t whole(const char* name, std::int64_t least, std::int64_t most) {
    return checked(name, [&] { return line_.whole(name, least, most); });
  }
  /// Call after the last read: nothing but blanks may follow.
  void end() {
    if (ok() && step()) fail(in_quotes(line_.word()) + " behind the end");
  }
  void fail(const std::string& why) {
    const std::int64_t line = lines_.number() > 0 ? lines_.number() : 1;
    if (!error_) error_ = Error{Code::BadFormat, lines_.name() + ":" + std::to_string(line) + ": " + why};
  }
  bool ok() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  template <class Read>
  auto checked(const char* name, Read read) -> decltype(read()) {
    if (!ok()) return 0;
    if (!step()) {
      fail(std::string("the file ends, wanted ") + name);
      return 0;
    }
    const auto value = read();
    if (!line_.error().empty()) fail(line_.error());
    return value;
  }
  /// To the next field. False where there is none.
  bool step() {
    while (line_.at_end()) {
      const auto next = lines_.next();
      if (!next && !error_) error_ = next.error();
      if (!next || !next->has_value()) return false;
      line_ = LineScan(**next);
    }
    return true;
  }

  LineReader& lines_;
  LineScan line_{{}};
  std::optional<Error> error_;
};

}  // namespace pipit
