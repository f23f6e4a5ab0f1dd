#include "text/normalise.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"
#include "text/number_words.h"

namespace pipit {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

constexpr char32_t kNone = 0xFFFFFFFF;

/// Takes the first code point off `text`; one byte and kNone where there is none.
char32_t take(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  char32_t point = length == 1 ? first : first & (0x7Fu >> length);
  bool good = length > 0 && text.size() >= length;
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xC0) == 0x80;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  text.remove_prefix(good ? length : 1);
  return good ? point : kNone;
}

/// U+00C0 .. U+017F without accents, 64 code points a line; '|' is a space, '+' two letters (see fold).
constexpr std::string_view kLatin =
    "AAAAAA+CEEEEIIII+NOOOOO|OUUUUY++AAAAAA+CEEEEIIII+NOOOOO|OUUUUY+Y"
    "AAAAAACCCCCCCCDDDDEEEEEEEEEEGGGGGGGGHHHHIIIIIIIIII++JJKKKLLLLLLL"
    "LLLNNNNNNNNNOOOOOO++RRRRRRSSSSSSSSTTTTTTUUUUUUUUUUUUWWYYYZZZZZZS";
static_assert(kLatin.size() == 0x180 - 0xC0);

std::string_view two_letters(char32_t point) {
  switch (point) {
    case 0xC6:
    case 0xE6:
      return "AE";
    case 0xD0:
    case 0xF0:
      return "D";
    case 0xDE:
    case 0xFE:
      return "TH";
    case 0xDF:
      return "SS";
    case 0x132:
    case 0x133:
      return "IJ";
    default:
      return "OE";
  }
}

/// The text in capitals and ASCII; what has no ASCII form is a space.
std::string fold(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char32_t point = take(text);
    if (point < 0x80) {
      out += upper(static_cast<char>(point));
    } else if (point >= 0xC0 && point < 0x180) {
      const char plain = kLatin[point - 0xC0];
      if (plain == '+')
        out += two_letters(point);
      else
        out += plain == '|' ? ' ' : plain;
    } else if (point == 0x2018 || point == 0x2019 || point == 0x201B || point == 0x02BC || point == 0xFF07) {
      out += '\'';
    } else if (point == 0x2212) {
      out += '-';
    } else if ((point >= 0x300 && point < 0x370) || point == 0xAD || (point >= 0x200B && point <= 0x200D) ||
               point == 0xFEFF) {
      // an accent on its own, a soft hyphen, a mark of no width: nothing to hear
    } else {
      out += ' ';
    }
  }
  return out;
}

/// Reads numbers out of folded text, and leaves letters, apostrophes and everything else as they are.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  std::string read() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_digit(c)) {
        number(false);
      } else if (c == '$' && is_digit(peek(1))) {
        ++at_;
        number(true);
      } else if (c == '-' && is_digit(peek(1)) && !joined_before()) {
        out_ += " MINUS ";
        ++at_;
      } else if (c == '&') {
        out_ += " AND ";
        ++at_;
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : ' '; }
  bool joined_before() const { return at_ > 0 && (is_letter(text_[at_ - 1]) || is_digit(text_[at_ - 1])); }

  /// Digits with their commas left out: a comma counts when one to three digits stand before it, three behind each.
  std::string digits(bool& with_commas) {
    std::string found;
    while (is_digit(peek(0))) found += text_[at_++];
    while (found.size() <= 9 && (with_commas || found.size() <= 3) && peek(0) == ',' && is_digit(peek(1)) &&
           is_digit(peek(2)) && is_digit(peek(3)) && !is_digit(peek(4))) {
      with_commas = true;
      found.append(text_.substr(at_ + 1, 3));
      at_ += 4;
    }
    return found;
  }

  /// Consumes `word` when it stands here and no letter follows.
  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word || is_letter(peek(word.size()))) return false;
    at_ += word.size();
    return true;
  }

  bool take_scale(std::string& words) {
    const std::size_t before = at_;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    for (const std::string_view scale : {"HUNDRED", "THOUSAND", "MILLION", "BILLION", "TRILLION"})
      if (take_word(scale)) {
        words += ' ';
        words += scale;
        return true;
      }
    at_ = before;
    return false;
  }

  void number(bool dollars) {
    const bool alone_before = !joined_before();
    bool with_commas = false;
    const std::string whole = digits(with_commas);
    std::string part;
    if (peek(0) == '.' && is_digit(peek(1))) {
      ++at_;
      while (is_digit(peek(0))) part += text_[at_++];
    }
    const auto value = parse_number<std::int64_t>(whole);
    const bool spoken = value && *value <= kLargestSpoken && (whole.size() == 1 || whole.front() != '0');
    std::string words = spoken ? cardinal_words(*value) : digit_words(whole);

    if (dollars) {
      money(std::move(words), spoken && *value == 1, part);
      return;
    }
    if (!part.empty()) {
      words += " POINT " + digit_words(part);
    } else if (spoken && (take_word("ST") || take_word("ND") || take_word("RD") || take_word("TH"))) {
      words = ordinal_words(*value);
    } else {
      if (spoken && whole.size() == 4 && !with_commas && alone_before && peek(0) != '%' && is_spoken_year(*value))
        words = year_words(*value);
      if (take_word("S") || take_word("'S")) words = plural_words(std::move(words));
    }
    if (peek(0) == '%') {
      ++at_;
      words += " PERCENT";
    }
    say(words);
  }

  void money(std::string words, bool one, const std::string& part) {
    const bool cents = part.size() == 2;
    if (!part.empty() && !cents) words += " POINT " + digit_words(part);
    std::string with_point = cents ? words + " POINT " + digit_words(part) : words;
    if (take_scale(with_point)) {
      say(with_point + " DOLLARS");
      return;
    }
    words += one && (part.empty() || cents) ? " DOLLAR" : " DOLLARS";
    if (const auto value = parse_number<std::int64_t>(part); cents && *value > 0)
      words += " AND " + cardinal_words(*value) + (*value == 1 ? " CENT" : " CENTS");
    say(words);
  }

  void say(std::string_view words) {
    out_ += ' ';
    out_ += words;
    out_ += ' ';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

std::optional<std::string_view> spelled_out(std::string_view word, bool last) {
  if (word == "MR") return "MISTER";
  if (word == "MRS") return "MISSUS";
  if (word == "DR") return "DOCTOR";
  if (word == "ST") return last ? "STREET" : "SAINT";
  return std::nullopt;
}

}  // namespace

std::string normalise(std::string_view text) {
  const std::string read = NumberReader(fold(text)).read();
  std::string out, word, held;  // `held` is written when it is known whether another word follows
  const auto write = [&](bool last) {
    if (held.empty()) return;
    if (!out.empty()) out += ' ';
    out += spelled_out(held, last).value_or(held);
  };
  for (std::size_t i = 0; i <= read.size(); ++i) {
    const bool inner = i > 0 && i + 1 < read.size() && is_letter(read[i - 1]) && is_letter(read[i + 1]);
    if (i < read.size() && (is_letter(read[i]) || (read[i] == '\'' && inner))) {
      word += read[i];
    } else if (!word.empty()) {
      write(false);
      held = std::exchange(word, {});
    }
  }
  write(true);
  return out;
}

}  // namespace pipit
