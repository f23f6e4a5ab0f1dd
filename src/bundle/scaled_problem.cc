#include "bundle/scaled_problem.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"
#include "bits/vector_ops.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

template <class S>
ScaledProblem<S>::ScaledProblem(const BundleLayout& of, const BundleOptions& options, Workers& on)
    : layout(of),
      workers(on),
      product(of, options.precision.accumulate, options.precision.scaling, on),
      precision_(options.precision),
      count_(options.count_range) {
  prepare();
}

template <class S>
void ScaledProblem<S>::prepare() {
  gradient.resize(views_size() + at(layout.points) * 4), y.resize(gradient.size());
  point_gradient_.resize(at(layout.points) * 3);
  product.prepare();
  report.inner_iterations = 0, report.seconds_solve = report.seconds_products = 0, report.range = {};
}

// Onto U and g of its views, so that blocks are scaled with it.
template <class S>
void ScaledProblem<S>::take_prior(const LineariseJob& job) {
  prior_ = job.prior != nullptr && !job.prior->empty() ? job.prior : nullptr;
  if (prior_ == nullptr) return;
  expects(precision_.vectors != Format::Half && layout.intrinsics == 0,
          "a prior on poses: not in half, nor with intrinsics to estimate");
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

template <class S>
double ScaledProblem<S>::add_prior(std::span<const V> p, std::span<V> q) {
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
    double z[6];
    for (std::size_t r = 0; r < 6; ++r) {
      quadratic += static_cast<double>(prior_x_[6 * i + r]) * static_cast<double>(prior_y_[6 * i + r]);
      z[r] = static_cast<double>(prior_y_[6 * i + r]);
      for (std::size_t c = 0; c < r; ++c) z[r] -= L(i)[r * 6 + c] * z[c];
      z[r] /= L(i)[r * 6 + r];
      q[6 * at(prior_->views[i]) + r] += static_cast<V>(z[r]);
    }
  }
  return quadratic;
}

template <class S>
double ScaledProblem<S>::linearise(const LineariseJob& job) {
  const double cost = pipit::linearise(job, true, false, parts_, workers);
  take_prior(job);
  factors_.compute(layout, parts_, precision_.scaling, point_gradient_);
  scale_jacobian(layout, factors_, parts_.J, workers);
  product.load(parts_.J, count_ ? &report.range : nullptr);
  std::copy(parts_.g.begin(), parts_.g.end(), gradient.begin());
  for (std::size_t p = 0; p < at(layout.points); ++p) {
    double* to = &gradient[parts_.g.size() + 4 * p];
    std::copy_n(&point_gradient_[3 * p], 3, to);
    to[3] = 0;
  }
  factors_.divide(layout, gradient);
  tie_intrinsics<double>(layout, gradient);
  return cost;
}

template <class S>
void ScaledProblem<S>::finish(double lambda, BundleStep& step) {
  const double slope = dot(std::span<const double>(y), std::span<const double>(gradient));
  const double damped = dot(std::span<const double>(y), std::span<const double>(y));
  step.promised = 0.5 * (lambda * damped - slope);
  step.fine = std::isfinite(step.promised) && slope < 0;
  factors_.divide_transposed(layout, y);
  std::copy_n(y.begin(), step.views.size(), step.views.begin());
  for (std::size_t p = 0; p < at(layout.points); ++p) std::copy_n(&y[views_size() + 4 * p], 3, &step.points[3 * p]);
}

template class ScaledProblem<half>;
template class ScaledProblem<float>;
template class ScaledProblem<double>;

}  // namespace pipit
