#include "phones/lexicon.h"

#include <algorithm>

#include "base/file.h"

namespace pipit {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20, kMostPhones = 60;

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
    std::string_view rest = take_until(text, '\n');
    const std::string_view word = take_until(rest, '\t');
    if (word.empty() || rest.empty()) return bad("wanted a word, a tab, and phones");
    if (!std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '\''; }))
      return bad("a word has letters A to Z and apostrophes alone");
    Pronunciation phones;
    while (!rest.empty()) {
      const auto found = number.find(take_until(rest, ' '));
      if (found == number.end()) return bad("a phone that the model does not tell");
      if (phones.size() == kMostPhones) return bad("more than 60 phones");
      phones.push_back(found->second);
    }
    out.words_[std::string(word)].push_back(std::move(phones));
  }
  return out;
}

std::span<const Pronunciation> Lexicon::operator()(std::string_view word) const {
  const auto found = words_.find(word);
  if (found == words_.end()) return {};
  return found->second;
}

}  // namespace pipit
