// sparse/preconditioner.h — a factor computed once and applied many times: static preconditioner, or direct solver.
// Source: Manteuffel (1980) for the shifts;  Legend: M = P^T L L^T P, L L^T = P (S (H + D) S^T + shift I) P^T.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <tuple>
#include <variant>
#include <vector>

#include "base/parallel.h"
#include "bits/counters.h"
#include "bits/format.h"
#include "bits/half_number.h"
#include "sparse/block_scaling.h"
#include "sparse/cholesky.h"
#include "sparse/factor.h"
#include "sparse/incomplete.h"
#include "sparse/ordering.h"

namespace pipit {

struct PreconditionerOptions {
  Format compute = Format::Single;  ///< arithmetic of the factorisation; Half is the naive one
  Format storage = Format::Half;
  Accumulate accumulate = Accumulate::Single;  ///< of the naive arithmetic; Single counts as HalfSeparate there
  double shift = 1e-6;                         ///< on the unit diagonal
  bool retry = true;                           ///< larger shifts after a bad pivot: complete x10 up to 1; incomplete
                                               ///< 1e-3, 2e-3, 4e-3, .. up to 1
  bool count_range = false;
};

class Preconditioner {
 public:
  /// Plans. level < 0: complete factor; 0, 1, ..: incomplete with that level of fill.
  void analyse(const BlockPattern& pattern, std::shared_ptr<const PanelLayout> layout, bool complete, int B);

  /// Computes the factor of S (H + D) S^T + shift I and rounds it to the storage format.
  /// in_scaled_space  apply() then solves with M; else with S^-1 M S^-T, the approximation of H + D itself.
  /// Yields false when no shift helped; the factor before, if any, is lost.
  template <class From>
  bool build(const DampedMatrix<From>& A,
             const BlockScaling& scaling,
             bool in_scaled_space,
             const PreconditionerOptions& options,
             Workers& workers);

  bool ready() const { return ready_; }
  void forget() { ready_ = false; }

  /// z = M^-1 r.  V: float, double, HalfNumber (all operations in half).
  template <class V>
  void apply(std::span<const V> r, std::span<V> z);

  std::size_t bytes() const;
  double shift() const { return shift_; }
  /// Of the last build in fp32 or fp64: what remained of the unit diagonal where the least did. The square of the least
  /// diagonal entry of L.
  double smallest_pivot() const { return smallest_pivot_; }
  const RangeCounters& range() const { return range_; }

 private:
  template <class T, class From>
  std::int64_t factorise_in(const DampedMatrix<From>& A,
                            const BlockScaling& scaling,
                            double shift,
                            const PreconditionerOptions& options,
                            Workers& workers);
  template <class T>
  struct Work {
    CholeskyWorkspace<T> complete;
    IncompleteWorkspace<T> incomplete;
  };

  std::shared_ptr<const PanelLayout> layout_;
  bool complete_ = true, ready_ = false;
  int B_ = 0;
  CholeskyPlan cholesky_;
  IncompletePlan incomplete_;
  std::variant<std::monostate, Factor<half>, Factor<bfloat16>, Factor<float>, Factor<double>> factor_;
  std::tuple<Work<float>, Work<double>, Work<SeparateHalf>, Work<FusedHalf>> work_;
  FactorScratch scratch_;
  Workers* workers_ = nullptr;
  double shift_ = 0, smallest_pivot_ = 0;
  RangeCounters range_;
};

/// A system that has grown, preconditioned with the factor of what it was before.
/// Source: block elimination, Golub and Van Loan, Matrix Computations (2013), sec. 3.2.
/// Legend: o old columns, n new ones; H + D = [A C'; C N]; F ~ A, the old factor;
///         M = [I C'N^-1; 0 I] [F 0; 0 N] [I 0; N^-1 C I].
///
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
