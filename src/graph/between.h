// graph/between.h — the edges of a pose graph as factors, in g2o's error, with analytic Jacobians.
// Source: error as in chi2.h; derivatives with respect to retract (geom: t <- t + R dt, q <- q exp(dtheta)).
// Legend: i, j poses T_world_i, T_world_j; z = T_i_j measured; p = R_i'(t_j - t_i); (w, v) = q_z^-1 q_i^-1 q_j, w >= 0;
// U upper triangular with U'U = information, so that ||U e||^2 is the edge's share of chi2.
#pragma once
#include <Eigen/Core>
#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <tuple>
#include <type_traits>

#include "geom/se2.h"
#include "geom/se3.h"
#include "graph/between_lanes.h"
#include "poses/pose_graph.h"
#include "solve/euclidean.h"

namespace pipit {

/// In: the upper triangle of an information matrix; out: upper U with U'U = information. N: a number, or many at once.
template <int D, class N>
void upper_root(N (&U)[D][D]) {
  using std::sqrt;
  for (int r = 0; r < D; ++r) {
    for (int k = 0; k < r; ++k) U[r][r] -= U[k][r] * U[k][r];
    U[r][r] = sqrt(U[r][r]);
    const N reciprocal = 1.0 / U[r][r];
    for (int c = r + 1; c < D; ++c) {
      for (int k = 0; k < r; ++k) U[r][c] -= U[k][r] * U[k][c];
      U[r][c] *= reciprocal;
    }
  }
}

/// Upper U with U'U = information. Needs: information positive definite (the reader checks). In loops of fixed length:
/// a third of the time of a general factorisation.
template <int D>
Eigen::Matrix<double, D, D> information_root(const Eigen::Matrix<double, D, D>& information) {
  double U[D][D];
  Eigen::Matrix<double, D, D> out = Eigen::Matrix<double, D, D>::Zero();
  for (int r = 0; r < D; ++r)
    for (int c = r; c < D; ++c) U[r][c] = information(r, c);
  upper_root(U);
  for (int r = 0; r < D; ++r)
    for (int c = r; c < D; ++c) out(r, c) = U[r][c];
  return out;
}

/// The roots of up to kCount edges, side by side: square roots and divisions then wait for nothing.
template <class Pose>
class InformationRoots {
 public:
  static constexpr int kCount = 8, kDim = Pose::kDim;
  using Information = typename Edge<Pose>::Information;

  /// Needs   0 < edges.size() <= kCount. Edges often share one information: its root is taken once.
  void take(std::span<const Edge<Pose>> edges) {
    if (std::all_of(edges.begin(), edges.end(), [&](const auto& edge) { return edge.information == last_; })) {
      std::fill(roots_.begin(), roots_.end(), root_of_last_);
      return;
    }
    Eigen::Array<double, kCount, 1> U[kDim][kDim];
    for (int e = 0; e < kCount; ++e) {
      last_ = edges[std::min<std::size_t>(e, edges.size() - 1)].information;
      for (int r = 0; r < kDim; ++r)
        for (int c = r; c < kDim; ++c) U[r][c][e] = last_(r, c);
    }
    upper_root(U);
    for (int e = 0; e < kCount; ++e)
      for (int r = 0; r < kDim; ++r)
        for (int c = r; c < kDim; ++c) roots_[e](r, c) = U[r][c][e];
    root_of_last_ = roots_.back();
  }
  const Information& operator[](std::size_t edge) const { return roots_[edge]; }

 private:
  Information last_ = Information::Identity(), root_of_last_ = last_;
  std::array<Information, kCount> roots_ = filled();
  static std::array<Information, kCount> filled() {
    std::array<Information, kCount> out;
    out.fill(Information::Zero());
    return out;
  }
};

/// Relative pose in space. Residual [6]: translation in m, then vec(q), both times U.
struct BetweenSE3 {
  static constexpr int kDim = 6;
  static constexpr bool kTranslationInvariant = true;
  using Variables = std::tuple<SE3<double>, SE3<double>>;
  template <class T>
  using Vector = Eigen::Matrix<T, 6, 1>;
  template <class T>
  using Block = Eigen::Matrix<T, 6, 6>;

  SE3<double> T_from_to;
  Eigen::Matrix<double, 6, 6> root = Eigen::Matrix<double, 6, 6>::Identity();

  using Lanes = BetweenLanes<SE3<double>>;

  explicit BetweenSE3(const Edge<SE3<double>>& edge)
      : T_from_to(edge.T_from_to), root(information_root<6>(edge.information)) {}
  /// With the root at hand: edges often share one information.
  BetweenSE3(const SE3<double>& z, const Eigen::Matrix<double, 6, 6>& U) : T_from_to(z), root(U) {}

  void add_to(Lanes& lanes) const { lanes.add(T_from_to, root); }

  template <class T>
  Vector<T> operator()(const SE3<T>& i, const SE3<T>& j) const {
    const SE3<T> z = T_from_to.template cast<T>();
    const Eigen::Quaternion<T> q = z.q.conjugate() * (i.q.conjugate() * j.q);
    Vector<T> e;
    e.template head<3>() =
        z.q.conjugate() * Eigen::Matrix<T, 3, 1>(i.q.conjugate() * Eigen::Matrix<T, 3, 1>(j.t - i.t) - z.t);
    e.template tail<3>() = q.w() < T(0) ? Eigen::Matrix<T, 3, 1>(-q.vec()) : Eigen::Matrix<T, 3, 1>(q.vec());
    return whiten<T>(e);
  }

  template <class T>
  void linearise(const SE3<T>& i, const SE3<T>& j, Vector<T>& r, Block<T>& Ji, Block<T>& Jj) const {
    using Vec = Eigen::Matrix<T, 3, 1>;
    using Mat = Eigen::Matrix<T, 3, 3>;
    const SE3<T> z = T_from_to.template cast<T>();
    const Mat Rz_t = z.q.conjugate().toRotationMatrix(), Ri_t = i.q.conjugate().toRotationMatrix();
    const Vec p = Ri_t * (j.t - i.t);
    Eigen::Quaternion<T> q = z.q.conjugate() * (i.q.conjugate() * j.q);
    if (q.w() < T(0)) q.coeffs() = -q.coeffs();
    Vector<T> e;
    e.template head<3>() = Rz_t * (p - z.t);
    e.template tail<3>() = q.vec();
    r = whiten<T>(e);

    const Mat V = hat<T>(q.vec()), W = Mat::Identity() * q.w();
    const Mat turn_i = T(-0.5) * (W - V) * Rz_t, turn_j = T(0.5) * (W + V);
    const Block<T> U = root.template cast<T>();
    const auto U_tt = U.template topLeftCorner<3, 3>(), U_tr = U.template topRightCorner<3, 3>();
    const auto U_rr = U.template bottomRightCorner<3, 3>();
    const Mat URz = U_tt * Rz_t;
    Ji.template topLeftCorner<3, 3>() = -URz;
    Ji.template topRightCorner<3, 3>() = URz * hat<T>(p) + U_tr * turn_i;
    Ji.template bottomLeftCorner<3, 3>().setZero();
    Ji.template bottomRightCorner<3, 3>() = U_rr * turn_i;
    Jj.template topLeftCorner<3, 3>() = URz * (Ri_t * j.q.toRotationMatrix());
    Jj.template topRightCorner<3, 3>() = U_tr * turn_j;
    Jj.template bottomLeftCorner<3, 3>().setZero();
    Jj.template bottomRightCorner<3, 3>() = U_rr * turn_j;
  }

 private:
  template <class T>
  static Eigen::Matrix<T, 3, 3> hat(const Eigen::Matrix<T, 3, 1>& v) {
    Eigen::Matrix<T, 3, 3> m;
    m << T(0), -v[2], v[1], v[2], T(0), -v[0], -v[1], v[0], T(0);
    return m;
  }
  template <class T>
  Vector<T> whiten(const Vector<T>& e) const {
    return root.template cast<T>().template triangularView<Eigen::Upper>() * e;
  }
};

/// Relative pose in the plane. Residual [3]: x, y in m, angle in rad, times U.
struct BetweenSE2 {
  static constexpr int kDim = 3;
  static constexpr bool kTranslationInvariant = true;
  using Variables = std::tuple<SE2<double>, SE2<double>>;
  template <class T>
  using Vector = Eigen::Matrix<T, 3, 1>;
  template <class T>
  using Block = Eigen::Matrix<T, 3, 3>;

  SE2<double> T_from_to;
  Eigen::Matrix<double, 3, 3> root = Eigen::Matrix<double, 3, 3>::Identity();

  using Lanes = BetweenLanes<SE2<double>>;

  explicit BetweenSE2(const Edge<SE2<double>>& edge)
      : T_from_to(edge.T_from_to), root(information_root<3>(edge.information)) {}
  /// With the root at hand: edges often share one information.
  BetweenSE2(const SE2<double>& z, const Eigen::Matrix<double, 3, 3>& U) : T_from_to(z), root(U) {}

  void add_to(Lanes& lanes) const { lanes.add(T_from_to, root); }

  template <class T>
  Vector<T> operator()(const SE2<T>& i, const SE2<T>& j) const {
    const SE2<T> z = T_from_to.template cast<T>();
    Vector<T> e;
    e.template head<2>() = z.rotation().transpose() * (i.rotation().transpose() * (j.t - i.t) - z.t);
    e[2] = wrap_angle(T(j.theta - i.theta - z.theta));
    return root.template cast<T>() * e;
  }

  template <class T>
  void linearise(const SE2<T>& i, const SE2<T>& j, Vector<T>& r, Block<T>& Ji, Block<T>& Jj) const {
    using Mat = Eigen::Matrix<T, 2, 2>;
    const SE2<T> z = T_from_to.template cast<T>();
    const Mat Rz_t = z.rotation().transpose(), Ri_t = i.rotation().transpose();
    const Eigen::Matrix<T, 2, 1> p = Ri_t * (j.t - i.t);
    Vector<T> e;
    e.template head<2>() = Rz_t * (p - z.t);
    e[2] = wrap_angle(T(j.theta - i.theta - z.theta));
    const Block<T> U = root.template cast<T>();
    r = U * e;
    Block<T> D = Block<T>::Zero();
    D.template topLeftCorner<2, 2>() = -Rz_t;
    D.template topRightCorner<2, 1>() = Rz_t * Eigen::Matrix<T, 2, 1>(p[1], -p[0]);
    D(2, 2) = T(-1);
    Ji = U * D;
    D.setZero();
    D.template topLeftCorner<2, 2>() = Rz_t * (Ri_t * j.rotation());
    D(2, 2) = T(1);
    Jj = U * D;
  }
};

/// The factor of an edge between poses of a type.
template <class Pose>
using Between = std::conditional_t<Pose::kDim == 6, BetweenSE3, BetweenSE2>;

/// A point seen from a pose in the plane. Residual [2] in m, times U.
struct SeenPoint {
  static constexpr int kDim = 2;
  static constexpr bool kTranslationInvariant = true;
  using Variables = std::tuple<SE2<double>, Point2<double>>;

  Eigen::Vector2d xy;
  Eigen::Matrix2d root = Eigen::Matrix2d::Identity();

  explicit SeenPoint(const LandmarkEdge& edge) : xy(edge.xy), root(information_root<2>(edge.information)) {}

  template <class T>
  Eigen::Matrix<T, 2, 1> operator()(const SE2<T>& pose, const Point2<T>& point) const {
    return root.cast<T>() * (pose.rotation().transpose() * (point.v - pose.t) - xy.cast<T>());
  }
};

}  // namespace pipit
