// solve/step.h — proposes the next step from a linearisation, and learns from what came of it.
// Source: Nocedal and Wright, Numerical Optimization (2006), sec. 4.1 (dogleg), 10.3; Madsen, Nielsen and Tingleff
// (2004), sec. 3.2.   Legend: g gradient, H = J^T J, D = diag(H), d step, m(d) = g.d + 1/2 d.H d.
#pragma once
#include <span>
#include <vector>

#include "solve/linearise.h"
#include "solve/minimise.h"

namespace pipit {

/// Calls in order: linearised, then propose and (accepted | rejected) until accepted or out of proposals.
class StepProposer {
 public:
  /// `step` [n * width] receives each proposal. Needs: all arguments outlive this.
  StepProposer(Strategy strategy, Linearisation& linearisation, LinearSolver& solver, std::span<double> step);

  /// A new linearisation, whose linear systems are to be solved as well as `goal` says.
  void linearised(const LinearGoal& goal);
  /// Writes the next proposal; false when there is none left to try (16 attempts, or the linear solver gives nothing).
  bool propose();
  /// -m(d): the decrease of the cost that the model promises.
  double predicted() const { return predicted_; }
  void accepted(double decrease);
  void rejected();

  /// Levenberg-Marquardt: lambda; dogleg: radius in the norm of D^(1/2); Gauss-Newton: 0.
  double damping() const;
  /// The proposal was an undamped full step, which may raise the cost for a while.
  bool may_rise() const { return strategy_ == Strategy::LevenbergMarquardt && lambda_ == 0; }
  /// Inner iterations since linearised().
  int inner_iterations() const { return inner_iterations_; }

 private:
  bool solve(double lambda);
  bool propose_damped();
  bool propose_halved();
  bool propose_dogleg();

  Strategy strategy_;
  Linearisation& linearisation_;
  LinearSolver& solver_;
  std::span<double> step_;
  std::vector<double> damping_, newton_;
  LinearGoal goal_;
  double lambda_ = 0, growth_ = 2, radius_ = 0, scale_ = 1, predicted_ = 0;
  double promised_ = 0;  // by the last linear solve
  bool have_newton_ = false;
  int attempts_ = 0, inner_iterations_ = 0;
};

}  // namespace pipit
