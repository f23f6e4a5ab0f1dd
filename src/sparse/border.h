// sparse/border.h — a system that has grown, preconditioned with the factor of what it was before.
// Source: block elimination, Golub and Van Loan, Matrix Computations (2013), sec. 3.2.
// Legend: o old columns, n new ones; H + D = [A C'; C N]; F ~ A, the old factor;
//         M = [I C'N^-1; 0 I] [F 0; 0 N] [I 0; N^-1 C I].
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "factor/block_matrix.h"
#include "factor/pattern.h"
#include "sparse/preconditioner.h"

namespace pipit {

/// Eliminates the new columns first, in fp64, and lets the old factor stand for what is then left of the old ones. A
/// robot that drives on hangs a chain with a free end on the old system, and that leaves A as it was: M is then exact,
/// however long the chain. Every loop closed since adds a term of rank B that M does not know: conjugate gradients meet
/// it in about B iterations.
class Border {
 public:
  /// place [columns of the old factor]: their numbers in `pattern`; the others are new. Needs: each its own.
  /// Cost: O(new columns), and O(old ones) where any are new.
  void analyse(const BlockPattern& pattern, std::span<const std::int32_t> place, int B);
  /// Takes N and C from A. False: N is not positive definite. Cost: O(blocks of new columns).
  template <class From>
  bool build(const DampedMatrix<From>& A, Workers& workers);

  int num_new() const { return static_cast<int>(fresh_.size()); }
  int num_old() const { return static_cast<int>(place_.size()); }
  /// z = M^-1 r in three steps: b = reduce(r); z_old = F^-1 b; extend(z_old, z).   V: float, double.
  /// r [columns of pattern * B], b [old columns * B] in the order of the old factor: r_o - C'N^-1 r_n.
  template <class V>
  void reduce(std::span<const V> r, std::span<V> b);
  /// z [columns of pattern * B]: z_old in its places, and N^-1 (r_n - C z_old) of the last reduce().
  template <class V>
  void extend(std::span<const V> z_old, std::span<V> z);

 private:
  struct Tie {              // one block of C
    std::int32_t block;     // in the pattern of H
    std::int32_t now, old;  // row: which of the new columns; column: of the old factor
    bool transposed;        // H holds its transpose
  };

  int B_ = 0;
  std::vector<std::int32_t> place_, fresh_;  // old and new columns: numbers in H
  std::vector<std::int32_t> copies_;         // for every block of N: block of H
  std::vector<Tie> ties_;
  std::vector<double> C_;  // [ties, B, B] column-major
  BlockSymmetric<double> N_;
  Preconditioner factor_;             // of N
  std::vector<double> r_, y_, pull_;  // [new columns * B]
};

}  // namespace pipit
