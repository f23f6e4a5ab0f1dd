#include "window/marginalise.h"

#include <algorithm>
#include <cmath>

#include "reproject/state.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

/// Eliminates unknown k of a dense symmetric system of n: rows and columns of others take what it knew. One that
/// nothing is known of (a pivot of rounding) just goes.
void eliminate(std::vector<double>& H, std::vector<double>& g, std::size_t n, std::size_t k, double scale, double& c) {
  const double pivot = H[k * n + k];
  if (pivot > 1e-10 * scale) {
    for (std::size_t a = 0; a < n; ++a) {
      const double times = H[a * n + k] / pivot;
      if (a == k || times == 0) continue;
      for (std::size_t b = 0; b < n; ++b)
        if (b != k) H[a * n + b] -= times * H[k * n + b];
      g[a] -= times * g[k];
    }
    c -= 0.5 * g[k] * g[k] / pivot;
  }
  for (std::size_t a = 0; a < n; ++a) H[a * n + k] = H[k * n + a] = 0;
  g[k] = 0;
}

}  // namespace

void Marginaliser::drop_first(const Scene& scene, const RobustLoss& loss, PosePrior& prior) {
  layout_.build(scene, false);
  take_values(scene, state_);
  // What the prior knew keeps the Jacobians of its first estimates: H stays, and g moves along to where the poses are.
  gradient_.resize(at(prior.size()));
  prior.c = prior.evaluate(state_.T_world_cam, gradient_);
  std::swap(prior.g, gradient_);
  fill_views(scene, state_, 0, views_);
  LineariseJob job{.layout = &layout_,
                   .form = form_of(scene, loss),
                   .views = views_,
                   .points = state_.points,
                   .taking = {},
                   .prior = nullptr,
                   .prior_gradient = {},
                   .slopes = {}};
  taking_part(job, taking_);
  job.taking = taking_;
  double c = linearise(job, false, true, parts_, workers_) + prior.c;
  if (!std::isfinite(c)) c = prior.c;

  place_.assign(scene.views.size(), -1);
  std::int32_t count = 0;
  const auto take = [&](std::int32_t view) {
    if (place_[at(view)] < 0 && !scene.views[at(view)].fixed) place_[at(view)] = count++;
  };
  take(0);  // first, so that it is the first six unknowns
  for (std::int32_t v = 1; v < layout_.views; ++v)
    if (layout_.group_begin[at(v) + 1] > layout_.group_begin[at(v)] ||
        std::find(prior.views.begin(), prior.views.end(), v) != prior.views.end())
      take(v);
  const std::size_t n = 6 * at(count), old = at(prior.size());
  H_.assign(n * n, 0.0), g_.assign(n, 0.0);
  for (std::size_t i = 0; i < prior.views.size(); ++i) {
    if (place_[at(prior.views[i])] < 0) continue;
    const std::size_t row = 6 * at(place_[at(prior.views[i])]);
    for (std::size_t a = 0; a < 6; ++a) {
      g_[row + a] += prior.g[6 * i + a];
      for (std::size_t j = 0; j < prior.views.size(); ++j) {
        if (place_[at(prior.views[j])] < 0) continue;
        const std::size_t col = 6 * at(place_[at(prior.views[j])]);
        for (std::size_t b = 0; b < 6; ++b) H_[(row + a) * n + col + b] += prior.H[(6 * i + a) * old + 6 * j + b];
      }
    }
  }
  for (std::size_t v = 0; v < scene.views.size(); ++v) {
    if (place_[v] < 0) continue;
    const std::size_t row = 6 * at(place_[v]);
    for (std::size_t a = 0; a < 6; ++a) {
      g_[row + a] += parts_.g[6 * v + a];
      for (std::size_t b = 0; b < 6; ++b) H_[(row + a) * n + row + b] += parts_.U[(6 * v + a) * 6 + b];
    }
  }
  // Each point: V^-1 by its adjugate would do for one; Cholesky is what the others use, too.
  const RecordShape shape{6};
  for (std::int32_t p = 0; p < layout_.points; ++p) {
    const auto begin = layout_.point_slots.begin() + layout_.point_begin[at(p)],
               end = layout_.point_slots.begin() + layout_.point_begin[at(p) + 1];
    Eigen::Matrix3d V = Eigen::Matrix3d::Zero();
    Eigen::Vector3d gp = Eigen::Vector3d::Zero();
    for (auto s = begin; s != end; ++s) {
      const double* record = parts_.records.data() + *s * shape.size();
      constexpr int kRow[] = {0, 1, 2, 1, 2, 2}, kCol[] = {0, 0, 0, 1, 1, 2};
      for (int k = 0; k < 6; ++k) {
        V(kRow[k], kCol[k]) += record[shape.v() + k];
        if (kRow[k] != kCol[k]) V(kCol[k], kRow[k]) += record[shape.v() + k];
      }
      for (int k = 0; k < 3; ++k) gp[k] += record[shape.g() + k];
    }
    // a depth that nobody could tell is held a little, so that the point takes no more than it knew
    V.diagonal() += 1e-9 * Eigen::Vector3d::Constant(V.trace());
    if (!(V.trace() > 0)) continue;
    const Eigen::Matrix3d inverse = V.inverse();
    const Eigen::Vector3d z = inverse * gp;
    c -= 0.5 * gp.dot(z);
    for (auto s = begin; s != end; ++s) {
      const std::int32_t i = place_[at(layout_.view_of[at(*s / kAbreast)])];
      if (i < 0) continue;
      using Cross = Eigen::Map<const Eigen::Matrix<double, 6, 3>>;
      const Cross Wi(parts_.records.data() + *s * shape.size());
      const Eigen::Matrix<double, 6, 3> Yi = Wi * inverse;
      for (Eigen::Index a = 0; a < 6; ++a) g_[6 * at(i) + static_cast<std::size_t>(a)] -= Wi.row(a).dot(z);
      for (auto t = begin; t != end; ++t) {
        const std::int32_t j = place_[at(layout_.view_of[at(*t / kAbreast)])];
        if (j < 0) continue;
        const Eigen::Matrix<double, 6, 6> block = Yi * Cross(parts_.records.data() + *t * shape.size()).transpose();
        for (std::size_t a = 0; a < 6; ++a)
          for (std::size_t b = 0; b < 6; ++b)
            H_[(6 * at(i) + a) * n + 6 * at(j) + b] -=
                block(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b));
      }
    }
  }
  const bool first_moves = place_[0] == 0;
  if (first_moves) {
    double scale[6];
    for (std::size_t k = 0; k < 6; ++k) scale[k] = H_[k * n + k];
    for (std::size_t k = 0; k < 6; ++k) eliminate(H_, g_, n, k, scale[k], c);
  }

  next_.views.clear(), next_.at.clear();
  for (std::size_t v = 1; v < scene.views.size(); ++v)
    if (place_[v] >= 0) next_.views.push_back(static_cast<std::int32_t>(v)), next_.at.push_back(state_.T_world_cam[v]);
  const std::size_t m = at(next_.size());
  next_.H.resize(m * m), next_.g.resize(m);
  for (std::size_t i = 0; i < next_.views.size(); ++i) {
    const std::size_t from = 6 * at(place_[at(next_.views[i])]);
    for (std::size_t a = 0; a < 6; ++a) {
      next_.g[6 * i + a] = g_[from + a];
      for (std::size_t j = 0; j < next_.views.size(); ++j)
        for (std::size_t b = 0; b < 6; ++b)
          next_.H[(6 * i + a) * m + 6 * j + b] = H_[(from + a) * n + 6 * at(place_[at(next_.views[j])]) + b];
    }
  }
  next_.c = c;
  std::swap(prior, next_);
}

}  // namespace pipit
