// geom/so2.h — rotations of the plane.
#pragma once
#include <Eigen/Core>

#include "geom/angle.h"

namespace pipit {

/// A rotation by theta rad, kept in (-pi, pi]: p_a = R_a_b.act(p_b). Tangent: one angle in rad. Default: identity.
template <class T>
struct SO2 {
  static constexpr int kDim = 1;
  using Scalar = T;
  using Tangent = Eigen::Matrix<T, 1, 1>;
  using Point = Eigen::Matrix<T, 2, 1>;
  using Jacobian = Eigen::Matrix<T, 1, 1>;
  template <class U>
  using Rebind = SO2<U>;

  T theta = T(0);

  SO2 operator*(const SO2& o) const { return {wrap_angle(T(theta + o.theta))}; }
  SO2 inverse() const { return {wrap_angle(T(-theta))}; }
  Point act(const Point& p) const { return matrix() * p; }
  template <class U>
  SO2<U> cast() const {
    return {U(theta)};
  }
  Eigen::Matrix<T, 2, 2> matrix() const {
    using std::cos;
    using std::sin;
    const T c = cos(theta), s = sin(theta);
    Eigen::Matrix<T, 2, 2> R;
    R << c, -s, s, c;
    return R;
  }

  static SO2 exp(const Tangent& d) { return {wrap_angle(d[0])}; }
  Tangent log() const { return Tangent(theta); }
  Jacobian adjoint() const { return one(); }
  static Jacobian left_jacobian(const Tangent&) { return one(); }
  static Jacobian left_jacobian_inverse(const Tangent&) { return one(); }
  static Jacobian right_jacobian(const Tangent&) { return one(); }
  static Jacobian right_jacobian_inverse(const Tangent&) { return one(); }

  SO2 retract(const Tangent& d) const { return {wrap_angle(T(theta + d[0]))}; }
  Tangent local(const SO2& o) const { return Tangent(wrap_angle(T(o.theta - theta))); }

 private:
  static Jacobian one() { return Jacobian(T(1)); }
};

}  // namespace pipit
