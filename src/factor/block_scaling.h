// factor/block_scaling.h — makes every diagonal block of a system the identity, so that low precision fits.
// Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), ch. 10; papers.md A2 (block scaling beats
// columns).
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
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

/// A scaling as an arithmetic reads it: fp64 a copy in fp64, everything else the scaling itself.
template <class T>
class ScalingIn {
 public:
  using Value = std::conditional_t<std::is_same_v<T, double>, double, float>;

  /// Needs   `scaling` outlives the use.   Cost   a copy, or nothing.
  void take(const BlockScaling& scaling) {
    area_ = static_cast<std::size_t>(scaling.B) * scaling.B;
    if constexpr (std::is_same_v<Value, float>) {
      values_ = scaling.S.data();
    } else {
      copy_.resize(scaling.S.size() + 8);  // vectors may run over the end
      std::copy(scaling.S.begin(), scaling.S.end(), copy_.begin());
      values_ = copy_.data();
    }
    if (!scaling.on()) values_ = nullptr;
  }
  const Value* block(int i) const {
    return values_ == nullptr ? nullptr : values_ + static_cast<std::size_t>(i) * area_;
  }

 private:
  const Value* values_ = nullptr;
  std::size_t area_ = 0;
  AlignedVector<Value> copy_;
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
