#include "bits/vector_ops.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "bits/test_every_set.h"
#include "bits/vector_ops_ref.h"

namespace pipit {
namespace {

template <class T>
std::vector<T> random_vector(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> x(n);
  for (T& element : x) element = from_double<T>(random.normal());
  return x;
}

template <class T>
void expect_dot_within_bound() {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      const auto x = random_vector<T>(n, n + 1), y = random_vector<T>(n, n + 2);
      long double exact = 0, magnitude = 0;
      for (std::size_t i = 0; i < n; ++i) {
        exact += static_cast<long double>(x[i]) * y[i];
        magnitude += std::fabs(static_cast<long double>(x[i]) * y[i]);
      }
      const std::span<const T> sx(x), sy(y);
      // the second term covers the long double sum itself (64 bits)
      const double bound = dot_error_bound<T>(n) * static_cast<double>(magnitude) * (1 + gamma_n(n + 1.0, 0x1p-64));
      ASSERT_NEAR(dot(sx, sy), static_cast<double>(exact), bound) << n;
      ASSERT_NEAR(dot_ref<T>(sx, sy),
                  static_cast<double>(exact),
                  gamma_n(n + 1.0, n ? (sizeof(T) == 4 ? 0x1p-24 : 0x1p-53) : 0) * static_cast<double>(magnitude))
          << n;
      ASSERT_EQ(norm2(sx), std::sqrt(dot(sx, sx)));
    }
  });
}
TEST(Dot, FloatWithinBound) { expect_dot_within_bound<float>(); }
TEST(Dot, DoubleWithinBound) { expect_dot_within_bound<double>(); }

TEST(Dot, FloatRunsAreAddedInDouble) {
  // fp32 alone would lose about n u / 2 relative to the sum here; the runs keep it at 513 u
  const std::size_t n = 1 << 21;
  const std::vector<float> x(n, 3.0f), y(n, 1.1f);
  const double exact = 3.0 * static_cast<double>(1.1f) * static_cast<double>(n);
  on_every_set([&] { EXPECT_NEAR(dot(std::span<const float>(x), y), exact, dot_error_bound<float>(n) * exact); });
}

/// y = a x + y and y = x + b y: two roundings, or one; |error| <= 2 u (|a x| + |y|) in the first order, gamma_2.
template <class T>
void expect_updates_within_bound() {
  const double u = unit_roundoff(kFormatOf<T>);
  on_every_set([&] {
    for (const std::size_t n : kSizes) {
      const auto x = random_vector<T>(n, 5), y = random_vector<T>(n, 6);
      const T a = static_cast<T>(-1.7);
      auto axpy_y = y, xpby_y = y, scaled = x;
      axpy_y.push_back(99);
      xpby_y.push_back(99);
      axpy(a, x, std::span(axpy_y).first(n));
      xpby(x, a, std::span(xpby_y).first(n));
      scale(a, scaled);
      for (std::size_t i = 0; i < n; ++i) {
        const long double ax = static_cast<long double>(a) * x[i], ay = static_cast<long double>(a) * y[i];
        ASSERT_NEAR(axpy_y[i],
                    static_cast<double>(ax + y[i]),
                    gamma_n(2, u) * static_cast<double>(std::fabs(ax) + std::fabs(y[i])));
        ASSERT_NEAR(xpby_y[i],
                    static_cast<double>(x[i] + ay),
                    gamma_n(2, u) * static_cast<double>(std::fabs(ay) + std::fabs(x[i])));
        ASSERT_EQ(scaled[i], a * x[i]);
      }
      ASSERT_EQ(axpy_y[n], 99);
      ASSERT_EQ(xpby_y[n], 99);
    }
  });
}
TEST(Updates, FloatWithinBound) { expect_updates_within_bound<float>(); }
TEST(Updates, DoubleWithinBound) { expect_updates_within_bound<double>(); }

template <class T>
void expect_max_abs_exact() {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      auto x = random_vector<T>(n, 8);
      double best = 0;
      for (const T& element : x) best = std::max(best, std::fabs(to_double(element)));
      ASSERT_EQ(static_cast<double>(max_abs(std::span<const T>(x))), best);
      for (std::size_t at = 0; at < n; at += 1 + n / 5) {
        auto y = x;
        y[at] = from_double<T>(-50);
        ASSERT_EQ(static_cast<double>(max_abs(std::span<const T>(y))), 50) << n << ' ' << at;
        y[at] = from_double<T>(-std::numeric_limits<double>::infinity());
        ASSERT_TRUE(std::isinf(max_abs(std::span<const T>(y))));
        y[at] = from_double<T>(std::numeric_limits<double>::quiet_NaN());
        ASSERT_TRUE(std::isnan(max_abs(std::span<const T>(y)))) << "NaN is not swallowed";
      }
    }
  });
}
TEST(MaxAbs, Float) { expect_max_abs_exact<float>(); }
TEST(MaxAbs, Double) { expect_max_abs_exact<double>(); }
TEST(MaxAbs, Half) { expect_max_abs_exact<half>(); }

TEST(VectorOps, NaNAndInfinityPropagate) {
  on_every_set([] {
    for (const std::size_t n : {1u, 5u, 16u, 40u})
      for (std::size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, 1.0f), y(n, 2.0f);
        x[at] = std::numeric_limits<float>::infinity();
        ASSERT_TRUE(std::isinf(dot(std::span<const float>(x), y)));
        y[at] = 0;
        ASSERT_TRUE(std::isnan(dot(std::span<const float>(x), y)));
        axpy(0.0f, x, y);
        ASSERT_TRUE(std::isnan(y[at]));
        ASSERT_EQ(std::count_if(y.begin(), y.end(), [](float v) { return std::isnan(v); }), 1);
      }
  });
}

/// Values from the whole range of half, so that sums round, cancel, overflow and go subnormal.
std::vector<half> wild_halves(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<half> x(n);
  for (half& element : x) element = to_half(std::ldexp(random.uniform(-1, 1), static_cast<int>(random.below(18)) - 12));
  return x;
}

template <class N>
void expect_half_bits(Accumulate accumulate) {
  on_every_set([&] {
    for (const std::size_t n : kSizes) {
      const auto x = wild_halves(n, n + 30), y = wild_halves(n, n + 31);
      const half want = from_double<half>(static_cast<double>(dot_ref_32<N>(x, y)));
      ASSERT_EQ(dot(x, y, accumulate).bits, want.bits) << n;
      auto fast = y, slow = y;
      const half a = to_half(-1.37);
      axpy(a, x, fast, accumulate);
      axpy_ref<N, half>(a, x, slow);
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(fast[i].bits, slow[i].bits) << n << ' ' << i;
      xpby(x, a, fast, accumulate);
      xpby_ref<N, half>(x, a, slow);
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(fast[i].bits, slow[i].bits) << n << ' ' << i;
      const half square = dot(x, x, accumulate);
      ASSERT_EQ(norm2(x, accumulate).bits, to_half(std::sqrt(to_float(square))).bits);
      scale(a, fast);
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(fast[i].bits, (SeparateHalf(a) * SeparateHalf(slow[i])).bits().bits);
    }
  });
}
TEST(HalfVectors, SingleAccumulationIsTheDefinition) { expect_half_bits<float>(Accumulate::Single); }
TEST(HalfVectors, SeparateIsTheDefinition) { expect_half_bits<SeparateHalf>(Accumulate::HalfSeparate); }
TEST(HalfVectors, FusedIsTheDefinition) { expect_half_bits<FusedHalf>(Accumulate::HalfFused); }

TEST(HalfVectors, TheNaiveNormOverflows) {
  const std::vector<half> x(1000, to_half(10.0f));  // squares sum to 100000
  EXPECT_TRUE(std::isinf(to_float(norm2(x, Accumulate::HalfSeparate))));
  EXPECT_TRUE(std::isinf(to_float(norm2(x, Accumulate::HalfFused))));
}

TEST(VectorOpsDeathTest, LengthsMustAgree) {
  std::vector<float> x(3), y(4);
  std::vector<double> dx(3), dy(4);
  std::vector<half> hx(3), hy(4);
  EXPECT_DEATH((void)dot(std::span<const float>(x), y), "lengths differ");
  EXPECT_DEATH((void)dot(std::span<const double>(dx), dy), "lengths differ");
  EXPECT_DEATH(axpy(1.0f, x, y), "lengths differ");
  EXPECT_DEATH(xpby(dx, 1.0, dy), "lengths differ");
  EXPECT_DEATH((void)dot(hx, hy, Accumulate::Single), "lengths differ");
  EXPECT_DEATH(axpy(half{}, hx, hy, Accumulate::HalfFused), "lengths differ");
}

}  // namespace
}  // namespace pipit
