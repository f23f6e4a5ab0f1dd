#include <gtest/gtest.h>

#include "geom/manifold_contract.h"
#include "geom/se2.h"
#include "geom/se3.h"
#include "geom/so2.h"
#include "geom/so3.h"

namespace pipit {
namespace {

using Real = long double;

TEST(So2, KeepsTheContract) { expect_manifold_contract<SO2>(); }
TEST(Se2, KeepsTheContract) { expect_manifold_contract<SE2>(); }
TEST(So3, KeepsTheContract) { expect_manifold_contract<SO3>(); }
TEST(Se3, KeepsTheContract) { expect_manifold_contract<SE3>(); }

// The definitions, by power series: nothing in common with the closed forms but the generators.
template <int N>
using Square = Eigen::Matrix<Real, N, N>;

/// sum A^k/(k+shift)!; shift 0 is the exponential, 1 the left Jacobian when A = ad(d).
template <int N>
Square<N> power_series(const Square<N>& A, int shift) {
  Square<N> sum = Square<N>::Zero(), term = Square<N>::Identity();
  for (int k = 0; k < 80; ++k) {
    sum += term;
    term = term * A / (k + 1 + shift);
  }
  return sum;
}

Square<3> generator(const SE2<Real>::Tangent& d) {
  Square<3> M;
  M << 0, -d[2], d[0], d[2], 0, d[1], 0, 0, 0;
  return M;
}
Square<3> ad(const SE2<Real>::Tangent& d) {
  Square<3> M;
  M << 0, -d[2], d[1], d[2], 0, -d[0], 0, 0, 0;
  return M;
}
Square<4> generator(const SE3<Real>::Tangent& d) {
  Square<4> M = Square<4>::Zero();
  M.topLeftCorner<3, 3>() = hat(SO3<Real>::Tangent(d.tail<3>()));
  M.topRightCorner<3, 1>() = d.head<3>();
  return M;
}
Square<6> ad(const SE3<Real>::Tangent& d) {
  Square<6> M = Square<6>::Zero();
  M.topLeftCorner<3, 3>() = M.bottomRightCorner<3, 3>() = hat(SO3<Real>::Tangent(d.tail<3>()));
  M.topRightCorner<3, 3>() = hat(SO3<Real>::Tangent(d.head<3>()));
  return M;
}

// With |d| = r the power series loses e^r of its 64 bits: e^5 * 2^-64 = 8e-18 for exp (r <= 3.3 by the rotation,
// lengths here <= 1). In T: measured worst 3.2 eps, held to 8.
template <class G>
void expect_definition(double angle) {
  using T = typename G::Scalar;
  Random random(11);
  const typename G::Tangent d = contract_tangent<G>(random, 1.0, angle);
  const auto dl = d.template cast<Real>().eval();
  const Real tol = std::max<Real>(8 * std::numeric_limits<T>::epsilon(), 1e-17L);
  SCOPED_TRACE("angle " + std::to_string(angle) + ", digits " + std::to_string(std::numeric_limits<T>::digits));
  EXPECT_LE((G::exp(d).matrix().template cast<Real>() - power_series(generator(dl), 0)).cwiseAbs().maxCoeff(), tol);
  EXPECT_LE((G::left_jacobian(d).template cast<Real>() - power_series(ad(dl), 1)).cwiseAbs().maxCoeff(), tol);
}

TEST(Lie, ExpAndJacobianAreTheirPowerSeries) {
  for (const double angle : contract_angles()) {
    expect_definition<SE2<float>>(angle);
    expect_definition<SE2<double>>(angle);
    expect_definition<SE2<Real>>(angle);
    expect_definition<SE3<float>>(angle);
    expect_definition<SE3<double>>(angle);
    expect_definition<SE3<Real>>(angle);
  }
}

// log in T against log in long double of the same quaternion, 1e-12 to pi - 1e-9. One atan2, one root and three
// products on top of the squared norm: measured 1.5 eps of the vector, held to 4.
TEST(So3, LogKeepsAllDigits) {
  Random random(3);
  for (int round = 0; round < 20000; ++round) {
    const double angle = round % 2 ? std::pow(10.0, random.uniform(-12, 0.49))
                                   : std::numbers::pi - std::pow(10.0, random.uniform(-9, 0));
    const auto wide = SO3<Real>::exp(contract_tangent<SO3<Real>>(random, 0, angle));
    const auto check = [&]<class T>(T) {
      const SO3<T> x = wide.template cast<T>();
      const auto want = x.template cast<Real>().log();
      const Real gap = (x.log().template cast<Real>() - want).norm();
      ASSERT_LE(gap, 4 * std::numeric_limits<T>::epsilon() * want.norm()) << angle;
      ASSERT_NEAR(static_cast<double>(want.norm()), angle, 8 * std::numeric_limits<T>::epsilon());
    };
    check(double());
    check(float());
  }
}

TEST(So3, LogTakesTheShortWayAndBothSigns) {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    const SO3<double> x = SO3<double>::exp(contract_tangent<SO3<double>>(random, 0, random.uniform(0, 6.2)));
    const SO3<double> minus{Eigen::Quaterniond(-x.q.coeffs())};
    EXPECT_LE(x.log().norm(), std::numbers::pi);
    EXPECT_LE((x.log() - minus.log()).norm(), 1e-15);
    const SO3<double> longer{Eigen::Quaterniond(3 * x.q.coeffs())};  // any length
    EXPECT_LE((x.log() - longer.log()).norm(), 8e-16 * std::numbers::pi);
  }
  // Exactly half a turn: w = 0.
  EXPECT_EQ((SO3<double>{Eigen::Quaterniond(0, 0, 1, 0)}.log()), Eigen::Vector3d(0, std::numbers::pi, 0));
}

// A rotation vector may be longer than half a turn, up to 2 pi: exp wraps, the Jacobian stays the Jacobian.
TEST(So3, LongVectors) {
  Random random(6);
  for (const double angle : {3.3, 3.9999999, 4.0, 4.5, 6.0, 12.0}) {
    const Eigen::Vector3d d = contract_tangent<SO3<double>>(random, 0, angle);
    const Square<3> want = power_series<3>(hat(Eigen::Matrix<Real, 3, 1>(d.cast<Real>())), 0);
    // Power series: e^12 * 2^-64 = 9e-15.
    EXPECT_LE((SO3<double>::exp(d).matrix().cast<Real>() - want).cwiseAbs().maxCoeff(), 1e-14L) << angle;
    const Square<3> slope = power_series<3>(hat(Eigen::Matrix<Real, 3, 1>(d.cast<Real>())), 1);
    EXPECT_LE((SO3<double>::left_jacobian(d).cast<Real>() - slope).cwiseAbs().maxCoeff(), 1e-14L) << angle;
  }
}

TEST(Se3, RetractKeepsTheQuaternionUnit) {
  Random random(9);
  SE3<double> x;
  for (int round = 0; round < 100000; ++round) x = x.retract(contract_tangent<SE3<double>>(random, 0.1, 0.1));
  EXPECT_NEAR(x.q.norm(), 1.0, 4e-16);
}

// The smallest Jet: one value, one derivative, in a namespace of its own, found by argument-dependent lookup.
}  // namespace
}  // namespace pipit

namespace dual {

struct Dual {
  double a = 0, b = 0;
  Dual() = default;
  Dual(double value, double slope = 0) : a(value), b(slope) {}
  friend Dual operator-(Dual x) { return {-x.a, -x.b}; }
  friend Dual operator+(Dual x, Dual y) { return {x.a + y.a, x.b + y.b}; }
  friend Dual operator-(Dual x, Dual y) { return {x.a - y.a, x.b - y.b}; }
  friend Dual operator*(Dual x, Dual y) { return {x.a * y.a, x.a * y.b + x.b * y.a}; }
  friend Dual operator/(Dual x, Dual y) { return {x.a / y.a, (x.b - x.a / y.a * y.b) / y.a}; }
  Dual& operator+=(Dual y) { return *this = *this + y; }
  Dual& operator-=(Dual y) { return *this = *this - y; }
  Dual& operator*=(Dual y) { return *this = *this * y; }
  Dual& operator/=(Dual y) { return *this = *this / y; }
  friend bool operator==(Dual x, Dual y) { return x.a == y.a; }
  friend auto operator<=>(Dual x, Dual y) { return x.a <=> y.a; }
};
Dual sin(Dual x) { return {std::sin(x.a), std::cos(x.a) * x.b}; }
Dual cos(Dual x) { return {std::cos(x.a), -std::sin(x.a) * x.b}; }
Dual sqrt(Dual x) { return {std::sqrt(x.a), x.b / (2 * std::sqrt(x.a))}; }
Dual atan2(Dual y, Dual x) { return {std::atan2(y.a, x.a), (y.b * x.a - x.b * y.a) / (x.a * x.a + y.a * y.a)}; }

}  // namespace dual

template <>
struct Eigen::NumTraits<dual::Dual> : Eigen::NumTraits<double> {
  using Real = dual::Dual;
  using NonInteger = dual::Dual;
  using Nested = dual::Dual;
  enum { RequireInitialization = 1 };
};

namespace pipit {
namespace {

// Derivatives through the templates equal the Jacobians, at zero and at every switch as well: log(exp(d) exp(e)) has
// the slope right_jacobian_inverse(d) at e = 0. 256 eps: two dozen operations on values and slopes below 10.
template <template <class> class Group>
void expect_derivatives() {
  using D = dual::Dual;
  using G = Group<double>;
  Random random(13);
  for (const double angle : contract_angles()) {
    SCOPED_TRACE(angle);
    const typename G::Tangent d = contract_tangent<G>(random, 1.0, angle);
    const auto want = G::right_jacobian_inverse(d);
    const Group<D> x = Group<D>::exp(d.template cast<D>());
    for (int i = 0; i < G::kDim; ++i) {
      typename Group<D>::Tangent e = Group<D>::Tangent::Zero();
      e[i].b = 1;
      const auto by_exp = (x * Group<D>::exp(e)).log();
      const auto by_retract = x.retract(e).log();
      const auto by_local = x.local(x.retract(e));
      for (int r = 0; r < G::kDim; ++r) {
        EXPECT_NEAR(by_exp[r].a, d[r], 256 * 2.3e-16);
        EXPECT_NEAR(by_exp[r].b, want(r, i), 256 * 2.3e-16);
        EXPECT_NEAR(by_retract[r].b, want(r, i), 256 * 2.3e-16);
        EXPECT_NEAR(by_local[r].b, r == i, 256 * 2.3e-16);
      }
    }
  }
}

TEST(Jets, Se2) { expect_derivatives<SE2>(); }
TEST(Jets, So3) { expect_derivatives<SO3>(); }
TEST(Jets, Se3) { expect_derivatives<SE3>(); }

TEST(Jets, WrappedAngleHasSlopeOne) {
  for (const double a : {0.0, 3.0, -3.0, 4.0, -4.0, 100.0, std::numbers::pi, -std::numbers::pi}) {
    const dual::Dual x = wrap_angle(dual::Dual(a, 1));
    EXPECT_NEAR(x.a, wrap_angle(a), 1e-13) << a;
    EXPECT_NEAR(x.b, 1, 1e-15) << a;
  }
}

// Frames cancel: T_a_b * T_b_c takes c to a; casts keep the element.
TEST(Se3, ActsAndCasts) {
  const SE3<double> T_a_b{Eigen::Quaterniond(Eigen::AngleAxisd(std::numbers::pi / 2, Eigen::Vector3d::UnitZ())),
                          {1, 2, 3}};
  EXPECT_LE((T_a_b.act({1, 0, 0}) - Eigen::Vector3d(1, 3, 3)).norm(), 1e-15);
  EXPECT_LE(
      (T_a_b.retract((SE3<double>::Tangent() << 1, 0, 0, 0, 0, 0).finished()).t - Eigen::Vector3d(1, 3, 3)).norm(),
      1e-15);
  EXPECT_LE((T_a_b.cast<float>().cast<double>().matrix() - T_a_b.matrix()).norm(), 1e-7);
  const SE2<double> T_p_q{{1, 2}, std::numbers::pi / 2};
  EXPECT_LE((T_p_q.act({1, 0}) - Eigen::Vector2d(1, 3)).norm(), 1e-15);
  EXPECT_LE((SO2<double>{std::numbers::pi / 2}.act({1, 0}) - Eigen::Vector2d(0, 1)).norm(), 1e-15);
}

}  // namespace
}  // namespace pipit
