#include "bits/convert.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/random.h"
#include "bits/scaling.h"
#include "bits/test_every_set.h"

namespace pipit {
namespace {

/// Patterns of every kind: random bits, and around each format's ties and edges.
template <class T>
std::vector<T> hard_values() {
  std::vector<T> values;
  if constexpr (sizeof(T) == 2) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) values.push_back(T{static_cast<std::uint16_t>(bits)});
  } else {
    Random random(3);
    constexpr T kInf = std::numeric_limits<T>::infinity();
    for (std::uint32_t bits = 0; bits < 0x10000; bits += 3) {
      const T here = static_cast<T>(to_float(half{static_cast<std::uint16_t>(bits)}));
      const T next = static_cast<T>(to_float(half{static_cast<std::uint16_t>(bits + 1)}));
      const T tie = here / 2 + next / 2;
      const T wide = static_cast<T>(to_float(bfloat16{static_cast<std::uint16_t>(bits)}));
      for (const T x : {here, tie, wide, std::nextafter(tie, kInf), std::nextafter(tie, -kInf)}) values.push_back(x);
      values.push_back(wide * (1 + T{0x1p-8}));  // a tie of bfloat16
      T any;
      const std::uint64_t word = random();
      std::memcpy(&any, &word, sizeof(T));
      values.push_back(any);
    }
    for (const double x : {1e300, -1e39, 65519.999999, 65520.0, 0x1p-25, 0x1.000001p-25, 1e-45, 1e-310, 3.4028235e38})
      values.push_back(static_cast<T>(x));
  }
  return values;
}

template <class T>
bool is_nan(T x) {
  return std::isnan(to_double(x));
}

template <class From, class To>
void expect_like_scalar(std::span<const From> from) {
  std::vector<To> to(from.size());
  convert<From, To>(from, to);
  constexpr bool kSame = std::is_same_v<From, To>, kPlain = sizeof(From) > 2 && sizeof(To) > 2;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (kSame) {
      ASSERT_TRUE(same_bits(to[i], To(from_double<To>(to_double(from[i])))) || is_nan(from[i])) << i;
    } else if (kPlain && is_nan(from[i])) {
      ASSERT_TRUE(is_nan(to[i])) << i;
    } else {
      const To want = from_double<To>(to_double(from[i]));
      ASSERT_TRUE(same_bits(to[i], want)) << name(kFormatOf<From>) << " to " << name(kFormatOf<To>) << " element " << i
                                          << ": " << to_double(from[i]) << " became " << to_double(to[i]);
    }
  }
}

template <class From>
void expect_all_targets_like_scalar() {
  const auto values = hard_values<From>();
  on_every_set([&] {
    expect_like_scalar<From, half>(values);
    expect_like_scalar<From, bfloat16>(values);
    expect_like_scalar<From, float>(values);
    expect_like_scalar<From, double>(values);
  });
}

TEST(Convert, HalfIsBitExact) { expect_all_targets_like_scalar<half>(); }
TEST(Convert, BFloat16IsBitExact) { expect_all_targets_like_scalar<bfloat16>(); }
TEST(Convert, FloatIsBitExact) { expect_all_targets_like_scalar<float>(); }
TEST(Convert, DoubleIsBitExact) { expect_all_targets_like_scalar<double>(); }

template <class From, class To>
void expect_every_length() {
  for (const std::size_t n : kSizes) {
    std::vector<From> from(n);
    for (std::size_t i = 0; i < n; ++i) from[i] = from_double<From>(static_cast<double>(i % 100) + 1);
    std::vector<To> to(n + 1, from_double<To>(-77));
    convert<From, To>(from, std::span(to).first(n));
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(to_double(to[i]), static_cast<double>(i % 100) + 1) << n;
    ASSERT_EQ(to_double(to[n]), to_double(from_double<To>(-77))) << "wrote past the end at length " << n;
  }
}

TEST(Convert, EveryLengthAndNothingBeyond) {
  on_every_set([] {
    expect_every_length<half, float>();
    expect_every_length<half, double>();
    expect_every_length<half, bfloat16>();
    expect_every_length<float, half>();
    expect_every_length<float, double>();
    expect_every_length<double, half>();
    expect_every_length<double, bfloat16>();
    expect_every_length<double, float>();
    expect_every_length<bfloat16, half>();
    expect_every_length<bfloat16, float>();
    expect_every_length<bfloat16, double>();
    expect_every_length<float, bfloat16>();
    expect_every_length<float, float>();
  });
}

TEST(Convert, CountsWhatTheRangeLost) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  //                               overflow x2     neither      underflow x2    subnormal x2
  const std::vector<float> values{1e5f, -65520.0f, 65519.0f, inf, 1e-9f, -1e-30f, 0x1p-15f, -0x1p-24f, 0.0f, nan, 1.0f};
  std::vector<half> to(values.size());
  on_every_set([&] {
    RangeCounters counters{10, 20, 30};
    convert<float, half>(values, to, &counters);
    EXPECT_EQ(counters, (RangeCounters{12, 22, 32}));
  });
  RangeCounters wide;
  std::vector<float> floats(2);
  convert<double, float>(std::vector<double>{1e39, 1e-50}, floats, &wide);
  EXPECT_EQ(wide, (RangeCounters{1, 1, 0}));
  std::vector<double> doubles(values.size());
  RangeCounters none;
  convert<float, double>(values, doubles, &none);
  EXPECT_EQ(none, RangeCounters{});
}

TEST(ConvertDeathTest, LengthsMustAgree) {
  std::vector<float> from(3);
  std::vector<half> to(2);
  EXPECT_DEATH((convert<float, half>(from, to)), "lengths differ");
}

TEST(RangeExponent, IsTheLargestThatFits) {
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(1 + random.uniform(), static_cast<int>(random.below(200)) - 100);
    const int headroom = static_cast<int>(random.below(16)), e = range_exponent(x, headroom);
    const double limit = 65504 / std::ldexp(1.0, headroom);
    ASSERT_LE(std::ldexp(x, e), limit) << x;
    ASSERT_GT(std::ldexp(x, e + 1), limit) << x;
  }
  EXPECT_EQ(range_exponent(65504, 0), 0);
  EXPECT_EQ(range_exponent(65505, 0), -1);
  for (const double odd : {0.0, -1.0, double(INFINITY), double(NAN)}) EXPECT_EQ(range_exponent(odd, 3), 0);
  EXPECT_EQ(range_exponent(1e-300, 0), 126);
  EXPECT_DEATH(range_exponent(1, 16), "headroom");
}

TEST(VectorScale, IsTheNextPowerOfTwo) {
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    const float x = static_cast<float>(std::ldexp(1 + random.uniform(), static_cast<int>(random.below(240)) - 120));
    const float scale = vector_scale(x);
    ASSERT_GE(scale, x);
    ASSERT_LT(scale / 2, x);
    int exponent = 0;
    ASSERT_EQ(std::frexp(scale, &exponent), 0.5f);
  }
  EXPECT_EQ(vector_scale(4), 4);
  for (const float odd : {0.0f, INFINITY, NAN}) EXPECT_EQ(vector_scale(odd), 1);
}

TEST(ColumnScales, MakeUnitColumns) {
  const std::vector<double> squared{4, 1e-20, 3e10, 0, INFINITY, -1, NAN};
  std::vector<double> scales(squared.size());
  column_scales(squared, scales);
  for (int j = 0; j < 3; ++j) EXPECT_NEAR(scales[j] * scales[j] * squared[j], 1, 4e-16);  // four roundings of 2^-53
  for (int j = 3; j < 7; ++j) EXPECT_EQ(scales[j], 1);
  column_scales(squared, scales, true);
  for (int j = 0; j < 3; ++j) {
    int exponent = 0;
    EXPECT_EQ(std::frexp(scales[j], &exponent), 0.5);
    EXPECT_LE(std::fabs(std::log2(scales[j] * std::sqrt(squared[j]))), 0.5 + 1e-12);
  }
  EXPECT_DEATH(column_scales(squared, std::span(scales).first(2)), "lengths differ");
}

template <int B>
void expect_equilibrates() {
  Random random(6);
  for (int round = 0; round < 300; ++round) {
    double G[B * B], A[B * B], S[B * B];
    const double ridge = std::ldexp(1.0, -static_cast<int>(random.below(20)));
    for (double& g : G) g = random.normal();
    double trace = 0;
    for (int i = 0; i < B; ++i)
      for (int j = 0; j < B; ++j) {
        A[i + B * j] = i == j ? ridge : 0;
        for (int k = 0; k < B; ++k) A[i + B * j] += G[i + B * k] * G[j + B * k];
        if (i == j) trace += A[i + B * j];
      }
    ASSERT_TRUE(block_equilibrate<B>(A, S));
    const double tolerance = 4 * B * B * 0x1p-52 * (trace / ridge);  // trace / ridge >= cond(A): the header's bound
    for (int i = 0; i < B; ++i)
      for (int j = 0; j < B; ++j) {
        double sum = 0;
        for (int k = 0; k < B; ++k)
          for (int l = 0; l < B; ++l) sum += S[i + B * k] * A[k + B * l] * S[j + B * l];
        ASSERT_NEAR(sum, i == j ? 1 : 0, tolerance);
        ASSERT_TRUE(i >= j || S[i + B * j] == 0) << "S is lower triangular";
      }
    A[B * B - 1] = -1;
    ASSERT_FALSE(block_equilibrate<B>(A, S));
    for (int i = 0; i < B * B; ++i) ASSERT_EQ(S[i], i % (B + 1) == 0);
    A[B * B - 1] = NAN;
    ASSERT_FALSE(block_equilibrate<B>(A, S));
  }
}

TEST(BlockEquilibrate, MakesTheIdentityOrSaysNo) {
  expect_equilibrates<1>();
  expect_equilibrates<2>();
  expect_equilibrates<3>();
  expect_equilibrates<6>();
}

}  // namespace
}  // namespace pipit
