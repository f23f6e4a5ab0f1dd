// solve/minimise.h — Gauss-Newton, Levenberg-Marquardt and Powell's dogleg, with each step in the format of your
// choice. Source: Nocedal and Wright, Numerical Optimization (2006), ch. 4 and 10; damping as in Madsen, Nielsen and
// Tingleff, Methods for Non-Linear Least Squares Problems (2004), sec. 3.2; formats: papers.md A1.
#pragma once
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "solve/precision.h"
#include "solve/problem.h"
#include "sparse/linear_solver.h"

namespace pipit {

enum class Strategy {
  LevenbergMarquardt,  ///< starts undamped (a Gauss-Newton step) and damps by lambda * diag(H) after a step that failed
  GaussNewton,         ///< full steps, halved while the cost rises
  Dogleg,              ///< Powell's path between steepest descent and Gauss-Newton within a radius
};

enum class Stop {
  Converged,  ///< relative decrease of the cost below the tolerance, with a linear solve that was accurate enough; or
              ///< nothing to do: everything is fixed, or the gradient is zero or rounding
  MaxIterations,  ///< as asked
  TimeLimit,      ///< as asked; the state is the last accepted one
  NoProgress,     ///< no step of any length lowered the cost, though the model promised more than the tolerance
  Diverged,       ///< the cost at the start is not finite in the format asked for: nothing was changed
  Cancelled,      ///< the observer said so; the state is the last accepted one
};
/// "converged", "max_iterations", "time_limit", "no_progress", "diverged", "cancelled".
std::string_view name(Stop stop);

struct MinimiseOptions {
  Precision precision = mixed_precision();
  Strategy strategy = Strategy::LevenbergMarquardt;
  SolverKind solver = SolverKind::Auto;
  FactorKind factor = FactorKind::Auto;
  int max_iterations = 100;  ///< linearisations, >= 0
  double tolerance = 1e-6;   ///< stop when (cost - new cost) <= tolerance * cost; 0 runs until no step helps
  double time_limit_s = std::numeric_limits<double>::infinity();
  int num_threads = 1;       ///< same bits for any number
  int refresh_after = 0;     ///< LinearOptions::refresh_after
  bool count_range = false;  ///< count overflow, underflow and subnormals of conversions to fp16
};

/// One linearisation and the step tried from it.
struct Iteration {
  int number = 0;                ///< from 1
  double cost = 0;               ///< after the step (unchanged where rejected)
  double relative_decrease = 0;  ///< (before - after) / before
  double damping = 0;            ///< lambda; dogleg: radius
  int inner_iterations = 0;      ///< of conjugate gradients, all attempts
  int attempts = 1;              ///< steps tried before one was accepted
  bool accepted = false;
  double seconds = 0;  ///< since the start of the run
};

struct Summary {
  Stop stop = Stop::Converged;
  int iterations = 0;
  double cost_initial = 0, cost_final = 0;  ///< 1/2 sum rho, residuals in their format
  std::vector<Iteration> trace;
  struct Seconds {
    double total = 0, linearize = 0, factor = 0, solve = 0, update = 0;
  } seconds;
  LinearReport linear;
};

/// Called after each iteration; return false to cancel.
using Observer = std::function<bool(const Iteration&)>;

/// Keeps the symbolic work and the static factor between runs over the same structure (changed values, weights,
/// losses). Cost per iteration: one pass over the factors, one linear solve, one evaluation of the cost. Threads: same
/// bits for any num_threads. Every accepted step lowers the cost, so the state is always the best so far.
class Minimiser {
 public:
  /// Needs: the problem outlives this and keeps its structure. Factors of weight 0 are left out for good.
  Minimiser(Problem& problem, const MinimiseOptions& options);
  ~Minimiser();

  Summary run(const Observer& observer = {});

  /// Takes over what was added to the problem since: variables, factors. The last factor of H stays at work as long as
  /// that pays (LinearSolver::grow). Needs: nothing went away, nothing became fixed, blocks are as wide as before.
  void grow();

  /// ||r||^2 of each factor of a batch at the current values.
  std::vector<double> squared_residuals(std::size_t batch);
  /// 1/2 sum rho at the current values.
  double cost();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// One run from the problem's current values, which become the answer.
Summary minimise(Problem& problem, const MinimiseOptions& options = {}, const Observer& observer = {});

}  // namespace pipit
