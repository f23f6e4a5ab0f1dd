// geom/so3.h — rotations of space.
// Source   Barfoot, State Estimation for Robotics (2017), eqs. 7.37 and 7.77; half angles as in Sola, Quaternion
//          kinematics for the error-state Kalman filter (2017), sec. 2.4.
#pragma once
#include <Eigen/Core>
#include <Eigen/Geometry>

#include "geom/angle.h"
#include "geom/series.h"

namespace pipit {

/// The matrix of v x.
template <class T>
Eigen::Matrix<T, 3, 3> hat(const Eigen::Matrix<T, 3, 1>& v) {
  Eigen::Matrix<T, 3, 3> M;
  M << T(0), -v[2], v[1], v[2], T(0), -v[0], -v[1], v[0], T(0);
  return M;
}

/// A rotation as unit quaternion q (Hamilton; q and -q are the same rotation): p_a = R_a_b.act(p_b).
/// Tangent  rotation vector in rad. Default: identity.
/// Needs    |q| = 1 to rounding; log alone takes any length but zero. Products drift by eps each, retract renormalises.
template <class T>
struct SO3 {
  static constexpr int kDim = 3;
  using Scalar = T;
  using Tangent = Eigen::Matrix<T, 3, 1>;
  using Point = Eigen::Matrix<T, 3, 1>;
  using Jacobian = Eigen::Matrix<T, 3, 3>;
  template <class U>
  using Rebind = SO3<U>;

  Eigen::Quaternion<T> q = Eigen::Quaternion<T>::Identity();

  SO3 operator*(const SO3& o) const { return {q * o.q}; }
  SO3 inverse() const { return {q.conjugate()}; }
  Point act(const Point& p) const { return q * p; }
  template <class U>
  SO3<U> cast() const {
    return {q.template cast<U>()};
  }
  Eigen::Matrix<T, 3, 3> matrix() const { return q.toRotationMatrix(); }

  static SO3 exp(const Tangent& d) {
    using std::cos;
    using std::sin;
    using std::sqrt;
    const T s = d.squaredNorm() / T(4);  // square of the half angle
    T w, k;
    if (takes_series(s)) {
      w = T(1) - s * cosc(s);
      k = sinc(s) / T(2);
    } else {
      const T half = sqrt(s);
      w = cos(half);
      k = sin(half) / (T(2) * half);
    }
    return {Eigen::Quaternion<T>(w, k * d[0], k * d[1], k * d[2])};
  }

  /// The shortest rotation vector, |d| <= pi, also near pi: the angle is 2 atan2(|v|, w), never an arc cosine.
  /// Exact  to 4 eps of |d| (and of pi: at half a turn the axis keeps full precision, its sign is free).
  Tangent log() const {
    using std::atan2;
    using std::sqrt;
    const bool flip = q.w() < T(0);  // of q and -q take the one with the shorter way
    const T w = flip ? T(-q.w()) : T(q.w());
    const T n2 = q.vec().squaredNorm(), w2 = w * w;
    T k;  // angle / |v|
    if (n2 < w2 * T(1.0 / 1024)) {
      // 2 atan(x)/|v| with x = |v|/w; the first term left out is 2^-70/15.
      const T x2 = n2 / w2;
      T sum = T(1.0 / 13);
      for (int odd = 11; odd >= 1; odd -= 2) sum = T(1) / T(odd) - x2 * sum;
      k = T(2) * sum / w;
    } else {
      const T n = sqrt(n2);
      k = T(2) * atan2(n, w) / n;
    }
    if (flip) k = -k;
    return k * q.vec();
  }

  /// x exp(d) x^-1 = exp(adjoint d).
  Jacobian adjoint() const { return matrix(); }

  /// exp(d + e) = exp(left_jacobian(d) e) exp(d) to first order in e.
  static Jacobian left_jacobian(const Tangent& d) {
    const T s = d.squaredNorm();
    const Jacobian X = hat(d);
    return Jacobian::Identity() + cosc(s) * X + sinc3(s) * (X * X);
  }
  /// Needs |d| < 2 pi (beyond: finite values without meaning).
  static Jacobian left_jacobian_inverse(const Tangent& d) {
    const Jacobian X = hat(d);
    return Jacobian::Identity() - T(0.5) * X + cotc(T(d.squaredNorm())) * (X * X);
  }
  /// exp(d + e) = exp(d) exp(right_jacobian(d) e) to first order in e.
  static Jacobian right_jacobian(const Tangent& d) { return left_jacobian(-d); }
  static Jacobian right_jacobian_inverse(const Tangent& d) { return left_jacobian_inverse(-d); }

  SO3 retract(const Tangent& d) const { return {(q * exp(d).q).normalized()}; }
  /// The shortest d with retract(d) = o.
  Tangent local(const SO3& o) const { return (inverse() * o).log(); }
};

}  // namespace pipit
