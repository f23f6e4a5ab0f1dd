#include "view/markup.h"

#include <charconv>
#include <cmath>

#include "base/contract.h"
#include "base/text.h"

namespace pipit {
namespace {

/// Length of the UTF-8 sequence at the front (1 to 4), 0 if there is none (overlong, surrogate or cut forms too).
std::size_t sequence_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char b = byte(0);
  if (b < 0x80) return 1;
  const std::size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
  if (b < 0xc2 || b > 0xf4 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((b == 0xe0 && byte(1) < 0xa0) || (b == 0xed && byte(1) > 0x9f) || (b == 0xf0 && byte(1) < 0x90) ||
      (b == 0xf4 && byte(1) > 0x8f))
    return 0;
  if (b == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe) return 0;  // U+FFFE and U+FFFF are no XML characters
  return n;
}

std::string digits(double value, std::chars_format format, int precision) {
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, format, precision).ptr;
  return {buffer, end};
}

std::string with_minus(std::string text) {
  if (text.empty() || text[0] != '-') return text;
  if (text.find_first_of("123456789") == std::string::npos) return text.substr(1);  // no minus zero
  return "\u2212" + text.substr(1);
}

std::string not_finite(double value) {
  if (std::isnan(value)) return "\u2013";
  return value < 0 ? "\u2212\u221e" : "\u221e";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t n = sequence_length(text);
    const char c = text[0];
    if (n == 0) {
      out += "\ufffd";
    } else if (n > 1) {
      out += text.substr(0, n);
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (c >= ' ' || c == '\n' || c == '\t') {
      out += c;
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string power_of_ten(int exponent) {
  static constexpr std::string_view kRaised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = "10";
  for (const char c : std::to_string(exponent)) out += c == '-' ? std::string_view("⁻") : kRaised[c - '0'];
  return out;
}

std::string format_number(double value, int significant) {
  expects(significant >= 1 && significant <= 17, "format_number: significant digits must be 1 to 17");
  if (!std::isfinite(value)) return not_finite(value);
  if (value == 0) return "0";
  const std::string scientific = digits(value, std::chars_format::scientific, significant - 1);
  const auto e = scientific.find('e');
  const int exponent = parse_number<int>(std::string_view(scientific).substr(e + 1)).value_or(0);
  if (exponent >= -4 && exponent < 7)
    return with_minus(digits(value, std::chars_format::fixed, std::max(0, significant - 1 - exponent)));
  return with_minus(scientific.substr(0, e)) + "·" + power_of_ten(exponent);
}

std::string format_fixed(double value, int decimals) {
  expects(decimals >= 0 && decimals <= 17, "format_fixed: decimals must be 0 to 17");
  if (!std::isfinite(value)) return not_finite(value);
  if (std::abs(value) >= 1e15) return format_number(value);
  return with_minus(digits(value, std::chars_format::fixed, decimals));
}

int num_characters(std::string_view text) {
  int n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

}  // namespace pipit
