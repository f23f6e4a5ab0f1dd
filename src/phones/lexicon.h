// phones/lexicon.h — how words are said.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pipit {

using Pronunciation = std::span<const std::uint8_t>;  ///< phones, numbered as in the list that a lexicon was read with

/// Text, one line for each way to say a word: WORD, a tab, phones with a space between two. Words in capitals; a word
/// that is said in several ways stands on as many lines, anywhere. Const after open(); 33 bytes a line in memory.
class Lexicon {
 public:
  Lexicon() = default;
  Lexicon(Lexicon&&) noexcept = default;
  Lexicon& operator=(Lexicon&&) noexcept = default;
  /// names [phones], the blank first (nn/transducer.h). Fails with NotFound, Io, or BadFormat: file, line, what was
  /// found.
  static Result<Lexicon> open(const std::string& path, std::span<const std::string> names);
  static Result<Lexicon> parse(std::string_view text, std::string_view path, std::span<const std::string> names);

  /// In the order of the text; none: nobody said how. They live as long as the lexicon does.
  std::vector<Pronunciation> operator()(std::string_view word) const;

 private:
  struct Way {
    std::uint32_t word = 0, phones = 0;  // where they begin
    std::uint8_t word_size = 0, num_phones = 0;
  };
  std::string_view word_of(const Way& way) const { return std::string_view(words_).substr(way.word, way.word_size); }
  std::string words_;                 // one after the other
  std::vector<std::uint8_t> phones_;  // likewise
  std::vector<Way> ways_;             // by word
};

}  // namespace pipit
