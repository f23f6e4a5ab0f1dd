// factor/block_matrix.h — a symmetric block-sparse matrix, H = J^T J of a least-squares problem.
#pragma once
#include <algorithm>
#include <memory>
#include <span>

#include "base/contract.h"
#include "base/parallel.h"
#include "bits/block_symmetric.h"
#include "factor/aligned.h"
#include "factor/pattern.h"

namespace pipit {

/// Values of the lower triangle on a BlockPattern; blocks B x B, column-major, in the pattern's order. T: float,
/// double.
///
/// Block k of column j and row i is H(i, j), i >= j. Diagonal blocks are stored whole (both triangles). The pattern is
/// shared because the copies of one matrix in several formats keep it alive together.
template <class T>
class BlockSymmetric {
 public:
  BlockSymmetric() : pattern_(std::make_shared<const BlockPattern>()) {}
  /// All zeros. Needs: B >= 1 (3 and 6 have fast kernels).
  BlockSymmetric(std::shared_ptr<const BlockPattern> pattern, int B) : pattern_(std::move(pattern)), B_(B) {
    expects(pattern_ != nullptr && B >= 1, "BlockSymmetric: needs a pattern and B >= 1");
    values_.assign(static_cast<std::size_t>(pattern_->num_blocks()) * B * B, T{});
  }

  const BlockPattern& pattern() const { return *pattern_; }
  const std::shared_ptr<const BlockPattern>& shared_pattern() const { return pattern_; }
  int n() const { return pattern_->n; }          ///< block columns
  int B() const { return B_; }                   ///< side of a block
  int size() const { return pattern_->n * B_; }  ///< scalar columns

  T* block(int k) { return values_.data() + static_cast<std::size_t>(k) * B_ * B_; }
  const T* block(int k) const { return values_.data() + static_cast<std::size_t>(k) * B_ * B_; }
  std::span<T> values() { return values_; }
  std::span<const T> values() const { return values_; }
  void set_zero() { std::fill(values_.begin(), values_.end(), T{}); }

  BlockSymmetricView<T> view() const {
    return {pattern_->n, B_, pattern_->col_begin.data(), pattern_->row.data(), values_.data()};
  }

 private:
  std::shared_ptr<const BlockPattern> pattern_;
  int B_ = 1;
  AlignedVector<T> values_;
};

/// y = H p.  p, y: [n*B], apart; `rows` = row_index_of(pattern), made once. Same bits for any number of threads.
template <class T>
void multiply(
    const BlockSymmetric<T>& H, const BlockRowIndex& rows, std::span<const T> p, std::span<T> y, Workers& workers);

}  // namespace pipit
