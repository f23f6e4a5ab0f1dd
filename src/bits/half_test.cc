#include "bits/half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "bits/half_number.h"

namespace pipit {
namespace {

__extension__ using Exact = __float128;  // 113 bits: holds every a * b + c of halves exactly

/// The definition, slowly: the nearest of all finite values, ties to the even pattern, in exact arithmetic.
template <class T>
class Nearest {
 public:
  Nearest() {
    for (std::uint32_t bits = 0; bits <= kInfinity; ++bits) {
      double value = to_double(T{static_cast<std::uint16_t>(bits)});
      if (bits == kInfinity) value = 2 * values_.back() - values_[kInfinity - 2];  // where the next would stand
      values_.push_back(value);
    }
  }
  std::uint16_t operator()(Exact x) const {
    const bool negative = x < 0;
    const Exact magnitude = negative ? -x : x;
    const auto above = static_cast<std::uint32_t>(
        std::lower_bound(values_.begin(), values_.end(), magnitude, [](double v, Exact m) { return Exact{v} < m; }) -
        values_.begin());
    std::uint32_t bits = std::min(above, kInfinity);
    if (above <= kInfinity && above > 0) {
      const Exact up = Exact{values_[above]} - magnitude, down = magnitude - Exact{values_[above - 1]};
      if (down < up || (down == up && above % 2 == 1)) bits = above - 1;
    }
    return static_cast<std::uint16_t>(bits | (negative ? 0x8000u : 0u));
  }
  const std::vector<double>& values() const { return values_; }

 private:
  static constexpr std::uint32_t kInfinity = kFormatOf<T> == Format::Half ? 0x7c00 : 0x7f80;
  std::vector<double> values_;
};

template <class T>
const Nearest<T>& nearest() {
  static const Nearest<T> instance;
  return instance;
}

TEST(Half, WideningIsTheFormula) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float got = to_float(half{static_cast<std::uint16_t>(bits)});
    const int exponent = (bits >> 10) & 31, fraction = bits & 0x3ff;
    ASSERT_EQ(std::signbit(got), bits >= 0x8000u) << bits;
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(got), fraction != 0) << bits;
      ASSERT_TRUE(fraction != 0 || std::isinf(got)) << bits;
    } else {
      const double want = std::ldexp(exponent ? 1024 + fraction : fraction, (exponent ? exponent : 1) - 25);
      ASSERT_EQ(std::fabs(got), want) << bits;
    }
    if (!std::isnan(got)) {
      ASSERT_EQ(to_half(got).bits, bits);
      ASSERT_EQ(to_half(static_cast<double>(got)).bits, bits);
    }
  }
}

TEST(BFloat16, WideningIsTheUpperHalf) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float got = to_float(bfloat16{static_cast<std::uint16_t>(bits)});
    if (std::isnan(got)) {
      ASSERT_GT(bits & 0x7fffu, 0x7f80u);
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got), bits << 16);
    ASSERT_EQ(to_bfloat16(got).bits, bits);
    ASSERT_EQ(to_bfloat16(static_cast<double>(got)).bits, bits);
  }
}

/// Every value, every tie, and one unit of the source format to each side of both.
template <class T, class Source, class Round>
void expect_nearest_around_every_tie(const Round& round) {
  const auto& values = nearest<T>().values();
  constexpr Source kUp = std::numeric_limits<Source>::infinity();
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    const double tie = values[i] / 2 + values[i + 1] / 2;
    for (const double point : {values[i], tie, std::fma(0.3, values[i], 0.7 * values[i + 1])}) {
      const auto middle = static_cast<Source>(point);
      for (const Source x : {middle, std::nextafter(middle, kUp), std::nextafter(middle, -kUp)}) {
        if (x < 0) continue;
        ASSERT_EQ(round(x).bits, nearest<T>()(x)) << static_cast<double>(x);
        ASSERT_EQ(round(-x).bits, nearest<T>()(x) | 0x8000u) << static_cast<double>(x);
      }
    }
  }
}

TEST(Half, RoundsToNearestEvenFromFloat) {
  expect_nearest_around_every_tie<half, float>([](float x) { return to_half(x); });
}
TEST(Half, RoundsToNearestEvenFromDoubleOnce) {
  expect_nearest_around_every_tie<half, double>([](double x) { return to_half(x); });
}
TEST(BFloat16, RoundsToNearestEvenFromFloat) {
  expect_nearest_around_every_tie<bfloat16, float>([](float x) { return to_bfloat16(x); });
}
TEST(BFloat16, RoundsToNearestEvenFromDoubleOnce) {
  expect_nearest_around_every_tie<bfloat16, double>([](double x) { return to_bfloat16(x); });
}

TEST(Half, RandomPatternsOfFloatAndDouble) {
  Random random(1);
  for (int i = 0; i < 300000; ++i) {
    const auto f = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(f)) {
      ASSERT_EQ(to_half(f).bits & 0x7fffu, nearest<half>()(f) & 0x7fffu) << f;
      ASSERT_EQ(to_bfloat16(f).bits & 0x7fffu, nearest<bfloat16>()(f) & 0x7fffu) << f;
    }
    const double d = std::ldexp(random.uniform(-2, 2), static_cast<int>(random.below(60)) - 40);
    ASSERT_EQ(to_half(d).bits & 0x7fffu, nearest<half>()(d) & 0x7fffu) << d;
    ASSERT_EQ(to_bfloat16(d).bits & 0x7fffu, nearest<bfloat16>()(d) & 0x7fffu) << d;
  }
}

TEST(Half, TheEdgesOfTheRange) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_half(65504.0f).bits, 0x7bff);
  EXPECT_EQ(to_half(std::nextafter(65520.0f, 0.0f)).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_half(1e300).bits, 0x7c00);
  EXPECT_EQ(to_half(-inf).bits, 0xfc00);
  EXPECT_EQ(to_half(0x1p-25f).bits, 0);
  EXPECT_EQ(to_half(std::nextafter(0x1p-25f, 1.0f)).bits, 1);
  EXPECT_EQ(to_half(-1e-300).bits, 0x8000);
  EXPECT_EQ(to_half(-0.0).bits, 0x8000);
  EXPECT_EQ(to_bfloat16(3.4e38f).bits, 0x7f80);
  EXPECT_EQ(to_bfloat16(1e-41f).bits, 0x0000 + 0x0000);  // 1e-41 is 0.11 of the smallest subnormal 9.2e-41
}

TEST(Half, NaNStaysNaNAndKeepsItsTopBits) {
  for (std::uint32_t payload = 1; payload < 0x800000; payload = payload * 2 + 1)
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      const auto nan = std::bit_cast<float>(sign | 0x7f800000u | payload);
      EXPECT_EQ(to_half(nan).bits, (sign >> 16) | 0x7e00u | (payload >> 13));
      EXPECT_EQ(to_bfloat16(nan).bits, (sign >> 16) | 0x7fc0u | (payload >> 16));
      EXPECT_TRUE(std::isnan(to_float(to_half(nan))));
    }
  EXPECT_EQ(to_half(std::numeric_limits<double>::quiet_NaN()).bits & 0x7fff, 0x7e00);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(to_float(half{0x7c01})), 0x7fc02000u);  // a signalling one becomes quiet
}

static_assert(to_half(1.0f).bits == 0x3c00 && to_float(half{0xc000}) == -2.0f && to_half(0x1p-24).bits == 1);

half random_half(Random& random) {
  // a third anywhere, a third near 1 (cancellation, ties), a third small (subnormals)
  const auto bits = static_cast<std::uint16_t>(random());
  switch (random.below(3)) {
    case 0:
      return {bits};
    case 1:
      return {static_cast<std::uint16_t>((bits & 0x8fffu) | 0x3000u)};
    default:
      return {static_cast<std::uint16_t>(bits & 0x8fffu)};
  }
}

template <class N>
void expect_rounded(N got, Exact exact, const char* what, half a, half b, half c = {}) {
  // exact zero: the sign is IEEE's affair and float's arithmetic has it; compare values there
  const std::uint16_t want = nearest<half>()(exact), bits = got.bits().bits;
  if (exact == 0) {
    ASSERT_EQ(bits & 0x7fffu, 0u) << what << ' ' << a.bits << ' ' << b.bits << ' ' << c.bits;
  } else {
    ASSERT_EQ(bits, want) << what << ' ' << a.bits << ' ' << b.bits << ' ' << c.bits;
  }
}

template <class N>
class HalfNumberTest : public testing::Test {};
using BothForms = testing::Types<SeparateHalf, FusedHalf>;
TYPED_TEST_SUITE(HalfNumberTest, BothForms);

TYPED_TEST(HalfNumberTest, EveryOperationRoundsTheExactResultOnce) {
  using N = TypeParam;
  Random random(2);
  for (int i = 0; i < 200000; ++i) {
    const half ha = random_half(random), hb = random_half(random), hc = random_half(random);
    const N a(ha), b(hb), c(hc);
    if (!isfinite(a) || !isfinite(b) || !isfinite(c)) continue;
    const Exact ea = float(a), eb = float(b), ec = float(c);
    expect_rounded(a + b, ea + eb, "+", ha, hb);
    expect_rounded(a - b, ea - eb, "-", ha, hb);
    expect_rounded(a * b, ea * eb, "*", ha, hb);
    if (float(b) != 0)
      expect_rounded(a / b, ea / eb, "/", ha, hb);  // 113 bits: no quotient of halves is that close to a tie
    if constexpr (std::is_same_v<N, FusedHalf>) {
      expect_rounded(mul_add(a, b, c), ea * eb + ec, "fma", ha, hb, hc);
    } else {
      ASSERT_TRUE(mul_add(a, b, c) == a * b + c || isnan(a * b + c));
    }
    const double root = std::sqrt(std::fabs(static_cast<double>(float(a))));
    expect_rounded(sqrt(abs(a)), root, "sqrt", ha, hb);  // 53 >= 2 * 11 + 2: the double root never shows
  }
}

TEST(HalfNumber, TheTwoFormsDiffer) {
  // (1 + 2^-10)^2 = 1 + 2^-9 + 2^-20: the last bit survives only if nothing is rounded before the subtraction
  const half x = to_half(1.0 + 0x1p-10), y = to_half(-(1.0 + 0x1p-9));
  EXPECT_EQ(float(mul_add(SeparateHalf(x), SeparateHalf(x), SeparateHalf(y))), 0.0f);
  EXPECT_EQ(float(mul_add(FusedHalf(x), FusedHalf(x), FusedHalf(y))), 0x1p-20f);
}

TYPED_TEST(HalfNumberTest, OverflowAndNaNAreIEEE) {
  using N = TypeParam;
  const N big(60000.0f), zero(0);
  EXPECT_TRUE(std::isinf(float(big + big)));
  EXPECT_TRUE(std::isinf(float(big * big)));
  EXPECT_TRUE(isnan(big * big - big * big));
  EXPECT_TRUE(isnan(zero / zero));
  EXPECT_TRUE(isnan(mul_add(zero, big * big, big)));
  EXPECT_TRUE(isnan(sqrt(-big)));
  EXPECT_EQ(float(big), 60000.0f);
  EXPECT_LT(zero, big);
}

}  // namespace
}  // namespace pipit
