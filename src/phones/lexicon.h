// phones/lexicon.h — how words are said.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace pipit {

using Pronunciation = std::vector<std::uint8_t>;  ///< phones, numbered as in the list that the lexicon was read with

/// Text, one line for each way to say a word: WORD, a tab, phones with a space between two. Words in capitals; a word
/// that is said in several ways stands on as many lines. Const after open().
class Lexicon {
 public:
  Lexicon() = default;
  /// names [phones], the blank first (nn/transducer.h). Fails with NotFound, Io, or BadFormat: file, line, what was
  /// found.
  static Result<Lexicon> open(const std::string& path, std::span<const std::string> names);
  static Result<Lexicon> parse(std::string_view text, std::string_view path, std::span<const std::string> names);

  /// Empty: nobody said how.
  std::span<const Pronunciation> operator()(std::string_view word) const;
  std::size_t num_words() const { return words_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::vector<Pronunciation>, Hash, std::equal_to<>> words_;
};

}  // namespace pipit
