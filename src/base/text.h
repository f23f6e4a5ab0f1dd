// base/text.h — walks through the lines and fields of a text file, without copies; quotes it in messages.
#pragma once
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace pipit {

/// Yields the lines of `text` one by one, without "\n" or "\r\n"; the last line may lack its end.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const auto end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number_;
    return line;
  }
  /// Number of the line last returned, from 1.
  long number() const { return number_; }

 private:
  std::string_view rest_;
  long number_ = 0;
};

/// Yields the fields of a line, separated by blanks and tabs.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  /// The next field; empty at the end of the line.
  std::string_view next() {
    const auto begin = rest_.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
      rest_ = {};
      return {};
    }
    rest_.remove_prefix(begin);
    const auto end = rest_.find_first_of(" \t");
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
    return field;
  }

 private:
  std::string_view rest_;
};

/// The whole field as a number: no rest, no overflow (a double may read as inf or nan: check with std::isfinite).
template <class Number>
std::optional<Number> parse_number(std::string_view field) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  Number value{};
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (field.empty() || code != std::errc{} || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// Text from a file made fit for a one-line message: quoted, at most 32 characters, others than printable ASCII as '?'.
inline std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 32)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > 32 ? "...'" : "'");
}

}  // namespace pipit
