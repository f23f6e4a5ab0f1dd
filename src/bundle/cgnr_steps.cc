#include "bundle/cgnr_steps.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace pipit {
namespace {

constexpr int kReplaceEvery = 20;
constexpr int kMostInner = 1000;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

template <class S>
CgnrSteps<S>::CgnrSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers)
    : layout_(layout),
      precision_(options.precision),
      count_(options.count_range),
      workers_(workers),
      product_(layout, options.precision.accumulate, options.precision.scaling, workers),
      exact_(layout, Accumulate::Single, false, workers) {
  const std::size_t n = at(layout.views * layout.columns + layout.points * 4);
  gradient_.resize(n), step_.resize(n), b_.resize(n), y_.resize(n), replaced_.resize(n);
  point_gradient_.resize(at(layout.points) * 3);
  report_.chosen = std::string("cgnr, products in ") +
                   (sizeof(S) == 2 ? "fp16" : sizeof(S) == 4 ? "fp32" : "fp64");
}

template <class S>
double CgnrSteps<S>::linearise(const LineariseJob& job) {
  const double cost = pipit::linearise(job, true, false, parts_, workers_);
  factors_.compute(layout_, parts_, precision_.scaling, point_gradient_);
  scale_jacobian(layout_, factors_, parts_.J, workers_);
  product_.load(parts_.J, count_ ? &report_.range : nullptr);
  if constexpr (!std::is_same_v<S, V>) exact_.load(parts_.J, nullptr);
  std::copy(parts_.g.begin(), parts_.g.end(), gradient_.begin());
  for (std::size_t p = 0; p < at(layout_.points); ++p) {
    double* to = &gradient_[parts_.g.size() + 4 * p];
    std::copy_n(&point_gradient_[3 * p], 3, to);
    to[3] = 0;
  }
  factors_.divide(layout_, gradient_);
  for (std::size_t i = 0; i < b_.size(); ++i) b_[i] = static_cast<V>(-gradient_[i]);
  return cost;
}

template <class S>
void CgnrSteps<S>::propose(const LineariseJob&, double lambda, const LinearGoal& goal, BundleStep& step) {
  const Stopwatch watch;
  const V damping = static_cast<V>(lambda);
  const auto times = [&](std::span<const V> p, std::span<V> q) { return product_(p, damping, q); };
  const auto same = [](std::span<const V> r, std::span<V> z) { std::copy(r.begin(), r.end(), z.begin()); };
  const auto replace = [&](std::span<const V> x, std::span<V> r) {
    if constexpr (std::is_same_v<S, V>)
      product_(x, damping, replaced_);
    else
      exact_(x, damping, replaced_);
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = b_[i] - replaced_[i];
  };
  const PcgOptions options{.eta = goal.eta,
                           .enough = goal.enough,
                           .relax = goal.relax,
                           .max_iterations = kMostInner,
                           .replace_every = std::is_same_v<S, V> ? 0 : kReplaceEvery,
                           .give_up = &goal.give_up};
  const LinearOutcome outcome = pcg<V>(times, same, replace, b_, y_, options, scratch_);
  step.inner_iterations += outcome.iterations;
  report_.inner_iterations += outcome.iterations;

  std::copy(y_.begin(), y_.end(), step_.begin());
  const double slope = dot(std::span<const double>(step_), std::span<const double>(gradient_));
  const double damped = dot(std::span<const double>(step_), std::span<const double>(step_));
  step.promised = 0.5 * (lambda * damped - slope);
  step.fine = std::isfinite(step.promised) && slope < 0;
  factors_.divide_transposed(layout_, step_);
  const std::size_t views = step.views.size();
  std::copy_n(step_.begin(), views, step.views.begin());
  for (std::size_t p = 0; p < at(layout_.points); ++p) std::copy_n(&step_[views + 4 * p], 3, &step.points[3 * p]);
  report_.seconds_solve += watch.seconds();
}

template class CgnrSteps<half>;
template class CgnrSteps<float>;
template class CgnrSteps<double>;

}  // namespace pipit
