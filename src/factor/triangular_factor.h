// factor/triangular_factor.h — a Cholesky factor at rest, complete or incomplete, in any number format, and its
// triangular solves. Source: Higham, Pranesh and Zounon, Squeezing a matrix into half precision (2019);  Legend: L L^T
// = P (S H S^T + shift) P^T.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/parallel.h"
#include "bits/convert.h"
#include "bits/counters.h"
#include "bits/half.h"
#include "factor/aligned.h"
#include "factor/block_scaling.h"
#include "factor/dense.h"
#include "factor/sweep.h"
#include "factor/symbolic.h"

namespace pipit {

/// Work vectors of TriangularFactor::solve, one per caller; grows on first use.
struct FactorScratch {
  AlignedVector<float> single;
  AlignedVector<double> twice;
};

/// Stored in S: half, bfloat16, float (solves in fp32) or double (solves in fp64).
///
/// Panels as in PanelLayout, each column-major with its diagonal entries as reciprocals (bits/panel.h); the diagonal
/// blocks are also kept inverted, in the format of the vectors (sweep.h). With blocks scaled to the identity |L| <= 1 +
/// shift, so that half neither overflows nor loses the large entries.
template <class S>
class TriangularFactor {
 public:
  using Vector = PanelVector<S>;

  TriangularFactor() = default;
  /// Room for a factor of this layout; values undefined until every panel is stored. `complete`: the layout is that of
  /// a complete factor, whose subtrees may be solved side by side.
  TriangularFactor(std::shared_ptr<const PanelLayout> layout, int B, bool complete);

  /// Rounds one computed panel (shape of panel s, leading dimension shape.ld()) to S. Panels may be stored by several
  /// threads at once, each its own.
  template <class T>
  void store(int s, const T* panel, FrontShape shape, RangeCounters* counters);
  /// What solve() undoes; off: nothing.
  void set_scaling(const BlockScaling& scaling);

  const PanelLayout& layout() const { return *layout_; }
  int B() const { return B_; }
  int size() const { return layout_ ? layout_->n * B_ : 0; }
  /// What one solve reads, about: panels, inverted diagonal blocks, scaling.
  std::size_t bytes() const;
  FrontShape shape(int s) const { return {(layout_->width(s) + layout_->below(s)) * B_, layout_->width(s) * B_}; }
  const S* panel(int s) const { return values_.data() + begin_[s]; }
  int ld(int s) const { return shape(s).m; }
  const BlockScaling& scaling() const { return scaling_; }

  /// z = S^T P^T L^-T L^-1 P S r.  r, z [n*B], may be the same; V: float, double. The vector is scaled by a power of
  /// two on the way in and back on the way out, so that any finite r fits fp32. Threads: same bits for any number.
  template <class V>
  void solve(std::span<const V> r, std::span<V> z, FactorScratch& scratch, Workers& workers) const;

 private:
  /// A subtree as a factor of its own: its blocks in the order of the layout, then the ancestors that it touches.
  struct Subtree {
    std::vector<SweepPanel<S>> panels;      ///< rows and first in the subtree's own numbers
    std::vector<std::int32_t> rows;         ///< of all panels, one after the other
    std::vector<std::int32_t> own, beyond;  ///< block of the layout of each own block; of each ancestor
    std::size_t at = 0;                     ///< place of its vector in the scratch
  };
  SweepPanel<S> whole_panel(int s) const;
  void add_subtree(std::span<const std::int32_t> panels);

  std::shared_ptr<const PanelLayout> layout_;
  int B_ = 0, longest_ = 0;                // longest panel, rows
  std::vector<std::int64_t> begin_;        // [num_panels+1] into values_
  std::vector<SweepPanel<S>> panels_;      // all of them, or with subtrees_ those above
  std::vector<const Vector*> inverse_of_;  // panel s: its inverted diagonal blocks
  std::vector<Subtree> subtrees_;
  std::size_t local_ = 0;  // scalars that the vectors of all subtrees take in the scratch
  AlignedVector<S> values_;
  AlignedVector<Vector> inverse_;
  BlockScaling scaling_;                      // in the order of the matrix
  AlignedVector<Vector> forward_, backward_;  // S_i and S_i^T in the order of the layout
};

/// The same solve with every operation in the arithmetic N (HalfNumber): the naive all-half solver. r, z [n*B].
template <class N, class S>
void solve_in(const TriangularFactor<S>& factor, std::span<const N> r, std::span<N> z);

}  // namespace pipit
