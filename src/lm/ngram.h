// lm/ngram.h — how likely a token is after those before it in a sequence (a piece in a word), by counts: a trie of
// contexts, newest token first, so that backing off is going one step back.
// Source: Kneser and Ney, Improved backing-off for m-gram language modeling (1995), interpolated as in Chen and Goodman
// (1999).   Legend: h context, h' the same without its oldest token, a(w | h) discounted share, g(h) what is left over:
//   P(w | h) = a(w | h) + g(h) P(w | h'),   P(w | nothing at all) = 1 / number of tokens.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lm/bytes.h"

namespace pipit {

/// Const; any number of threads may ask.
class NgramModel {
 public:
  int tokens() const { return num_tokens_; }  ///< <= 256; token 0 stands before the first one and after the last
  int context() const { return static_cast<int>(levels_.size()) - 1; }  ///< tokens that are looked at
  std::size_t bytes() const;
  std::size_t num_entries() const;

  /// out [tokens()] = P(token | the sequence so far), P(it ends there) in place 0. sequence: whole, or its last
  /// context() tokens and more.   Cost: context() times tokens() multiplications.
  void probs(std::span<const std::int32_t> sequence, std::span<float> out) const;

  void write(std::string& out) const;
  /// False where the bytes are no such model. They are read where they lie, and must stay there.
  bool read(ByteReader& in);

 private:
  friend class NgramBuilder;
  bool sound() const;
  /// Nodes of one length of context, sorted by parent, then by token.
  struct Level {
    Stored<std::uint8_t> token, left_over;           // [nodes]; quantised
    Stored<std::uint32_t> first_child, first_entry;  // [nodes + 1]
    Stored<std::uint8_t> entry_token, entry_share;   // quantised
  };

  int num_tokens_ = 0;
  std::vector<Level> levels_;
};

/// What a builder keeps.
struct NgramOptions {
  int tokens = 256;
  int context = 6;  ///< longest, 1 to 7
  /// Entries seen less often than this are left out, by length of context (the last one holds for longer ones).
  std::vector<int> least_count = {1, 1, 2, 3, 4, 6, 8};
  double discount = 0.8;  ///< taken off every count
};

/// Counts sequences and makes a model of them. Memory: 8 bytes for every token.
class NgramBuilder {
 public:
  explicit NgramBuilder(const NgramOptions& options);
  /// Needs   every token in [1, options.tokens).
  void add(std::span<const std::int32_t> sequence);
  /// Counts, smooths and rounds (shares.h). Empties the builder.
  NgramModel build();

 private:
  NgramOptions options_;
  std::vector<std::uint64_t> positions_;  // context newest first in the upper bytes, the token in the lowest
};

}  // namespace pipit
