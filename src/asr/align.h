// asr/align.h — when known labels were said: the likeliest alignment of a label sequence (Viterbi through the
// transducer's lattice of frames and labels).   Legend: T frames, U labels, node (t, u): u labels emitted, in frame t.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asr/search.h"
#include "nn/transducer.h"

namespace pipit {

struct LabelAlignment {
  std::vector<Emission> emissions;  ///< one for each label, frames ascending
  /// log P of this alignment alone, natural: never above that of the label sequence, which sums over all alignments.
  double log_prob = -std::numeric_limits<double>::infinity();
};

/// e [T, joint_dim()], labels [U] without blanks. Every frame ends in a blank, the last one too; a frame may emit any
/// number of labels. Without a frame there is no alignment: log_prob is then -inf and nothing is emitted.
/// Cost T (U + 1) calls of log_probs; memory T (U + 1) bits and two rows.
template <TransducerScorer S>
LabelAlignment align(const S& scorer, std::span<const float> e, std::span<const std::int32_t> labels) {
  const auto J = static_cast<std::size_t>(scorer.joint_dim()), U = labels.size(), T = e.size() / J;
  if (T == 0) return {};
  std::vector<float> g((U + 1) * J), scores(static_cast<std::size_t>(scorer.tokens()));
  std::vector<std::int32_t> window(static_cast<std::size_t>(scorer.context()));
  for (std::size_t u = 0; u <= U; ++u) {
    scorer.predict(window, std::span(g).subspan(u * J, J));
    if (u == U) break;
    std::rotate(window.begin(), window.begin() + 1, window.end());
    window.back() = labels[u];
  }
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  std::vector<double> before(U + 1, kNever);  // best score on arriving at (t, u) from frame t - 1
  std::vector<bool> by_label(T * (U + 1));    // (t, u) is best reached by label u - 1 in frame t
  before[0] = 0;
  for (std::size_t t = 0; t < T; ++t) {
    double by_label_score = kNever;
    for (std::size_t u = 0; u <= U; ++u) {
      scorer.log_probs(e.subspan(t * J, J), std::span(g).subspan(u * J, J), scores);
      by_label[t * (U + 1) + u] = by_label_score > before[u];
      const double here = std::max(by_label_score, before[u]);
      by_label_score = u < U ? here + scores[static_cast<std::size_t>(labels[u])] : kNever;
      before[u] = here + scores[0];
    }
  }
  LabelAlignment out{.emissions = std::vector<Emission>(U), .log_prob = before[U]};
  for (std::size_t t = T - 1, u = U; u > 0;) {
    if (t == 0 || by_label[t * (U + 1) + u]) {
      --u;
      out.emissions[u] = {labels[u], static_cast<std::int32_t>(t)};
    } else {
      --t;
    }
  }
  return out;
}

/// The pieces of a text, word by word: of all ways to spell a word the one of fewest pieces, of these the one whose
/// first pieces are longest. Words that the pieces cannot spell are left out.
std::vector<std::int32_t> spell(const Transducer& model, std::string_view text);

/// A word of a known text, with the frames of the encoder that its first and its last piece were emitted in.
struct AlignedWord {
  std::string text;
  std::int32_t first_frame = 0, last_frame = 0;
};

/// When each word of `text` was said, as the model hears it (it emits a word late rather than early).
/// samples: 16 kHz, the whole clip. Empty where nothing can be aligned.
std::vector<AlignedWord> align_words(const Transducer& model, std::span<const float> samples, std::string_view text);

}  // namespace pipit
