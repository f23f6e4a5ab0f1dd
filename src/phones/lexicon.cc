#include "phones/lexicon.h"

#include <algorithm>
#include <unordered_map>

#include "base/file.h"
#include "base/text.h"

namespace pipit {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20, kMostPhones = 60, kLongestWord = 100;

// Cuts `text` at the first `mark`: what is before it is returned, what is after it stays.
std::string_view take_until(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

}  // namespace

Result<Lexicon> Lexicon::open(const std::string& path, std::span<const std::string> names) {
  const auto text = read_file(path, kMostBytes);
  if (!text) return text.error();
  return parse(*text, path, names);
}

Result<Lexicon> Lexicon::parse(std::string_view text, std::string_view path, std::span<const std::string> names) {
  std::unordered_map<std::string_view, std::uint8_t> number;
  for (std::size_t k = 1; k < names.size(); ++k) number[names[k]] = static_cast<std::uint8_t>(k);
  Lexicon out;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto bad = [&](std::string_view what) {
      return Error{Code::BadFormat, std::string(path) + ':' + std::to_string(line) + ": " + std::string(what)};
    };
    const std::string_view whole = take_until(text, '\n');
    std::string_view rest = whole;
    const std::string_view word = take_until(rest, '\t');
    if (word.empty() || rest.empty()) return bad("wanted a word, a tab, and phones, found " + in_quotes(whole));
    if (!std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '\''; }))
      return bad("wanted a word of letters A to Z and apostrophes, found " + in_quotes(word));
    if (word.size() > kLongestWord) return bad("a word of more than 100 letters");
    Way way{.word = static_cast<std::uint32_t>(out.words_.size()),
            .phones = static_cast<std::uint32_t>(out.phones_.size()),
            .word_size = static_cast<std::uint8_t>(word.size())};
    out.words_ += word;
    while (!rest.empty()) {
      const std::string_view phone = take_until(rest, ' ');
      const auto found = number.find(phone);
      if (found == number.end()) return bad("the model tells no phone " + in_quotes(phone));
      if (way.num_phones++ == kMostPhones) return bad("more than 60 phones");
      out.phones_.push_back(found->second);
    }
    out.ways_.push_back(way);
  }
  if (out.ways_.empty()) return Error{Code::BadFormat, std::string(path) + ": no word in it"};
  std::ranges::stable_sort(out.ways_, {}, [&](const Way& way) { return out.word_of(way); });
  return out;
}

std::vector<Pronunciation> Lexicon::operator()(std::string_view word) const {
  std::vector<Pronunciation> out;
  auto way = std::ranges::lower_bound(ways_, word, {}, [&](const Way& w) { return word_of(w); });
  for (; way != ways_.end() && word_of(*way) == word; ++way)
    out.push_back(Pronunciation(phones_).subspan(way->phones, way->num_phones));
  return out;
}

}  // namespace pipit
