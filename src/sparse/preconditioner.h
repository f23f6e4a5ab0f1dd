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
#include "factor/block_scaling.h"
#include "factor/cholesky.h"
#include "factor/incomplete.h"
#include "factor/ordering.h"
#include "factor/triangular_factor.h"

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
  std::variant<std::monostate,
               TriangularFactor<half>,
               TriangularFactor<bfloat16>,
               TriangularFactor<float>,
               TriangularFactor<double>>
      factor_;
  std::tuple<Work<float>, Work<double>, Work<SeparateHalf>, Work<FusedHalf>> work_;
  FactorScratch scratch_;
  Workers* workers_ = nullptr;
  double shift_ = 0, smallest_pivot_ = 0;
  RangeCounters range_;
};

}  // namespace pipit
