// text/edit_distance.h — word errors: which words were hit, substituted, inserted, deleted; and how sure the rate is.
// Source: Wagner and Fischer, The String-to-String Correction Problem (1974); Bisani and Ney, Bootstrap Estimates for
// Confidence Intervals in ASR Performance Evaluation (2004).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pipit {

enum class Edit : std::uint8_t { Hit, Substitution, Deletion, Insertion };

struct EditCounts {
  int hits = 0, substitutions = 0, insertions = 0, deletions = 0;

  int num_reference() const { return hits + substitutions + deletions; }
  int errors() const { return substitutions + insertions + deletions; }
  /// Errors per reference word (WER, 1 = 100 %). Without reference words: 0 when nothing was inserted, else infinity.
  double rate() const;
  EditCounts& operator+=(const EditCounts& other);
  bool operator==(const EditCounts&) const = default;
};

struct Alignment {
  std::vector<Edit> edits;  // from first word to last; a deletion uses a reference word only, an insertion a hypothesis
                            // word only
  EditCounts counts;
};

/// Fewest errors that turn `reference` into `hypothesis`. Among equals the trace back from the last words prefers a hit
/// or substitution, then a deletion, then an insertion: one answer for one pair of texts.
/// Cost    O(n m) time, n m bytes.
Alignment align(std::span<const std::string_view> reference, std::span<const std::string_view> hypothesis);

/// The words of a text, separated by spaces; views into `text`.
std::vector<std::string_view> split_words(std::string_view text);

/// split_words of both, aligned.
EditCounts count_edits(std::string_view reference, std::string_view hypothesis);

struct RateInterval {
  double rate = 0;           // of all utterances together
  double low = 0, high = 0;  // percentiles over the resamples
};

struct BootstrapOptions {
  int num_resamples = 1000;   // >= 1
  double confidence = 0.95;   // in (0, 1): the interval leaves (1 - confidence) / 2 out on each side
  std::uint64_t seed = 2004;  // same seed, same interval
};

/// Percentile interval of the word error rate when utterances are drawn again with replacement.
/// Needs   at least one utterance.   Cost O(num_resamples * utterances).
RateInterval bootstrap(std::span<const EditCounts> utterances, const BootstrapOptions& options = {});

}  // namespace pipit
