// sparse/linear_solver.h — the door of the room: solves (H + diag(damping)) dx = -gradient, again and again.
// Source: Nocedal and Wright, Numerical Optimization (2006), ch. 5 and 7 (inexact Newton);  Legend: H = J^T J.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "bits/block_rows.h"
#include "bits/counters.h"
#include "bits/format.h"
#include "factor/block_matrix.h"
#include "factor/pattern.h"
#include "sparse/pcg.h"

namespace pipit {

enum class SolverKind : std::uint8_t {
  Auto,      ///< by size, structure and predicted work; the report says which and why
  Iccg,      ///< conjugate gradients on the true H with a reused (static) Cholesky-type preconditioner
  Cgnr,      ///< conjugate gradients on J alone; H is never formed
  Cholesky,  ///< a factor of every system: direct in fp64, or low-precision factor plus refinement
};
enum class FactorKind : std::uint8_t {
  Auto,      ///< Complete where predicted fill and work are cheap, else incomplete
  Jacobi,    ///< block-diagonal
  Ic0,       ///< incomplete Cholesky, no fill
  Icl,       ///< incomplete Cholesky with level-of-fill 2
  Complete,  ///< complete Cholesky of the shifted matrix
};

struct LinearOptions {
  SolverKind solver = SolverKind::Auto;
  FactorKind factor = FactorKind::Auto;        ///< Iccg and Cgnr; Cholesky is always Complete
  Format matrix = Format::Single;              ///< H or J in the products
  Format vectors = Format::Single;             ///< the recurrences of conjugate gradients
  Format factor_compute = Format::Single;      ///< arithmetic of the factorisation
  Format factor_storage = Format::Half;        ///< the factor at rest and in the triangular solves
  Accumulate accumulate = Accumulate::Single;  ///< how products and solves in half add up
  bool scaling = true;                         ///< equilibrate blocks and vectors (off only to show why it is needed)
  /// Added to the unit diagonal of the scaled matrix, in the factor only; 0: by format. Of H in fp64 1e-7, about the
  /// rounding of an fp32 factorisation: more costs iterations on flat graphs, less fails to be positive definite. Of H
  /// in fp32 1e-6, since its own rounding makes it indefinite in directions that a smaller shift would follow.
  double shift = 0;
  /// Inner iterations that a factor of an earlier system may take before it is renewed, in the middle of the solve; 0:
  /// as many as cost 0.7 of a new one, so that neither keeping nor renewing is ever far from the better choice.
  int refresh_after = 0;
  int max_iterations = 500;  ///< inner iterations of one solve
  /// Eliminate chains first and exactly (Condensation), in the format of the matrix; what follows is about the rest.
  /// Done where it pays and solver, factor and formats leave it open: not for Cgnr, incomplete factors asked for, half,
  /// or without scaling. The goal of a solve is about the rest: of chains nothing is refined, in fp32 they are as exact
  /// as fp32 is.
  bool condense = true;
  bool count_range = false;  ///< count overflow, underflow and subnormals of conversions
};

/// What was chosen and what it cost, summed since analyse().
struct LinearReport {
  std::string chosen;  ///< e.g. "iccg, complete Cholesky factor in fp16"
  std::string reason;  ///< why, with the numbers it was decided on
  std::int64_t factorisations = 0, inner_iterations = 0;
  double seconds_symbolic = 0, seconds_factor = 0, seconds_solve = 0;
  double seconds_products = 0;  ///< part of seconds_solve; bundle's conjugate gradients alone measure it
  std::size_t factor_bytes = 0;
  double fill = 0;   ///< blocks in the factor / blocks in the lower triangle of H, chains left out of both
  double shift = 0;  ///< the shift of the factor in use, after retries
  RangeCounters range;
};

/// One linearisation. Fill what the kind in use needs (LinearSolver::needs says which); the rest stays empty.
struct LinearSystem {
  std::span<const double> gradient;             ///< [n*B] J^T r, always needed
  const BlockSymmetric<double>* H64 = nullptr;  ///< when needs().H is Double
  const BlockSymmetric<float>* H32 = nullptr;   ///< when needs().H is Single
  std::span<const BlockRows<double>> J64 = {};  ///< when needs().J is Double; one per batch, same order every time
  std::span<const BlockRows<float>> J32 = {};   ///< when needs().J is Single
};

/// How well a system is to be solved: the error that is left, as energy 1/2 e'(H + D)e, need not be less than
/// max(eta^2 E, enough, relax E^2), E being the energy of the solution, the decrease that the linear model promises.
struct LinearGoal {
  double eta = 1e-6;  ///< legal (0, 1)
  double enough = 0;  ///< >= 0, in units of the cost
  double relax = 0;   ///< >= 0, in one over units of the cost
  /// Asked before every inner iteration but the first: true ends the solve with what it has got (MaxIterations).
  std::function<bool()> give_up = {};
};

/// Which parts of LinearSystem a solver reads: known after analyse(), constant until the next one.
struct LinearNeeds {
  bool H = false, J = false;
  Format format = Format::Single;  ///< Single: H32 / J32;  Double: H64 / J64
};

/// Needs   B in {3, 6} for speed, any B >= 1 for correctness; `damping` >= 0, finite.
/// Errors  numerical failure is LinearOutcome::stop. With MaxIterations dx holds the last iterate; with Breakdown the
///         last finite iterate; with NotPositiveDefinite and NotFinite zeros.
/// Damping never forces a new factor of Iccg: a static preconditioner stays as it is (peers: 1 to 6 iterations more).
/// Threads same bits for any number of threads of `workers`. One caller at a time.
class LinearSolver {
 public:
  LinearSolver(int B, LinearOptions options, Workers& workers);
  ~LinearSolver();
  LinearSolver(LinearSolver&&) noexcept;
  LinearSolver& operator=(LinearSolver&&) noexcept;

  /// Once per structure: chooses, orders, plans. Forgets the factor and the report.
  void analyse(const BlockPattern& pattern);
  /// The structure has grown: block column k is now place[k], columns and blocks may have come, none has gone. The
  /// report goes on. Keeps a reused factor at work (Border, border.h) until iterations have cost more than a new order
  /// and factor would, or a quarter of the columns is new; only then chooses and orders anew. Others do so at once, and
  /// so does a system without its chains: what is left of it is small (a loop closed on 3,000 poses of `home`: 2.3 ms
  /// planned anew, 2.0 ms with chains and border). needs() stays as it is. Needs   analyse; place [columns so far],
  /// each of its own.
  void grow(const BlockPattern& pattern, std::span<const std::int32_t> place);
  LinearNeeds needs() const;

  /// Solves until the goal is met; a direct solve ignores it. damping [n*B] or empty, dx [n*B] out.
  LinearOutcome solve(const LinearSystem& system,
                      std::span<const double> damping,
                      const LinearGoal& goal,
                      std::span<double> dx);

  /// The next solve computes a new factor (after a jump of the linearisation point).
  void refresh();
  /// The system is too weak for fp32, and factors are computed in fp64 from now on: what it is made of should be, too.
  /// Known of long and thin graphs after analyse(), of others after a solve.
  bool in_double() const;

  /// Diagonal blocks of (H + diag(damping))^-1, in fp64 whatever the options: for each of `blocks` B*B numbers,
  /// column-major. Needs H64. Empty when not positive definite. Memory: the factor and two vectors of n*B, however many
  /// blocks are asked for.
  std::vector<double> inverse_blocks(const BlockSymmetric<double>& H,
                                     std::span<const double> damping,
                                     std::span<const std::int32_t> blocks);

  const LinearReport& report() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pipit
