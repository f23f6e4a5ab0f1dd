#include "geom/trajectory.h"

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/contract.h"

namespace pipit {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEps = std::numeric_limits<double>::epsilon();

template <int D>
using Points = std::span<const Eigen::Matrix<double, D, 1>>;

template <int D>
Eigen::Matrix<double, D, 1> mean_of(Points<D> points) {
  Eigen::Matrix<double, D, 1> sum = Eigen::Matrix<double, D, 1>::Zero();
  for (const auto& p : points) sum += p;
  return sum / static_cast<double>(points.size());
}

double angle_of(const SE2<double>& x) { return std::abs(x.theta); }
double angle_of(const SE3<double>& x) { return x.so3().log().norm(); }

template <class Pose>
class PairErrors {
 public:
  PairErrors(std::span<const Pose> est, std::span<const Pose> ref, double est_scale)
      : est_(est), ref_(ref), scale_(est_scale) {}

  void add(std::size_t i, std::size_t j) {
    Pose step = est_[i].inverse() * est_[j];
    step.t *= scale_;
    const Pose gap = (ref_[i].inverse() * ref_[j]).inverse() * step;
    translation_.push_back(gap.t.norm());
    rotation_.push_back(angle_of(gap) * 180 / std::numbers::pi);
  }
  Rpe stats() { return {error_stats(std::move(translation_)), error_stats(std::move(rotation_))}; }

 private:
  std::span<const Pose> est_, ref_;
  double scale_;
  std::vector<double> translation_, rotation_;
};

}  // namespace

template <int D>
Alignment<D> align(Points<D> est, Points<D> ref, Align mode) {
  using Square = Eigen::Matrix<double, D, D>;
  expects(est.size() == ref.size(), "align: trajectories differ in length");
  Alignment<D> out;
  const auto finite = [](const auto& p) { return p.allFinite(); };
  if (est.empty() || !std::all_of(est.begin(), est.end(), finite) || !std::all_of(ref.begin(), ref.end(), finite))
    return out;
  out.fit = Fit::Unique;
  if (mode == Align::None) return out;

  const auto mean_est = mean_of<D>(est), mean_ref = mean_of<D>(ref);
  const double n = static_cast<double>(est.size());
  Square covariance = Square::Zero();  // eq. 38
  double var_est = 0, var_ref = 0, reach_est = 0, reach_ref = 0;
  for (std::size_t i = 0; i < est.size(); ++i) {
    const auto e = (est[i] - mean_est).eval(), r = (ref[i] - mean_ref).eval();
    covariance += r * e.transpose() / n;
    var_est += e.squaredNorm() / n;
    var_ref += r.squaredNorm() / n;
    reach_est = std::max(reach_est, est[i].template lpNorm<Eigen::Infinity>());
    reach_ref = std::max(reach_ref, ref[i].template lpNorm<Eigen::Infinity>());
  }
  if (!std::isfinite(var_est) || !std::isfinite(var_ref)) {  // overflow: coordinates beyond 1e150
    out.fit = Fit::Undefined;
    return out;
  }
  const Eigen::JacobiSVD<Square> svd(covariance, Eigen::ComputeFullU | Eigen::ComputeFullV);
  Eigen::Matrix<double, D, 1> signs = Eigen::Matrix<double, D, 1>::Ones();  // eqs. 39, 43: never a mirror
  if (svd.matrixU().determinant() * svd.matrixV().determinant() < 0) signs[D - 1] = -1;
  out.R = svd.matrixU() * signs.asDiagonal() * svd.matrixV().transpose();

  // Centred coordinates carry an error of about 4 eps * reach, so the covariance is known to `noise`. A turn in the
  // plane of the two weakest directions changes the sum by their (signed) singular values: when that is noise, it is
  // free.
  const auto& sigma = svd.singularValues();
  const double noise = 16 * kEps * (std::sqrt(var_est) * reach_ref + std::sqrt(var_ref) * reach_est);
  if (!(sigma[D - 2] + signs[D - 1] * sigma[D - 1] > noise)) out.fit = Fit::Ambiguous;

  if (mode == Align::Similarity && var_est > 16 * kEps * kEps * reach_est * reach_est)
    out.scale = sigma.dot(signs) / var_est;  // eq. 42
  out.t = mean_ref - out.scale * (out.R * mean_est);
  return out;
}

ErrorStats error_stats(std::vector<double> errors) {
  ErrorStats out{kNan, kNan, kNan, kNan, errors.size()};
  if (errors.empty() || std::any_of(errors.begin(), errors.end(), [](double e) { return std::isnan(e); })) return out;
  out.max = *std::max_element(errors.begin(), errors.end());
  if (!std::isfinite(out.max)) return out;
  const double n = static_cast<double>(errors.size());
  double sum = 0, squares = 0;  // of errors / max: no overflow
  const double unit = out.max > 0 ? out.max : 1;
  for (const double e : errors) {
    sum += e / unit;
    squares += (e / unit) * (e / unit);
  }
  out.mean = sum / n * unit;
  out.rmse = std::sqrt(squares / n) * unit;
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  out.median = *middle;
  if (errors.size() % 2 == 0) out.median = (out.median + *std::max_element(errors.begin(), middle)) / 2;
  return out;
}

template <int D>
Ate<D> ate(Points<D> est, Points<D> ref, Align mode) {
  Ate<D> out{align<D>(est, ref, mode), {}};
  std::vector<double> errors(est.size());
  for (std::size_t i = 0; i < est.size(); ++i) errors[i] = (ref[i] - out.alignment.act(est[i])).norm();
  out.position_m = error_stats(std::move(errors));
  return out;
}

template <class Pose>
Rpe rpe_frames(std::span<const Pose> est, std::span<const Pose> ref, std::size_t frames, double est_scale) {
  expects(est.size() == ref.size(), "rpe_frames: trajectories differ in length");
  expects(frames >= 1, "rpe_frames: frames must be at least 1");
  PairErrors<Pose> errors(est, ref, est_scale);
  for (std::size_t j = frames; j < est.size(); ++j) errors.add(j - frames, j);
  return errors.stats();
}

template <class Pose>
Rpe rpe_pairs(std::span<const Pose> est, std::span<const Pose> ref, std::span<const PosePair> pairs, double est_scale) {
  expects(est.size() == ref.size(), "rpe_pairs: trajectories differ in length");
  PairErrors<Pose> errors(est, ref, est_scale);
  for (const auto& [i, j] : pairs) {
    expects(i < est.size() && j < est.size(), "rpe_pairs: no such pose");
    errors.add(i, j);
  }
  return errors.stats();
}

template <class Pose>
Rpe rpe_path(std::span<const Pose> est, std::span<const Pose> ref, double metres, double est_scale) {
  expects(est.size() == ref.size(), "rpe_path: trajectories differ in length");
  expects(metres > 0, "rpe_path: metres must be positive");
  PairErrors<Pose> errors(est, ref, est_scale);
  std::vector<double> travelled(ref.size(), 0.0);
  for (std::size_t i = 1; i < ref.size(); ++i) travelled[i] = travelled[i - 1] + (ref[i].t - ref[i - 1].t).norm();
  const double enough = metres * (1 - 1e-9);
  for (std::size_t i = 0, j = 0; i < ref.size(); ++i) {
    while (j < ref.size() && !(travelled[j] - travelled[i] >= enough)) ++j;
    if (j == ref.size()) break;
    errors.add(i, j);
  }
  return errors.stats();
}

template Alignment<2> align<2>(Points<2>, Points<2>, Align);
template Alignment<3> align<3>(Points<3>, Points<3>, Align);
template Ate<2> ate<2>(Points<2>, Points<2>, Align);
template Ate<3> ate<3>(Points<3>, Points<3>, Align);
template Rpe rpe_frames(std::span<const SE2<double>>, std::span<const SE2<double>>, std::size_t, double);
template Rpe rpe_frames(std::span<const SE3<double>>, std::span<const SE3<double>>, std::size_t, double);
template Rpe rpe_pairs(std::span<const SE2<double>>, std::span<const SE2<double>>, std::span<const PosePair>, double);
template Rpe rpe_pairs(std::span<const SE3<double>>, std::span<const SE3<double>>, std::span<const PosePair>, double);
template Rpe rpe_path(std::span<const SE2<double>>, std::span<const SE2<double>>, double, double);
template Rpe rpe_path(std::span<const SE3<double>>, std::span<const SE3<double>>, double, double);

}  // namespace pipit
