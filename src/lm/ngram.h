// lm/ngram.h — how likely a token is after those before it, by counts of a large text: a trie of contexts, newest token
// first, so that backing off is going one step back.
// Source: Kneser and Ney, Improved backing-off for m-gram language modeling (1995), interpolated as in Chen and Goodman
// (1999).   Legend: h context, h' the same without its oldest token, a(w | h) discounted share, g(h) what is left over:
//   P(w | h) = a(w | h) + g(h) P(w | h'),   P(w | nothing at all) = 1 / number of tokens.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "lm/label_prior.h"

namespace pipit {

/// Const after open(); any number of threads may ask.
class NgramModel : public LabelPrior {
 public:
  /// Fails with NotFound, Io, Unsupported (version) or BadFormat (cut, changed, sizes that do not fit), naming the
  /// path.
  static Result<NgramModel> open(const std::string& path);

  int tokens() const override { return num_tokens_; }  ///< <= 256; token 0 stands for the time before the first one
  int context() const { return static_cast<int>(levels_.size()) - 1; }  ///< tokens that are looked at
  std::size_t bytes() const;
  std::size_t num_entries() const;

  /// out [tokens()] = log P(token | context), natural; token 0 has no chance. context: the newest last, 0 before the
  /// start; what goes beyond context() is not read.   Cost: context() times tokens() multiplications.
  void log_probs(std::span<const std::int32_t> context, std::span<float> out) const;

  /// The last context() labels, the newest in the lowest byte.
  std::uint64_t start() const override { return 0; }
  std::uint64_t next(std::uint64_t state, std::int32_t label) const override;
  void log_probs_after(std::uint64_t state, std::span<float> out) const override;

 private:
  friend class NgramBuilder;
  friend struct NgramFile;
  /// Nodes of one length of context, sorted by parent, then by token.
  struct Level {
    std::vector<std::uint8_t> token, left_over;           // [nodes]; quantised
    std::vector<std::uint32_t> first_child, first_entry;  // [nodes + 1]
    std::vector<std::uint8_t> entry_token, entry_share;   // quantised
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

/// Counts sentences and makes a model of them. Memory: 8 bytes for every token of the text.
class NgramBuilder {
 public:
  explicit NgramBuilder(const NgramOptions& options);
  /// Needs   every token in [1, options.tokens).
  void add(std::span<const std::int32_t> sentence);
  /// Counts, smooths, rounds (log shares to 1/16) and writes. Fails   as write_file.
  Status write(const std::string& path);
  NgramModel build();

 private:
  NgramOptions options_;
  std::vector<std::uint64_t> positions_;  // context newest first in the upper bytes, the token in the lowest
};

}  // namespace pipit
