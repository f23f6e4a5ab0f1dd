// geom/se2.h — rigid motions of the plane.
// Source   Barfoot, State Estimation for Robotics (2017), ch. 7, written out for the plane. With J = [0 -1; 1 0]:
//          V(theta) = sum (theta J)^k/(k+1)!,  W(theta) = sum (theta J)^k/(k+2)!.
#pragma once
#include <Eigen/Core>

#include "geom/angle.h"
#include "geom/series.h"

namespace pipit {

/// Translation t in m and heading theta in rad, kept in (-pi, pi]: p_a = T_a_b.act(p_b) = R(theta) p_b + t.
/// Tangent  d = (x m, y m, theta rad), translation first. Default: identity.
/// Two charts: exp/log follow the group (a constant twist); retract/local move t and theta each on its own, which costs
/// less and agrees with (*this) * exp(d) to first order in d. Optimisers use retract.
template <class T>
struct SE2 {
  static constexpr int kDim = 3;
  using Scalar = T;
  using Tangent = Eigen::Matrix<T, 3, 1>;
  using Point = Eigen::Matrix<T, 2, 1>;
  using Jacobian = Eigen::Matrix<T, 3, 3>;
  using Rotation = Eigen::Matrix<T, 2, 2>;
  template <class U>
  using Rebind = SE2<U>;

  Point t = Point::Zero();
  T theta = T(0);

  SE2 operator*(const SE2& o) const { return {t + rotation() * o.t, wrap_angle(T(theta + o.theta))}; }
  SE2 inverse() const { return {-(rotation().transpose() * t), wrap_angle(T(-theta))}; }
  Point act(const Point& p) const { return rotation() * p + t; }
  template <class U>
  SE2<U> cast() const {
    return {t.template cast<U>(), U(theta)};
  }
  Rotation rotation() const {
    using std::cos;
    using std::sin;
    return turn(cos(theta), sin(theta));
  }
  Eigen::Matrix<T, 3, 3> matrix() const {
    Eigen::Matrix<T, 3, 3> M = Eigen::Matrix<T, 3, 3>::Identity();
    M.template topLeftCorner<2, 2>() = rotation();
    M.template topRightCorner<2, 1>() = t;
    return M;
  }

  static SE2 exp(const Tangent& d) { return {V(d[2]) * d.template head<2>(), wrap_angle(d[2])}; }
  Tangent log() const {
    Tangent d;
    d.template head<2>() = V_inverse(theta) * t;
    d[2] = theta;
    return d;
  }

  /// x exp(d) x^-1 = exp(adjoint d).
  Jacobian adjoint() const { return corner(rotation(), Point(t[1], -t[0])); }

  /// exp(d + e) = exp(left_jacobian(d) e) exp(d) to first order in e.
  static Jacobian left_jacobian(const Tangent& d) { return corner(V(d[2]), W_of(d)); }
  /// Needs |theta| < 2 pi (beyond: finite values without meaning).
  static Jacobian left_jacobian_inverse(const Tangent& d) {
    const Rotation v = V_inverse(d[2]);
    return corner(v, -(v * W_of(d)));
  }
  /// exp(d + e) = exp(d) exp(right_jacobian(d) e) to first order in e.
  static Jacobian right_jacobian(const Tangent& d) { return left_jacobian(-d); }
  static Jacobian right_jacobian_inverse(const Tangent& d) { return left_jacobian_inverse(-d); }

  SE2 retract(const Tangent& d) const { return {t + rotation() * d.template head<2>(), wrap_angle(T(theta + d[2]))}; }
  /// The d with retract(d) = o; its angle is in (-pi, pi].
  Tangent local(const SE2& o) const {
    Tangent d;
    d.template head<2>() = rotation().transpose() * (o.t - t);
    d[2] = wrap_angle(T(o.theta - theta));
    return d;
  }

 private:
  static Rotation turn(const T& c, const T& s) {
    Rotation R;
    R << c, -s, s, c;
    return R;
  }
  static Rotation V(const T& a) { return turn(sinc(T(a * a)), T(a * cosc(T(a * a)))); }
  static Rotation V_inverse(const T& a) {
    const T s = a * a;
    return turn(T(T(1) - s * cotc(s)), T(-a / T(2)));
  }
  /// W(theta) (-J rho): the column of the left Jacobian that couples rotation into translation.
  static Point W_of(const Tangent& d) {
    const T s = d[2] * d[2];
    return turn(cosc(s), T(d[2] * sinc3(s))) * Point(d[1], -d[0]);
  }
  static Jacobian corner(const Rotation& R, const Point& p) {
    Jacobian J = Jacobian::Identity();
    J.template topLeftCorner<2, 2>() = R;
    J.template topRightCorner<2, 1>() = p;
    return J;
  }
};

}  // namespace pipit
