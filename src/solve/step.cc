#include "solve/step.h"

#include <algorithm>
#include <cmath>

#include "bits/vector_ops.h"

namespace pipit {
namespace {

constexpr int kMaxAttempts = 16;
// Damping starts here after the first failure: weak directions of real pose graphs have eigenvalues down to 1e-9 of the
// diagonal, and it grows fast (by 4, 8, 16, ..) where that is not enough.
constexpr double kFirstLambda = 1e-8;

}  // namespace

StepProposer::StepProposer(Strategy strategy,
                           Linearisation& linearisation,
                           LinearSolver& solver,
                           std::span<double> step)
    : strategy_(strategy), linearisation_(linearisation), solver_(solver), step_(step) {}

void StepProposer::linearised(const LinearGoal& goal) {
  goal_ = goal;
  scale_ = 1;
  have_newton_ = false;
  attempts_ = inner_iterations_ = 0;
}

double StepProposer::damping() const {
  return strategy_ == Strategy::LevenbergMarquardt ? lambda_ : strategy_ == Strategy::Dogleg ? radius_ : 0;
}

bool StepProposer::propose() {
  if (attempts_++ == kMaxAttempts) return false;
  switch (strategy_) {
    case Strategy::LevenbergMarquardt:
      return propose_damped();
    case Strategy::GaussNewton:
      return propose_halved();
    case Strategy::Dogleg:
      return propose_dogleg();
  }
  return false;
}

bool StepProposer::solve(double lambda) {
  const auto diagonal = linearisation_.diagonal();
  damping_.resize(lambda > 0 ? diagonal.size() : 0);
  for (std::size_t i = 0; i < damping_.size(); ++i) damping_[i] = lambda * diagonal[i];
  const LinearOutcome outcome = solver_.solve(linearisation_.system(), damping_, goal_, step_);
  // The damped model without its damping.
  promised_ = outcome.decrease;
  for (std::size_t i = 0; i < damping_.size(); ++i) promised_ += 0.5 * damping_[i] * step_[i] * step_[i];
  inner_iterations_ += outcome.iterations;
  return std::all_of(step_.begin(), step_.end(), [](double x) { return std::isfinite(x); }) &&
         dot(step_, linearisation_.gradient()) < 0;
}

bool StepProposer::propose_damped() {
  while (!solve(lambda_)) {
    if (dot(linearisation_.gradient(), linearisation_.gradient()) == 0 || attempts_++ >= kMaxAttempts) return false;
    lambda_ = std::max(kFirstLambda, 10 * lambda_);
  }
  predicted_ = promised_;
  return true;
}

bool StepProposer::propose_halved() {
  if (!have_newton_) {
    if (!solve(0)) return false;
    newton_.assign(step_.begin(), step_.end());
    predicted_ = promised_;
    have_newton_ = true;
    return true;
  }
  for (std::size_t i = 0; i < step_.size(); ++i) step_[i] = scale_ * newton_[i];
  predicted_ = -dot(step_, linearisation_.gradient()) * (1 - 0.5 * scale_);
  return true;
}

bool StepProposer::propose_dogleg() {
  const auto gradient = linearisation_.gradient();
  const auto diagonal = linearisation_.diagonal();
  const auto norm = [&](std::span<const double> d) {
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); ++i) sum += diagonal[i] * d[i] * d[i];
    return std::sqrt(sum);
  };
  if (!have_newton_) {
    double lambda = 0;
    while (!solve(lambda)) {
      if (attempts_++ >= kMaxAttempts) return false;
      lambda = std::max(kFirstLambda, 10 * lambda);
    }
    newton_.assign(step_.begin(), step_.end());
    have_newton_ = true;
    if (radius_ == 0) radius_ = norm(newton_);
  }
  const double newton_length = norm(newton_);
  if (newton_length <= radius_) {
    std::copy(newton_.begin(), newton_.end(), step_.begin());
  } else {
    std::vector<double> cauchy(gradient.size());
    for (std::size_t i = 0; i < cauchy.size(); ++i) cauchy[i] = diagonal[i] > 0 ? -gradient[i] / diagonal[i] : 0;
    const double curvature = linearisation_.curvature(cauchy);
    const double length = curvature > 0 ? -dot(cauchy, gradient) / curvature : 0;
    for (double& x : cauchy) x *= length;
    const double cauchy_length = norm(cauchy);
    if (cauchy_length >= radius_) {
      for (std::size_t i = 0; i < cauchy.size(); ++i) step_[i] = cauchy[i] * (radius_ / cauchy_length);
    } else {
      // ||cauchy + b (newton - cauchy)|| = radius, 0 <= b <= 1
      double aa = 0, ab = 0;
      for (std::size_t i = 0; i < cauchy.size(); ++i) {
        const double leg = newton_[i] - cauchy[i];
        aa += diagonal[i] * leg * leg;
        ab += diagonal[i] * leg * cauchy[i];
      }
      const double c = cauchy_length * cauchy_length - radius_ * radius_;
      const double b = -c / (ab + std::sqrt(ab * ab - aa * c));
      for (std::size_t i = 0; i < cauchy.size(); ++i) step_[i] = cauchy[i] + b * (newton_[i] - cauchy[i]);
    }
  }
  predicted_ = -dot(step_, gradient) - 0.5 * linearisation_.curvature(step_);
  return predicted_ > 0;
}

void StepProposer::accepted(double decrease) {
  const double gain = predicted_ > 0 ? decrease / predicted_ : 0;
  if (strategy_ == Strategy::Dogleg) {
    if (gain > 0.75) radius_ *= 3;
    if (gain < 0.25) radius_ *= 0.5;
  }
  if (strategy_ == Strategy::LevenbergMarquardt && lambda_ > 0) {
    if (gain > 0.5) lambda_ *= 0.1;
    if (gain < 0.1) lambda_ *= 4;
    if (lambda_ < 0.01 * kFirstLambda) lambda_ = 0;
    growth_ = 2;
  }
}

void StepProposer::rejected() {
  scale_ *= 0.5;
  radius_ *= 0.25;
  growth_ *= 2;
  lambda_ = std::max(kFirstLambda, growth_ * lambda_);
}

}  // namespace pipit
