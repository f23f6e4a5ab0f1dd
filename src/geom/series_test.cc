#include "geom/series.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "geom/angle.h"

namespace pipit {
namespace {

using Real = long double;

/// The functions by 30 terms of their series. At theta = pi the largest term is below 5 times the first, so about
/// three of 64 bits are lost: good for a referee of 53 bits, and of long double up to `slack`.
Real referee(int which, Real s) {
  const auto sum = [s](int first, bool weighted) {
    const auto c = series_coefficients<30>(first, weighted);
    Real total = 0;
    for (std::size_t k = c.size(); k-- > 0;) total = total * s + c[k];
    return total;
  };
  switch (which) {
    case 0:
      return sum(1, false);
    case 1:
      return sum(2, false);
    case 2:
      return sum(3, false);
    case 3:
      return sum(4, false);
    case 4:
      return sum(5, true);
    default:
      return sum(4, true) / sum(2, false);
  }
}

template <class T>
T value(int which, T s) {
  switch (which) {
    case 0:
      return sinc(s);
    case 1:
      return cosc(s);
    case 2:
      return sinc3(s);
    case 3:
      return cosc4(s);
    case 4:
      return sinc5(s);
    default:
      return cotc(s);
  }
}

template <class T>
void expect_all_digits(double angle) {
  const T s = static_cast<T>(angle) * static_cast<T>(angle);
  for (int which = 0; which < 6; ++which) {
    const Real want = referee(which, s);
    // sinc passes through zero at pi: there its error is measured against 1/theta, the size of sin's argument error.
    const Real size = which == 0 ? std::max(std::abs(want), 0.25L) : std::abs(want);
    ASSERT_LE(std::abs(static_cast<Real>(value(which, s)) - want), 8 * std::numeric_limits<T>::epsilon() * size)
        << "function " << which << " at " << angle << ", " << kMantissaBits<T> << " bits";
  }
}

// 1e-12 to pi - 1e-9, both sides of the switch at 2, where both formulas are at their worst.
TEST(Series, KeepsAllDigits) {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const double angle = round % 3 == 0   ? std::pow(10.0, random.uniform(-12, 0.49))
                         : round % 3 == 1 ? 2 + random.normal() * 1e-3
                                          : std::numbers::pi - std::pow(10.0, random.uniform(-9, 0));
    expect_all_digits<float>(angle);
    expect_all_digits<double>(angle);
    expect_all_digits<Real>(angle);
  }
  expect_all_digits<double>(0);
  expect_all_digits<double>(1e-170);
}

// The published first coefficients (Barfoot 2017, eq. 7.77 and 7.86), so that referee and code cannot be wrong
// together.
TEST(Series, KnownValues) {
  EXPECT_DOUBLE_EQ(sinc(0.0), 1.0);
  EXPECT_DOUBLE_EQ(cosc(0.0), 1.0 / 2);
  EXPECT_DOUBLE_EQ(sinc3(0.0), 1.0 / 6);
  EXPECT_DOUBLE_EQ(cosc4(0.0), 1.0 / 24);
  EXPECT_DOUBLE_EQ(sinc5(0.0), 1.0 / 120);
  EXPECT_DOUBLE_EQ(cotc(0.0), 1.0 / 12);
  const double t = std::numbers::pi / 2, s = t * t;
  EXPECT_DOUBLE_EQ(sinc(s), 1 / t);
  EXPECT_DOUBLE_EQ(cosc(s), 1 / s);
  EXPECT_DOUBLE_EQ(sinc3(s), (t - 1) / (s * t));
  EXPECT_NEAR(cosc4(s), (s / 2 - 1) / (s * s), 1e-16);
  EXPECT_NEAR(sinc5(s), (2 * t - 3) / (2 * s * s * t), 1e-17 * 2);  // 3.1416 - 3 loses 4 bits of the closed form
  EXPECT_NEAR(cotc(s), (1 - t / 2) / s, 1e-16);
}

TEST(Angle, WrapsIntoHalfOpenTurn) {
  const double half = std::numbers::pi;
  EXPECT_EQ(wrap_angle(half), half);
  EXPECT_EQ(wrap_angle(-half), half);
  EXPECT_EQ(wrap_angle(3 * half), half);
  EXPECT_EQ(wrap_angle(0.0), 0.0);
  EXPECT_EQ(wrap_angle(1.25), 1.25);
  EXPECT_EQ(wrap_angle(-1e-300), -1e-300);
  EXPECT_TRUE(std::isnan(wrap_angle(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(wrap_angle(std::numeric_limits<double>::infinity())));
  Random random(2);
  for (int round = 0; round < 10000; ++round) {
    const double a = random.uniform(-1e4, 1e4), w = wrap_angle(a);
    ASSERT_GT(w, -half);
    ASSERT_LE(w, half);
    // |a| eps / 2 from the rounded pi, one eps from sin and cos themselves.
    ASSERT_NEAR(std::sin(w), std::sin(a), std::abs(a) * 1.2e-16 + 3e-16);
    ASSERT_NEAR(std::cos(w), std::cos(a), std::abs(a) * 1.2e-16 + 3e-16);
    ASSERT_EQ(wrap_angle(w), w);
  }
}

}  // namespace
}  // namespace pipit
