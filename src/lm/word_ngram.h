// lm/word_ngram.h — a word n-gram that answers for every piece of a word at once: what a search asks of it piece by
// piece multiplies to exactly what it says of whole words.
// Sources: Ortmanns, Ney and Eiden, Language-model look-ahead (1996); Kneser and Ney (1995) for what is left over.
// Legend: h the words before, h' the same without the oldest, a(w | h) share of a word that is listed there, g(h) what
// the list leaves over, u the unknown word, S(x) how likely the speller is to begin with the pieces x:
//   P(w | h) = a(w | h) + g(h) P(w | h'),   P(w | nothing) listed for every word, u among them.
// Words are numbered so that those below a node n of their tree are one interval, whose probability P(n | h) follows
// the same recursion. A word is drawn from its list, or from the speller where u is drawn:
//   mass(n, h) = P(n | h) + P(u | h) S(n),   P(piece | n, h) = mass(n piece, h) / mass(n, h),
// and a word's end goes to the pieces that begin the next one. So every sequence of pieces has a chance.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "lm/label_prior.h"
#include "lm/ngram.h"
#include "lm/word_trie.h"

namespace pipit {

/// Const after open(), and read where it lies in the file: replace the file, do not edit it. Any number of threads may
/// ask.
class WordNgramModel : public LabelPrior {
 public:
  /// Fails with NotFound, Io, Unsupported (version) or BadFormat (cut, changed, what does not fit together),
  /// naming the path.
  static Result<WordNgramModel> open(const std::string& path);

  int tokens() const override { return static_cast<int>(begins_word_.size()); }
  /// The longest list of words before that the next words' shares depend on, and the node of the word under way.
  std::uint64_t start() const override;
  std::uint64_t next(std::uint64_t state, std::int32_t label) const override;
  /// Cost   one pass over the lists of the context: microseconds.
  void log_probs_after(std::uint64_t state, std::span<float> out) const override;

  /// The words that have a number; unknown() = num_words() stands for all others.
  int num_words() const { return static_cast<int>(trie_.num_words()); }
  const WordTrie& words() const { return trie_; }
  /// P(word | words before), word by word as it is defined; at_start: nothing was before them.
  double share(std::span<const std::int32_t> before, bool at_start, std::int32_t word) const;
  /// P(pieces begin a word of the speller's); with `ends`, that the word ends there too.
  double spelled(std::span<const std::int32_t> pieces, bool ends) const;

  std::size_t num_contexts() const { return word_.size(); }
  std::size_t num_entries() const { return entry_word_.size(); }
  std::size_t bytes() const;

 private:
  friend class WordNgramBuilder;
  friend struct WordNgramFile;
  using Pieces = std::array<double, 256>;
  struct Masses {
    Pieces below{};                // by piece, of the words below each child of a node
    double ends = 0, unknown = 0;  // of the word that ends at it; of the unknown word
  };

  void add_up_words();
  double left(std::uint32_t context) const;
  std::uint32_t find(std::uint32_t context, std::uint32_t word) const;
  std::uint32_t after(std::uint32_t context, std::uint32_t word) const;
  Masses masses(std::uint32_t context, std::uint32_t node) const;
  void spell(std::span<const std::int32_t> pieces, Pieces& out) const;
  void first_pieces(std::uint32_t context, double factor, Pieces& out) const;
  std::uint32_t unknown() const { return trie_.num_words(); }
  std::uint32_t sentence_start() const { return trie_.num_words() + 1; }

  std::optional<MappedFile> file_;    // what the arrays lie in; none where the model has just been built
  Stored<std::uint8_t> begins_word_;  // [tokens]
  WordTrie trie_;
  NgramModel speller_;
  Stored<std::uint8_t> word_share_;  // [words + 1], of no context; quantised
  std::vector<double> before_;       // [words + 2], what they add up to
  // Contexts, the empty one first, by length, then by parent (the context without its oldest word), then by word.
  Stored<std::uint16_t> word_;                  // [contexts]; the oldest
  Stored<std::uint32_t> parent_, first_child_;  // [contexts], [contexts + 1]
  Stored<std::uint32_t> first_entry_;           // [contexts + 1]
  Stored<std::uint8_t> left_over_;              // [contexts]; quantised
  Stored<float> scale_;                         // [contexts]; what a share is multiplied by, so that all add up to one
  Stored<std::uint16_t> entry_word_;            // [entries], ascending in a context
  Stored<std::uint8_t> entry_share_;            // [entries]; quantised
};

struct WordNgramOptions {
  int context = 2;        ///< words before that are looked at, 1 to 3
  double discount = 0.8;  ///< taken off every count
  /// What a listed word must save, in nats over the whole text, against not being listed; by length of context from 1.
  std::vector<double> least_gain = {0, 0, 0};
  NgramOptions spelling = {.context = 3, .least_count = {1, 1, 2, 2}};
};

/// Counts sentences and makes a model of them. Memory: 8 bytes for every word of the text, 24 for each n-gram.
class WordNgramBuilder {
 public:
  /// begins_word [tokens]. Needs   tokens <= 256, at most 65,533 words; sorted; a word's first piece begins a word, no
  /// other does.
  WordNgramBuilder(std::vector<std::uint8_t> begins_word,
                   std::span<const std::vector<std::int32_t>> words,
                   const WordNgramOptions& options);
  /// Needs   every number in [0, number of words], the last one for any unknown word.
  void add(std::span<const std::int32_t> sentence, double weight = 1);
  /// An unknown word that was met.
  void add_spelling(std::span<const std::int32_t> pieces) { speller_.add(pieces); }
  /// Empties the builder.
  WordNgramModel build();
  /// Fails   as write_file.
  static Status write(const WordNgramModel& model, const std::string& path);

 private:
  /// Words before, the newest in the highest 16 bits, and the word in the lowest.
  struct Gram {
    std::uint64_t key;
    double rest;  // of the count, what longer contexts have not explained
    float count;
  };
  struct Kept {
    std::uint64_t key;
    double share;
  };
  static std::uint64_t mask(int length) {
    return length == 0 ? 0xffff : (~std::uint64_t{0} << (64 - 16 * length)) | 0xffff;
  }
  static void merge(std::vector<Gram>& grams);
  std::vector<Gram> counted();
  std::vector<Kept> keep(std::vector<Gram>& grams, std::vector<Gram>& shorter, int length) const;
  void lay_out(const std::vector<std::vector<Kept>>& kept, WordNgramModel& model) const;

  WordNgramOptions options_;
  std::vector<std::uint8_t> begins_word_;
  WordTrie trie_;
  NgramBuilder speller_;
  std::vector<std::pair<double, std::vector<std::uint64_t>>> positions_;  // by weight
};

}  // namespace pipit
