#include "bundle/cgnr_steps.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/contract.h"

namespace pipit {
namespace {

constexpr int kMostInner = 1000;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

template <class S, class N>
CgnrSteps<S, N>::CgnrSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers)
    : layout_(layout),
      precision_(options.precision),
      count_(options.count_range),
      workers_(workers),
      product_(layout, options.precision.accumulate, options.precision.scaling, workers) {
  report_.chosen = kNaive           ? "cgnr, all in fp16"
                   : sizeof(S) == 2 ? "cgnr, products in fp16"
                   : sizeof(S) == 4 ? "cgnr, products in fp32"
                                    : "cgnr, products in fp64";
  report_.reason =
      options.solver == BundleSolver::Auto ? "a window: its Jacobian stays in the cache" : "solver as asked";
  product_.keep_w = kNaive;
  size_vectors();
}

template <class S, class N>
void CgnrSteps<S, N>::size_vectors() {
  const std::size_t n = at(layout_.views * layout_.columns + layout_.points * 4);
  gradient_.resize(n), step_.resize(n), b_.resize(n), y_.resize(n), p_.resize(n), q_.resize(n);
  point_gradient_.resize(at(layout_.points) * 3);
}

template <class S, class N>
bool CgnrSteps<S, N>::prepare() {
  size_vectors();
  product_.prepare();
  report_.inner_iterations = 0, report_.seconds_solve = report_.seconds_products = 0, report_.range = {};
  return true;
}

// Onto U and g of its views, so that blocks are scaled with it.
template <class S, class N>
void CgnrSteps<S, N>::add_prior(const LineariseJob& job) {
  prior_ = job.prior != nullptr && !job.prior->empty() ? job.prior : nullptr;
  if (prior_ == nullptr) return;
  expects(!kNaive && layout_.intrinsics == 0, "a prior on poses: not in half, nor with intrinsics to estimate");
  const std::size_t n = at(prior_->size());
  prior_H_.assign(prior_->H.begin(), prior_->H.end());
  prior_x_.resize(n), prior_y_.resize(n);
  for (std::size_t i = 0; i < prior_->views.size(); ++i)
    for (std::size_t a = 0; a < 6; ++a) {
      const std::size_t view = at(prior_->views[i]);
      parts_.g[6 * view + a] += job.prior_gradient[6 * i + a];
      for (std::size_t b = 0; b < 6; ++b) parts_.U[(6 * view + a) * 6 + b] += prior_->H[(6 * i + a) * n + 6 * i + b];
    }
}

// q += L^-1 H L^-T p on its views; yields p'(that).
template <class S, class N>
double CgnrSteps<S, N>::add_prior_product(std::span<const V> p, std::span<V> q) {
  if (prior_ == nullptr) return 0;
  const auto L = [&](std::size_t i) { return &factors_.views[at(prior_->views[i]) * 36]; };
  for (std::size_t i = 0; i < prior_->views.size(); ++i) {
    float* x = &prior_x_[6 * i];
    for (std::size_t r = 6; r-- > 0;) {
      double sum = static_cast<double>(p[6 * at(prior_->views[i]) + r]);
      for (std::size_t c = r + 1; c < 6; ++c) sum -= L(i)[c * 6 + r] * static_cast<double>(x[c]);
      x[r] = static_cast<float>(sum / L(i)[r * 6 + r]);
    }
  }
  dense_times(prior_H_, prior_x_, prior_y_);
  double quadratic = 0;
  for (std::size_t i = 0; i < prior_->views.size(); ++i) {
    double y[6];
    for (std::size_t r = 0; r < 6; ++r) {
      quadratic += static_cast<double>(prior_x_[6 * i + r]) * static_cast<double>(prior_y_[6 * i + r]);
      y[r] = static_cast<double>(prior_y_[6 * i + r]);
      for (std::size_t c = 0; c < r; ++c) y[r] -= L(i)[r * 6 + c] * y[c];
      y[r] /= L(i)[r * 6 + r];
      q[6 * at(prior_->views[i]) + r] += static_cast<V>(y[r]);
    }
  }
  return quadratic;
}

template <class S, class N>
double CgnrSteps<S, N>::linearise(const LineariseJob& job) {
  const double cost = pipit::linearise(job, true, false, parts_, workers_);
  add_prior(job);
  factors_.compute(layout_, parts_, precision_.scaling, point_gradient_);
  scale_jacobian(layout_, factors_, parts_.J, workers_);
  product_.load(parts_.J, count_ ? &report_.range : nullptr);
  std::copy(parts_.g.begin(), parts_.g.end(), gradient_.begin());
  for (std::size_t p = 0; p < at(layout_.points); ++p) {
    double* to = &gradient_[parts_.g.size() + 4 * p];
    std::copy_n(&point_gradient_[3 * p], 3, to);
    to[3] = 0;
  }
  factors_.divide(layout_, gradient_);
  tie_intrinsics<double>(layout_, gradient_);
  for (std::size_t i = 0; i < b_.size(); ++i) b_[i] = N(-gradient_[i]);
  return cost;
}

template <class S, class N>
PcgScalar<N> CgnrSteps<S, N>::multiply(std::span<const N> p, double lambda, std::span<N> q) {
  if constexpr (!kNaive) {
    const double pq = product_(p, static_cast<V>(lambda), q);
    tie_intrinsics<V>(layout_, q);
    return pq + add_prior_product(p, q);
  } else {
    for (std::size_t i = 0; i < p.size(); ++i) p_[i] = static_cast<float>(p[i]);
    product_(p_, 0, q_);
    tie_intrinsics<float>(layout_, q_);
    const N damping(lambda);
    for (std::size_t i = 0; i < p.size(); ++i) q[i] = mul_add(damping, p[i], N(q_[i]));
    N square(0);
    for (const float w : product_.w) square = mul_add(N(w), N(w), square);
    return mul_add(damping, dot(p, p), square);
  }
}

template <class S, class N>
void CgnrSteps<S, N>::propose(const LineariseJob&, double lambda, const LinearGoal& goal, BundleStep& step) {
  const Stopwatch watch;
  const auto times = [&](std::span<const N> p, std::span<N> q) {
    const Stopwatch clock;
    if constexpr (!kNaive) product_.round(scratch_.p);  // p is scratch_.p
    const auto pq = multiply(p, lambda, q);
    report_.seconds_products += clock.seconds();
    return pq;
  };
  const auto same = [](std::span<const N> r, std::span<N> z) { std::copy(r.begin(), r.end(), z.begin()); };
  const auto replace = [](std::span<const N>, std::span<N>) {};
  const PcgOptions options{.eta = goal.eta,
                           .enough = goal.enough,
                           .relax = goal.relax,
                           .max_iterations = kMostInner,
                           .give_up = &goal.give_up};
  const LinearOutcome outcome = pcg<N>(times, same, replace, b_, y_, options, scratch_);
  step.inner_iterations += outcome.iterations;
  report_.inner_iterations += outcome.iterations;

  for (std::size_t i = 0; i < y_.size(); ++i) step_[i] = static_cast<double>(y_[i]);
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

template class CgnrSteps<half, SeparateHalf>;
template class CgnrSteps<half, float>;
template class CgnrSteps<float, float>;
template class CgnrSteps<double, double>;

}  // namespace pipit
