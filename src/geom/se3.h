// geom/se3.h — rigid motions of space.
// Source   Barfoot, State Estimation for Robotics (2017), eqs. 7.86 (Q), 7.95 (inverse); tangent order: translation
// first.
#pragma once
#include "geom/so3.h"

namespace pipit {

/// Rotation q (unit quaternion) and translation t in m: p_a = T_a_b.act(p_b) = q p_b + t.
/// Tangent  d = (translation m, rotation rad), translation first. Default: identity.
/// Two charts: exp/log follow the group (a constant twist); retract/local move t and q each on its own, which costs
/// less and agrees with (*this) * exp(d) to first order in d. Optimisers use retract.
/// Needs    |q| = 1 to rounding; products drift by eps each, retract renormalises.
template <class T>
struct SE3 {
  static constexpr int kDim = 6;
  using Scalar = T;
  using Tangent = Eigen::Matrix<T, 6, 1>;
  using Point = Eigen::Matrix<T, 3, 1>;
  using Jacobian = Eigen::Matrix<T, 6, 6>;
  using Rotation = Eigen::Matrix<T, 3, 3>;
  template <class U>
  using Rebind = SE3<U>;

  Eigen::Quaternion<T> q = Eigen::Quaternion<T>::Identity();
  Point t = Point::Zero();

  SE3 operator*(const SE3& o) const { return {q * o.q, t + q * o.t}; }
  SE3 inverse() const {
    const Eigen::Quaternion<T> back = q.conjugate();
    return {back, -(back * t)};
  }
  Point act(const Point& p) const { return q * p + t; }
  template <class U>
  SE3<U> cast() const {
    return {q.template cast<U>(), t.template cast<U>()};
  }
  SO3<T> so3() const { return {q}; }
  Rotation rotation() const { return q.toRotationMatrix(); }
  Eigen::Matrix<T, 4, 4> matrix() const {
    Eigen::Matrix<T, 4, 4> M = Eigen::Matrix<T, 4, 4>::Identity();
    M.template topLeftCorner<3, 3>() = rotation();
    M.template topRightCorner<3, 1>() = t;
    return M;
  }

  static SE3 exp(const Tangent& d) {
    const Point turn = d.template tail<3>();
    return {SO3<T>::exp(turn).q, SO3<T>::left_jacobian(turn) * d.template head<3>()};
  }
  Tangent log() const {
    Tangent d;
    const Point turn = so3().log();
    d.template head<3>() = SO3<T>::left_jacobian_inverse(turn) * t;
    d.template tail<3>() = turn;
    return d;
  }

  /// x exp(d) x^-1 = exp(adjoint d).
  Jacobian adjoint() const {
    const Rotation R = rotation();
    return corner(R, hat(t) * R);
  }

  /// exp(d + e) = exp(left_jacobian(d) e) exp(d) to first order in e.
  static Jacobian left_jacobian(const Tangent& d) { return corner(SO3<T>::left_jacobian(d.template tail<3>()), Q(d)); }
  /// Needs |rotation| < 2 pi (beyond: finite values without meaning).
  static Jacobian left_jacobian_inverse(const Tangent& d) {
    const Rotation J = SO3<T>::left_jacobian_inverse(d.template tail<3>());
    return corner(J, -(J * Q(d) * J));
  }
  /// exp(d + e) = exp(d) exp(right_jacobian(d) e) to first order in e.
  static Jacobian right_jacobian(const Tangent& d) { return left_jacobian(-d); }
  static Jacobian right_jacobian_inverse(const Tangent& d) { return left_jacobian_inverse(-d); }

  SE3 retract(const Tangent& d) const {
    return {SO3<T>{q}.retract(d.template tail<3>()).q, t + q * Point(d.template head<3>())};
  }
  /// The d with retract(d) = o; its rotation is the shortest.
  Tangent local(const SE3& o) const {
    Tangent d;
    d.template head<3>() = q.conjugate() * Point(o.t - t);
    d.template tail<3>() = so3().local(o.so3());
    return d;
  }

 private:
  static Jacobian corner(const Rotation& R, const Rotation& coupling) {
    Jacobian J;
    J.template topLeftCorner<3, 3>() = R;
    J.template topRightCorner<3, 3>() = coupling;
    J.template bottomLeftCorner<3, 3>().setZero();
    J.template bottomRightCorner<3, 3>() = R;
    return J;
  }
  static Rotation Q(const Tangent& d) {
    const Rotation U = hat(Point(d.template head<3>())), X = hat(Point(d.template tail<3>()));
    const T s = d.template tail<3>().squaredNorm();
    const Rotation XU = X * U, UX = U * X, XUX = XU * X;
    return T(0.5) * U + sinc3(s) * (XU + UX + XUX) + cosc4(s) * (X * XU + UX * X - T(3) * XUX) +
           sinc5(s) * (XUX * X + X * XUX);
  }
};

}  // namespace pipit
