// solve/testing.h — small problems that several tests share. Not installed.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "geom/se2.h"
#include "geom/se3.h"
#include "solve/euclidean.h"
#include "solve/problem.h"

namespace pipit::testing {

/// Distance from a pose in the plane to a beacon, by automatic differentiation.
struct RangeFactor {
  static constexpr int kDim = 1;
  static constexpr bool kTranslationInvariant = true;
  using Variables = std::tuple<SE2<double>, Point2<double>>;
  double range_m, sigma_m;

  template <class T>
  Eigen::Matrix<T, 1, 1> operator()(const SE2<T>& T_world_robot, const Point2<T>& beacon) const {
    const Eigen::Matrix<T, 2, 1> d = beacon.v - T_world_robot.t;
    using std::sqrt;
    return Eigen::Matrix<T, 1, 1>((sqrt(T(d.dot(d))) - T(range_m)) / T(sigma_m));
  }
};

/// Relative pose in space by automatic differentiation of log, to compare with analytic factors.
struct RelativePose {
  static constexpr int kDim = 6;
  static constexpr bool kTranslationInvariant = true;
  using Variables = std::tuple<SE3<double>, SE3<double>>;
  SE3<double> T_from_to;
  double weight = 1;

  template <class T>
  Eigen::Matrix<T, 6, 1> operator()(const SE3<T>& i, const SE3<T>& j) const {
    const SE3<T> error = T_from_to.template cast<T>().inverse() * (i.inverse() * j);
    return Eigen::Matrix<T, 6, 1>(error.log() * T(weight));
  }
};

/// Where one point is as seen from another, without turning anything: linear.
struct Offset {
  static constexpr int kDim = 2;
  using Variables = std::tuple<Point2<double>, Point2<double>>;
  Eigen::Vector2d xy_m;
  double weight = 1;

  template <class T>
  Eigen::Matrix<T, 2, 1> operator()(const Point2<T>& from, const Point2<T>& to) const {
    return Eigen::Matrix<T, 2, 1>((to.v - from.v - xy_m.cast<T>()) * T(weight));
  }
};

inline SE3<double> random_pose(Random& random, double radius_m, double angle_rad) {
  Eigen::Matrix<double, 6, 1> d;
  for (int i = 0; i < 3; ++i) d[i] = radius_m * random.normal();
  for (int i = 3; i < 6; ++i) d[i] = angle_rad * random.normal();
  return SE3<double>::exp(d);
}

using Poses = std::vector<SE3<double>>;

/// The largest distance between two poses of the same number, metres.
inline double farthest(const Poses& a, const Poses& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, (a[i].t - b[i].t).norm());
  return worst;
}

/// A loop of n poses with exact relative poses around it and some across, started `noise` away from the truth.
/// The optimum has cost 0 at the truth; pose 0 is fixed.
inline std::vector<SE3<double>> add_loop(Problem& problem, int n, double noise, std::uint64_t seed) {
  Random random(seed);
  std::vector<SE3<double>> truth;
  for (int i = 0; i < n; ++i) {
    truth.push_back(i == 0 ? SE3<double>{} : truth.back() * random_pose(random, 1, 0.5));
    const auto start = i == 0 ? truth[0] : truth.back().retract((random_pose(random, noise, noise)).log());
    problem.add(start);
  }
  problem.fix(Var<SE3<double>>{0});
  const auto tie = [&](int i, int j) {
    problem.add_factor(
        RelativePose{truth[static_cast<std::size_t>(i)].inverse() * truth[static_cast<std::size_t>(j)], 10},
        Var<SE3<double>>{i},
        Var<SE3<double>>{j});
  };
  for (int i = 0; i + 1 < n; ++i) tie(i, i + 1);
  tie(n - 1, 0);
  for (int i = 0; i + n / 3 < n; i += 4) tie(i, i + n / 3);
  return truth;
}

}  // namespace pipit::testing
