// geom/angle.h — angles on the circle, for any scalar.
//
// Every template of this room takes T = float, double, long double or a type that behaves like one (a Jet: value and
// derivatives). Such a type brings sin, cos, atan2 and sqrt in its own namespace, arithmetic, comparison of values,
// construction from double, and Eigen::NumTraits. Branches look at values only.
#pragma once
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

namespace pipit {

/// pi, rounded to T (to double for a Jet).
template <class T>
constexpr auto pi() {
  if constexpr (std::is_floating_point_v<T>) {
    return std::numbers::pi_v<T>;
  } else {
    return T(std::numbers::pi);
  }
}

/// The same direction as `a` rad, in (-pi, pi]; the derivative is 1. An angle that is already there comes back
/// unchanged. Exact    to |a| eps / 2: pi is rounded once, not once per turn (floating types: the remainder is exact).
template <class T>
T wrap_angle(const T& a) {
  const T half_turn = pi<T>();
  if (a > -half_turn && a <= half_turn) return a;
  if constexpr (std::is_floating_point_v<T>) {
    const T r = std::remainder(a, 2 * half_turn);
    return r <= -half_turn ? half_turn : r;
  } else {
    using std::atan2;
    using std::cos;
    using std::sin;
    const T r = atan2(T(sin(a)), T(cos(a)));
    return r <= -half_turn ? half_turn + (r + half_turn) : r;
  }
}

}  // namespace pipit
