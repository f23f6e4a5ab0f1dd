// train/rnnt_loss.h — how unlikely a transducer finds a transcript, summed over all alignments, with exact gradient.
// Source: Graves, Sequence transduction with recurrent neural networks (2012), sec. 2.4; papers.md B1.
// Legend: T frames, U labels; blank(t, u) moves on one frame, label(t, u) emits label u + 1; the last move is a blank.
#pragma once
#include <cstdint>
#include <span>

#include "base/parallel.h"

namespace pipit {

/// One transcript: log probabilities, and where their gradients go. Everything row-major.
template <class T>
struct TransducerScores {
  int num_frames = 0, num_labels = 0;  ///< T >= 1, U >= 0
  /// blank [T, U+1] with rows `blank_stride` apart; label [T, U] with rows `label_stride` apart (column U is not read).
  const T* blank = nullptr;
  const T* label = nullptr;
  std::ptrdiff_t blank_stride = 0, label_stride = 0;
  /// d loss / d blank, d loss / d label, laid out alike; null: not wanted. Zero where no alignment passes.
  T* blank_gradient = nullptr;
  T* label_gradient = nullptr;
};

/// Yields -log P(labels | sound); infinite when no alignment has a chance, and the gradients are then zero.
///
/// Exact     sums in the log domain in fp64: 1e-12 relative of enumeration for T, U <= 5 (rnnt_loss_test.cc).
/// Memory    2 T (U + 1) doubles.   Cost   T (U + 1) times two exp and one log, twice.
template <class T>
double transducer_loss(const TransducerScores<T>& scores);

/// The same for many, side by side. losses [scores.size()].   Threads: same bits for any number.
template <class T>
void transducer_losses(std::span<const TransducerScores<T>> scores, std::span<double> losses, Workers& workers);

}  // namespace pipit
