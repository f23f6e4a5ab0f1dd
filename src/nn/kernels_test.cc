// Fast against slow on every instruction set, at lengths 0, 1 and both sides of every lane count.
#include "nn/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/random.h"
#include "bits/test_every_set.h"
#include "nn/kernels_ref.h"
#include "nn/quantise.h"

namespace pipit {
namespace {

std::vector<float> random_values(std::size_t n, std::uint64_t seed, double size = 1) {
  Random random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(size * random.normal());
  return x;
}

/// Random weights with padded rows, as the kernels want them.
template <class T>
struct Weights {
  Weights(std::size_t rows_, std::size_t cols_, std::uint64_t seed) : rows(rows_), cols(cols_) {
    constexpr std::size_t kLine = kRowAlignment / sizeof(T);
    stride = std::max<std::size_t>((cols + kLine - 1) / kLine, 1) * kLine;
    values.resize(rows * stride);
    Random random(seed);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c) {
        if constexpr (std::is_same_v<T, std::int8_t>) {
          values[r * stride + c] = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
        } else {
          values[r * stride + c] = from_double<T>(random.normal());
        }
      }
  }
  MatView<const T> view() const { return {values.data(), rows, cols, stride}; }
  std::size_t rows, cols, stride = 0;
  std::vector<T> values;
};

/// gamma_n of the sum in any order, |w x| summed, and the last addition (kernels.h).
template <class T>
void expect_products(std::size_t rows, std::size_t cols) {
  const Weights<T> w(rows, cols, rows * 1000 + cols);
  const std::vector<float> x = random_values(cols, cols + 1);
  std::vector<float> y = random_values(rows, rows + 2);
  std::vector<double> want(y.begin(), y.end());
  std::vector<double> size(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    size[r] = std::fabs(want[r]);
    for (std::size_t c = 0; c < cols; ++c)
      size[r] += std::fabs(to_double(w.view().row(r)[c]) * static_cast<double>(x[c]));
  }
  accumulate_ref(w.view(), x, want);
  accumulate(w.view(), x, y);
  for (std::size_t r = 0; r < rows; ++r)
    ASSERT_LE(std::fabs(static_cast<double>(y[r]) - want[r]), static_cast<double>(cols + 2) * 0x1p-23 * size[r])
        << rows << " x " << cols << " row " << r;
}

TEST(Accumulate, MeetsItsBoundOnEverySet) {
  on_every_set([] {
    for (const std::size_t cols : kSizes)
      for (const std::size_t rows : {0, 1, 3, 4, 5, 8, 11}) {
        expect_products<float>(rows, cols);
        expect_products<half>(rows, cols);
      }
  });
}

TEST(Accumulate, Int8IsExactOnEverySet) {
  on_every_set([] {
    for (const std::size_t cols : kSizes)
      for (const std::size_t rows : {1, 3, 4, 5, 11}) {
        const Weights<std::int8_t> w(rows, cols, rows * 77 + cols);
        const std::vector<float> x = random_values(cols, cols), scales = random_values(rows, rows);
        std::vector<std::int16_t> buffer(quantised_length(cols), 99);
        const QuantisedVector q = quantise_vector(x, buffer);
        std::vector<float> y = random_values(rows, 5), want = y;
        accumulate(w.view(), scales, q, y);
        const auto sums = int8_sums_ref(w.view(), q.q);
        for (std::size_t r = 0; r < rows; ++r) want[r] += static_cast<float>(sums[r]) * (scales[r] * q.scale);
        ASSERT_EQ(y, want) << rows << " x " << cols;
      }
  });
}

TEST(Accumulate, Int8HoldsTheLargestSum) {
  on_every_set([] {
    Weights<std::int8_t> w(4, kMostInt8Columns, 1);
    std::ranges::fill(w.values, std::int8_t{127});
    const std::vector<float> x(kMostInt8Columns, 127.0f), scales(4, 1.0f);
    std::vector<std::int16_t> buffer(quantised_length(x.size()));
    std::vector<float> y(4);
    accumulate(w.view(), scales, quantise_vector(x, buffer), y);
    for (const float v : y) EXPECT_EQ(v, static_cast<float>(127 * 127 * static_cast<std::int64_t>(kMostInt8Columns)));
  });
}

TEST(Quantise, VectorsAndRowsHaveTheSameBitsAsTheDefinitionOnEverySet) {
  on_every_set([] {
    for (const std::size_t n : kSizes)
      for (const double size : {1.0, 1e-29, 1e-31, 1e30, 0.0}) {
        std::vector<float> x = random_values(n, n + 3, size);
        if (n > 8 && size == 1.0) x = {127, 0.5f, 1.5f, -2.5f, -0.5f, 126.5f, -127, -126.5f};  // ties
        std::vector<std::int16_t> buffer(quantised_length(x.size()), 99), want(buffer.size());
        const float scale = quantise(std::span<const float>(x), want.data());
        const QuantisedVector got = quantise_vector(x, buffer);
        ASSERT_EQ(got.scale, scale) << n << " " << size;
        ASSERT_EQ(buffer, want) << n << " " << size;
        std::vector<std::int8_t> row(buffer.size(), 99);
        ASSERT_EQ(quantise_row(x, row), scale) << n << " " << size;
        ASSERT_TRUE(std::ranges::equal(row, want)) << n << " " << size;
      }
  });
}

TEST(Activations, MeetTheirBoundOnEverySet) {
  std::vector<float> x;
  for (int k = -60000; k <= 60000; ++k) x.push_back(static_cast<float>(k) * 5e-4f);
  for (const float far : {50.0f, 87.0f, 104.0f, 1e4f, 1e30f, std::numeric_limits<float>::infinity()})
    x.insert(x.end(), {far, -far});
  for (int k = 1; k < 120; ++k) x.insert(x.end(), {std::ldexp(1.0f, -k), -std::ldexp(1.0f, -k)});
  on_every_set([&] {
    std::vector<float> t = x, s = x;
    tanh_in_place(t);
    sigmoid_in_place(s);
    double worst_t = 0, worst_s = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const auto v = static_cast<double>(x[k]);
      worst_t = std::fmax(worst_t, std::fabs(static_cast<double>(t[k]) - std::tanh(v)));
      worst_s = std::fmax(worst_s, std::fabs(static_cast<double>(s[k]) - sigmoid_ref(v)));
      ASSERT_TRUE(std::isfinite(t[k]) && std::isfinite(s[k])) << v;
    }
    EXPECT_LE(worst_t, kActivationError);
    EXPECT_LE(worst_s, kActivationError);
  });
}

TEST(Activations, TanhOfSumOnEverySet) {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      const std::vector<float> a = random_values(n, 1), b = random_values(n, 2);
      std::vector<float> out(n);
      tanh_of_sum(a, b, out);
      for (std::size_t k = 0; k < n; ++k) {
        const double sum = static_cast<double>(a[k]) + static_cast<double>(b[k]);
        ASSERT_LE(std::fabs(static_cast<double>(out[k]) - std::tanh(sum)), kActivationError + 0x1p-24 * std::fabs(sum));
      }
    }
  });
}

TEST(LstmCells, MeetTheirBoundOnEverySet) {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      const std::vector<float> gates = random_values(4 * n, n, 3);
      std::vector<float> c = random_values(n, n + 1, 2), m(n);
      const std::vector<float> old = c;
      std::vector<double> want_c(c.begin(), c.end()), want_m(n);
      lstm_cells_ref({gates.begin(), gates.end()}, want_c, want_m);
      lstm_cells(gates, c, m);
      for (std::size_t k = 0; k < n; ++k) {
        const double size = std::fabs(static_cast<double>(old[k]));
        ASSERT_LE(std::fabs(static_cast<double>(c[k]) - want_c[k]), (size + 3) * kActivationError) << n;
        ASSERT_LE(std::fabs(static_cast<double>(m[k]) - want_m[k]), (size + 5) * kActivationError) << n;
      }
    }
  });
}

// Sums of n numbers err by at most n u times the sum of their sizes (Higham 2002, sec. 4.2); mean and variance carry
// that on to first order, three to eight more roundings follow, and 2^-23 = 2u covers the rest.
TEST(LayerNorm, MeetsItsBoundOnEverySet) {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      if (n == 0) continue;
      for (const double offset : {0.0, 100.0}) {
        std::vector<float> x = random_values(n, n);
        for (float& v : x) v += static_cast<float>(offset);
        const std::vector<float> gain = random_values(n, n + 1), bias = random_values(n, n + 2);
        const auto want = layer_norm_ref(x, gain, bias);
        double mean = 0, mu = 0, variance = 0, away = 0;
        for (const double v : x) mean += v / static_cast<double>(n), mu += std::fabs(v) / static_cast<double>(n);
        for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
        for (const double v : x) away = std::fmax(away, std::fabs(v - mean));
        const double sigma = std::sqrt(variance + static_cast<double>(kNormEpsilon)), s = away / sigma;
        layer_norm(x, gain, bias, x);
        for (std::size_t k = 0; k < n; ++k)
          ASSERT_LE(std::fabs(static_cast<double>(x[k]) - want[k]),
                    0x1p-23 * (static_cast<double>(n + 8) * std::fabs(static_cast<double>(gain[k])) *
                                   (s + (1 + s * s) * mu / sigma) +
                               std::fabs(static_cast<double>(bias[k]))))
              << n;
      }
    }
  });
}

TEST(LogSoftmax, MeetsItsBoundAndSumsToOneOnEverySet) {
  on_every_set([] {
    for (const std::size_t n : kSizes) {
      if (n == 0) continue;
      for (const double size : {1.0, 30.0, 1000.0}) {
        std::vector<float> x = random_values(n, n + 7, size);
        const auto want = log_softmax_ref(x);
        double most = 0, sum = 0;
        for (std::size_t k = 0; k < n; ++k)
          most = std::fmax(most, std::fabs(static_cast<double>(x[k])) + std::fabs(want[k]));
        log_softmax_in_place(x);
        for (std::size_t k = 0; k < n; ++k) {
          ASSERT_LE(std::fabs(static_cast<double>(x[k]) - want[k]), 0x1p-23 * most + 1e-6) << n << " " << size;
          sum += std::exp(static_cast<double>(x[k]));
        }
        EXPECT_NEAR(sum, 1, 2 * (0x1p-23 * most + 1e-6));
      }
    }
  });
}

TEST(KernelsDeathTest, WrongLengths) {
  const Weights<float> w(4, 20, 1);
  std::vector<float> x(20), y(4), three(3);
  EXPECT_DEATH(accumulate(w.view(), three, y), "lengths differ");
  EXPECT_DEATH(accumulate(w.view(), x, three), "lengths differ");
  EXPECT_DEATH(accumulate(MatView<const float>{x.data(), 1, 20, 20}, x, std::span(three).first(1)), "not aligned");
  EXPECT_DEATH(lstm_cells(x, y, y), "lengths differ");
}

}  // namespace
}  // namespace pipit
