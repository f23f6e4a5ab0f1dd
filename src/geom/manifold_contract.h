// geom/manifold_contract.h — the laws every group of this room keeps; a new one is tested by one line:
//   TEST(Se3, KeepsTheContract) { expect_manifold_contract<SE3>(); }
//
// Tolerances. A law chains at most six group operations on quantities of size `scale`, each a handful of roundings: a
// small multiple of eps * scale for every scalar. Measured worst over all groups, scalars, angles and 20 seeds: 5.6 eps
// * scale; held to 16. Finite differences run in long double with h = 2^-21: truncation h^2/6 |f'''| about 4e-14
// |f'''|, rounding about 4 eps/h = 1e-12 at most; measured worst 4.3e-13 * (1 + length), held to 2e-12 * (1 + length).
#pragma once
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "base/random.h"
#include "geom/angle.h"

namespace pipit {

/// Angles that meet every branch: near zero, both sides of each switch (log: 2 atan(1/32); series: 2; exp: 4), near pi.
inline std::vector<double> contract_angles() {
  return {0,
          1e-150,
          1e-12,
          1e-9,
          1e-7,
          1e-6,
          1e-5,
          1e-4,
          1e-3,
          0.01,
          0.0624,
          0.0625,
          0.06251,
          0.1,
          0.5,
          1.0,
          1.5,
          1.999999,
          2.0,
          2.000001,
          2.5,
          3.0,
          3.1,
          3.14,
          3.1415,
          std::numbers::pi - 1e-6,
          std::numbers::pi - 1e-9};
}

/// A tangent with translation of the given size and rotation of the given angle (signed), in a random direction.
template <class G>
typename G::Tangent contract_tangent(Random& random, double length, double angle) {
  using T = typename G::Scalar;
  constexpr int kRotation = G::Point::RowsAtCompileTime == 2 ? 1 : 3;
  constexpr int kTranslation = G::kDim - kRotation;
  Eigen::Matrix<long double, G::kDim, 1> d;
  for (int i = 0; i < G::kDim; ++i) d[i] = random.normal();
  if constexpr (kTranslation > 0) d.template head<kTranslation>() *= length / d.template head<kTranslation>().norm();
  d.template tail<kRotation>() *= angle / d.template tail<kRotation>().norm();
  return d.template cast<T>();
}

/// Distance of two elements as the largest difference of their matrices (q and -q are the same rotation).
template <class G>
long double contract_gap(const G& a, const G& b) {
  return static_cast<long double>((a.matrix() - b.matrix()).cwiseAbs().maxCoeff());
}

/// d f(0) by central differences; f maps a tangent of L = G<long double> to a tangent.
template <class L, class F>
typename L::Jacobian contract_slope(const F& f) {
  typename L::Jacobian J;
  const long double h = 0x1p-21L;
  for (int i = 0; i < L::kDim; ++i) {
    typename L::Tangent step = L::Tangent::Zero();
    step[i] = h;
    J.col(i) = (f(step) - f(-step)) / (2 * h);
  }
  return J;
}

template <class G>
void expect_group_laws(Random& random, double length, double angle) {
  using T = typename G::Scalar;
  using Tangent = typename G::Tangent;
  const long double eps = std::numeric_limits<T>::epsilon();
  // Closer to half a turn than rounding moves it, the shortest vector may be the opposite one.
  angle = std::min<double>(angle, static_cast<double>(pi<T>() - 64 * std::numeric_limits<T>::epsilon()));
  const Tangent d = contract_tangent<G>(random, length, angle);
  const Tangent small = contract_tangent<G>(random, 0.5, 0.5);
  const G x = G::exp(contract_tangent<G>(random, length, random.uniform(0, 3.1)));
  const G y = G::exp(d);
  const G z = G::exp(contract_tangent<G>(random, length, random.uniform(0, 3.1)));
  typename G::Point p;
  for (auto& c : p) c = static_cast<T>(random.uniform(-10, 10));
  const long double scale = 10 + 3 * length, tol = 16 * eps * scale;
  const auto size = [](const auto& v) { return static_cast<long double>(v.cwiseAbs().maxCoeff()); };
  SCOPED_TRACE("angle " + std::to_string(angle) + ", pi minus it " + std::to_string(std::numbers::pi - angle));

  // Group.
  EXPECT_LE(contract_gap((x * y) * z, x * (y * z)), tol) << "associative";
  EXPECT_LE(contract_gap(x * x.inverse(), G()), tol) << "inverse";
  EXPECT_LE(contract_gap(x * G(), x), tol) << "neutral";
  EXPECT_LE(size((x * y).act(p) - x.act(y.act(p))), tol) << "action";
  // exp and log are inverse to each other. Relative in d: a tiny vector keeps its digits.
  EXPECT_LE(size(y.log() - d), 16 * eps * size(d)) << "log(exp(d)) = d";
  EXPECT_LE(contract_gap(G::exp(x.log()), x), tol) << "exp(log(x)) = x";
  EXPECT_LE(contract_gap(G::exp(-d), y.inverse()), tol) << "exp(-d) = exp(d)^-1";
  // Retraction.
  EXPECT_LE(contract_gap(x.retract(Tangent::Zero()), x), tol) << "retract(x, 0) = x";
  EXPECT_LE(size(x.local(x.retract(d)) - d), tol) << "local(retract(d)) = d";
  EXPECT_LE(contract_gap(x.retract(x.local(z)), z), tol) << "retract(local(z)) = z";
  // Adjoint.
  EXPECT_LE(contract_gap(x * G::exp(small) * x.inverse(), G::exp(Tangent(x.adjoint() * small))), tol) << "adjoint";
  // Jacobians and their inverses.
  const auto J = G::left_jacobian(d);
  const typename G::Jacobian I = G::Jacobian::Identity();
  EXPECT_LE(size(J * G::left_jacobian_inverse(d) - I), tol) << "left Jacobian times its inverse";
  EXPECT_LE(size(G::right_jacobian(d) * G::right_jacobian_inverse(d) - I), tol) << "right Jacobian";
  EXPECT_LE(size(J - y.adjoint() * G::right_jacobian(d)), tol) << "J_left = Ad J_right";
}

/// The Jacobians in double against differences of exp and log in long double.
template <template <class> class Group>
void expect_jacobian_laws(Random& random, double length, double angle) {
  using G = Group<double>;
  using L = Group<long double>;
  const typename G::Tangent d = contract_tangent<G>(random, length, angle);
  const typename L::Tangent dl = d.template cast<long double>();
  const L back = L::exp(dl).inverse();
  const long double tol = 2e-12L * (1 + length);
  SCOPED_TRACE("angle " + std::to_string(angle));
  const auto left = contract_slope<L>([&](const auto& e) { return (L::exp(dl + e) * back).log(); });
  const auto right = contract_slope<L>([&](const auto& e) { return (back * L::exp(dl + e)).log(); });
  EXPECT_LE((left - G::left_jacobian(d).template cast<long double>()).cwiseAbs().maxCoeff(), tol);
  EXPECT_LE((right - G::right_jacobian(d).template cast<long double>()).cwiseAbs().maxCoeff(), tol);
  // The cheap chart touches the group's: retract(e) = x exp(e) up to e^2.
  const L x = L::exp(dl);
  const auto chart = contract_slope<L>([&](const auto& e) { return (x.inverse() * x.retract(e)).log(); });
  EXPECT_LE((chart - L::Jacobian::Identity()).cwiseAbs().maxCoeff(), tol);
}

template <template <class> class Group>
void expect_manifold_contract() {
  Random random(7);
  for (const double angle : contract_angles())
    for (const double length : {1e-6, 1.0, 10.0}) {
      expect_group_laws<Group<float>>(random, length, angle);
      expect_group_laws<Group<double>>(random, length, angle);
      expect_group_laws<Group<long double>>(random, length, angle);
      expect_jacobian_laws<Group>(random, length, angle);
    }
}

}  // namespace pipit
