// factor/block_scaling.h — makes every diagonal block of a system the identity, so that low precision fits.
// Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), ch. 10; papers.md A2 (block scaling beats
// columns).
#pragma once
#include <span>
#include <vector>

#include "bits/block_rows.h"
#include "factor/aligned.h"
#include "factor/block_matrix.h"

namespace pipit {

enum class ScalingKind : unsigned char { None, Diagonal, Block };

/// Lower triangular B x B matrices S_i, column-major: S H S^T has unit diagonal (Diagonal) or unit diagonal blocks
/// (Block), up to fp32 rounding. They are held in fp32 and used as held, by whoever forms S H S^T and by whoever undoes
/// it. Empty: no scaling.
struct BlockScaling {
  int B = 0;
  AlignedVector<float> S;  ///< [n, B, B]

  bool on() const { return !S.empty(); }
  const float* block(int i) const { return on() ? S.data() + static_cast<std::size_t>(i) * B * B : nullptr; }
};

/// Scaling of H + diag(damping); damping [n*B] or empty. A block that is not positive definite falls back to its
/// diagonal, and a diagonal entry that is not positive to 1.
template <class T>
BlockScaling make_scaling(const BlockSymmetric<T>& H, std::span<const double> damping, ScalingKind kind);

/// The same for H = J^T J given by its rows, one BlockRows per batch; n block columns of B.
template <class T>
BlockScaling make_scaling(
    std::span<const BlockRows<T>> J, int n, int B, std::span<const double> damping, ScalingKind kind);

}  // namespace pipit
