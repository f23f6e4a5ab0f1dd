#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/random.h"
#include "bits/block_rows_ref.h"
#include "bits/block_symmetric_ref.h"
#include "bits/scaling.h"
#include "bits/test_every_set.h"
#include "bits/vector_ops.h"

namespace pipit {
namespace {

template <class T>
std::vector<T> random_values(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> x(n);
  for (T& element : x) element = from_double<T>(random.normal());
  return x;
}

/// A Jacobian with everything that may occur: fixed variables, a column twice in a row, columns that never occur.
template <class T>
struct Jacobian {
  int E, R, K, B, n;
  std::vector<std::int32_t> cols;
  std::vector<T> values;
  BlockIncidence incidence;

  Jacobian(int E_, int R_, int K_, int B_, int n_) : E(E_), R(R_), K(K_), B(B_), n(n_) {
    Random random(E * 1000 + R * 100 + K * 10 + B);
    for (int i = 0; i < E * K; ++i) cols.push_back(static_cast<std::int32_t>(random.below(n + 1)) - 1);
    values = random_values<T>(static_cast<std::size_t>(E) * K * R * B, 77);
    for (int i = 0; i < E * K; ++i)  // what belongs to a fixed variable must not be looked at
      if (cols[i] < 0)
        for (int v = 0; v < R * B; ++v) values[static_cast<std::size_t>(i) * R * B + v] = from_double<T>(NAN);
    incidence = incidence_of(cols, K, n);
  }
  BlockRows<T> view() const { return {E, R, K, B, cols.data(), values.data()}; }
};

struct Shape {
  int R, K, B;
};
const std::vector<Shape> kShapes{{6, 2, 6}, {3, 2, 3}, {2, 2, 3}, {1, 1, 1}, {3, 1, 6}, {6, 3, 3}, {5, 2, 4}};
const std::vector<int> kRows{0, 1, 2, 3, 7, 40};

std::vector<long double> widened(const auto& x) { return {x.begin(), x.end()}; }
std::vector<long double> magnitudes(const auto& x) {
  std::vector<long double> out(x.begin(), x.end());
  for (auto& element : out) element = std::fabs(element);
  return out;
}
template <class T>
std::vector<T> magnitudes_of_values(std::vector<T> values) {
  for (T& value : values) value = from_double<T>(std::fabs(to_double(value)));
  return values;
}

/// fast = exact within gamma_{terms} |J| |p|: both products, any block size, float and double.
template <class T>
void expect_products_within_bound() {
  const double u = unit_roundoff(kFormatOf<T>);
  on_every_set([&] {
    for (const auto [R, K, B] : kShapes)
      for (const int E : kRows) {
        const Jacobian<T> J(E, R, K, B, 5);
        Jacobian<T> absolute = J;
        absolute.values = magnitudes_of_values(J.values);
        const auto p = random_values<T>(static_cast<std::size_t>(5) * B, 1);
        const auto q = random_values<T>(static_cast<std::size_t>(E) * R, 2);
        std::vector<T> y(q.size() + 1, 55), s(p.size() + 1, 55);
        jacobian_times(J.view(), p, std::span(y).first(q.size()));
        jacobian_transpose_times(J.view(), J.incidence, std::span<const T>(q), std::span(s).first(p.size()));
        ASSERT_EQ(y.back(), 55);
        ASSERT_EQ(s.back(), 55);
        std::vector<long double> want(q.size()), size(q.size());
        jacobian_times_ref(J.view(), widened(p).data(), want.data());
        jacobian_times_ref(absolute.view(), magnitudes(p).data(), size.data());
        for (std::size_t i = 0; i < q.size(); ++i)
          ASSERT_NEAR(y[i], want[i], gamma_n(K * B, u) * static_cast<double>(size[i]))
              << R << B << ' ' << E << ' ' << i;
        want.assign(p.size(), 0);
        size.assign(p.size(), 0);
        jacobian_transpose_times_ref(J.view(), J.incidence, widened(q).data(), want.data(), 0, 5);
        jacobian_transpose_times_ref(absolute.view(), J.incidence, magnitudes(q).data(), size.data(), 0, 5);
        for (std::size_t i = 0; i < p.size(); ++i) {
          const int j = static_cast<int>(i) / B, terms = (J.incidence.begin[j + 1] - J.incidence.begin[j]) * R;
          ASSERT_NEAR(s[i], want[i], gamma_n(terms, u) * static_cast<double>(size[i]))
              << R << B << ' ' << E << ' ' << i;
        }
      }
  });
}
TEST(BlockRows, FloatWithinBound) { expect_products_within_bound<float>(); }
TEST(BlockRows, DoubleWithinBound) { expect_products_within_bound<double>(); }

/// Half sums: the bits of the definition. Half operands, fp32 sums: the bound.
template <class N>
void expect_half_products(Accumulate accumulate) {
  constexpr bool kExactBits = !std::is_same_v<N, float>;
  on_every_set([&] {
    for (const auto [R, K, B] : kShapes)
      for (const int E : kRows) {
        const Jacobian<half> J(E, R, K, B, 5);
        Jacobian<half> absolute = J;
        absolute.values = magnitudes_of_values(J.values);
        auto p = random_values<float>(static_cast<std::size_t>(5) * B, 1);
        auto q = random_values<float>(static_cast<std::size_t>(E) * R, 2);
        for (float& element : p) element *= 1e-6f;  // would be subnormal without the scale of the vector
        for (float& element : q) element *= 1e9f;   // would overflow
        HalfOperand hp, hq;
        hp.assign(p);
        hq.assign(q);
        std::vector<float> y(q.size()), s(p.size());
        jacobian_times(J.view(), hp, y, accumulate);
        jacobian_transpose_times(J.view(), J.incidence, hq, s, accumulate);

        std::vector<N> np, nq, ny(q.size(), N(0)), ns(p.size(), N(0));
        for (const float v : hp.values) np.push_back(N(v));
        for (const float v : hq.values) nq.push_back(N(v));
        jacobian_times_ref(J.view(), np.data(), ny.data());
        jacobian_transpose_times_ref(J.view(), J.incidence, nq.data(), ns.data(), 0, 5);
        std::vector<long double> size_y(q.size()), size_s(p.size());
        jacobian_times_ref(absolute.view(), magnitudes(hp.values).data(), size_y.data());
        jacobian_transpose_times_ref(absolute.view(), J.incidence, magnitudes(hq.values).data(), size_s.data(), 0, 5);
        for (std::size_t i = 0; i < y.size(); ++i) {
          const float want = static_cast<float>(ny[i]) * hp.scale;
          const double bound = 2 * gamma_n(K * B, 0x1p-24) * static_cast<double>(size_y[i]) * hp.scale;  // two sums
          ASSERT_NEAR(y[i], want, kExactBits ? 0 : bound) << R << B << ' ' << E << ' ' << i;
        }
        for (std::size_t i = 0; i < s.size(); ++i) {
          const float want = static_cast<float>(ns[i]) * hq.scale;
          const double bound = 2 * gamma_n(E * K * R, 0x1p-24) * static_cast<double>(size_s[i]) * hq.scale;
          ASSERT_NEAR(s[i], want, kExactBits ? 0 : bound) << R << B << ' ' << E << ' ' << i;
        }
      }
  });
}
TEST(BlockRows, HalfWithFloatSumsWithinBound) { expect_half_products<float>(Accumulate::Single); }
TEST(BlockRows, HalfSeparateIsTheDefinition) { expect_half_products<SeparateHalf>(Accumulate::HalfSeparate); }
TEST(BlockRows, HalfFusedIsTheDefinition) { expect_half_products<FusedHalf>(Accumulate::HalfFused); }

TEST(HalfOperand, IsScaledByThePowerOfTwoAbove) {
  HalfOperand operand;
  operand.assign(std::vector<float>{3e-7f, -5e-7f, 0});
  EXPECT_EQ(operand.scale, 0x1p-20f);
  EXPECT_EQ(operand.values[0], round_to_half(3e-7f * 0x1p20f));
  RangeCounters counters;
  operand.assign(std::vector<float>{1e9f, 1e-9f, 50}, &counters);
  EXPECT_EQ(counters, (RangeCounters{0, 1, 1}));  // 1e-18 is lost, 50e-9 is subnormal
  operand.assign(std::vector<float>{1, INFINITY});
  EXPECT_TRUE(std::isinf(operand.values[1]));
}

TEST(BlockRows, PartsGiveTheBitsOfTheWhole) {
  const Jacobian<float> J(40, 6, 2, 6, 9);
  const auto p = random_values<float>(9 * 6, 1), q = random_values<float>(40 * 6, 2);
  on_every_set([&] {
    std::vector<float> y(q.size()), y_parts(q.size()), s(p.size()), s_parts(p.size());
    jacobian_times(J.view(), p, y);
    jacobian_transpose_times(J.view(), J.incidence, std::span<const float>(q), std::span(s));
    for (const auto& [begin, end] : {std::pair{0, 1}, {1, 17}, {17, 17}, {17, 40}})
      jacobian_times(J.view().rows(begin, end), p, std::span(y_parts).subspan(begin * 6, (end - begin) * 6));
    for (const auto& [begin, end] : {std::pair{0, 4}, {4, 5}, {5, 9}})
      jacobian_transpose_times(J.view(), J.incidence, q, s_parts, ColumnRange{begin, end});
    ASSERT_EQ(y, y_parts);
    ASSERT_EQ(s, s_parts);
  });
}

TEST(BlockRows, NaNStaysInItsRowAndColumn) {
  for (const Shape& shape : {Shape{6, 2, 6}, Shape{3, 2, 3}, Shape{2, 2, 3}}) {
    const int R = shape.R, K = shape.K, B = shape.B;  // no structured binding: clang 14 lets no lambda take one
    Jacobian<float> J(12, R, K, B, 4);
    for (int i = 0; i < 24; ++i) J.cols[i] = i % 4;  // row e: columns 0,1 or 2,3
    std::fill(J.values.begin(), J.values.end(), 1.0f);
    J.incidence = incidence_of(J.cols, K, 4);
    const std::vector<float> p(4 * B, 1), q(12 * R, 1);
    for (int block = 0; block < 24; ++block)
      for (int v = 0; v < R * B; ++v) {
        auto poisoned = J;
        poisoned.values[block * R * B + v] = NAN;
        std::vector<float> y(q.size()), s(p.size());
        on_every_set([&] {
          jacobian_times(poisoned.view(), p, y);
          jacobian_transpose_times(poisoned.view(), J.incidence, std::span<const float>(q), std::span(s));
          for (int i = 0; i < 12 * R; ++i) ASSERT_EQ(std::isnan(y[i]), i == block / 2 * R + v % R) << block << ' ' << v;
          for (int i = 0; i < 4 * B; ++i) ASSERT_EQ(std::isnan(s[i]), i == block % 4 * B + v / R) << block << ' ' << v;
        });
      }
  }
}

TEST(Incidence, ListsEveryOccurrenceInOrder) {
  const std::vector<std::int32_t> cols{2, 0, -1, 2, 2, 2};
  const auto incidence = incidence_of(cols, 2, 4);
  EXPECT_EQ(incidence.begin, (std::vector<std::int32_t>{0, 1, 1, 5, 5}));
  std::vector<std::pair<int, int>> seen;
  for (const auto& entry : incidence.entries) seen.emplace_back(entry.row, entry.slot);
  EXPECT_EQ(seen, (std::vector<std::pair<int, int>>{{0, 1}, {0, 0}, {1, 1}, {2, 0}, {2, 1}}));
}

TEST(BlockRowsDeathTest, SizesMustAgree) {
  const Jacobian<float> J(3, 6, 2, 6, 5);
  std::vector<float> p(30), y(18), s(30);
  EXPECT_DEATH(jacobian_times(J.view(), p, std::span(y).first(17)), "E \\* R");
  EXPECT_DEATH(jacobian_times(J.view(), std::span(p).first(29), y), "whole blocks");
  EXPECT_DEATH(jacobian_transpose_times(J.view(), J.incidence, std::span<const float>(y).first(6), std::span(s)),
               "E \\* R");
  EXPECT_DEATH(jacobian_transpose_times(J.view(), J.incidence, std::span<const float>(y), std::span(s).first(6)),
               "n \\* B");
  EXPECT_DEATH(jacobian_transpose_times(J.view(), J.incidence, y, s, ColumnRange{0, 6}), "out of range");
  EXPECT_DEATH((void)incidence_of(J.cols, 2, 2), "out of range");
}

template <class T>
struct Symmetric {
  int n, B;
  std::vector<std::int32_t> col_begin{0}, row;
  std::vector<T> values;
  BlockRowIndex index;

  Symmetric(int n_, int B_) : n(n_), B(B_) {
    Random random(n * 10 + B);
    for (int j = 0; j < n; ++j) {
      for (int i = j; i < n; ++i)
        if (i == j || random.below(3) == 0) row.push_back(i);
      col_begin.push_back(static_cast<std::int32_t>(row.size()));
    }
    values = random_values<T>(row.size() * B * B, 9);
    for (int j = 0; j < n; ++j)  // diagonal blocks are symmetric
      for (int r = 0; r < B; ++r)
        for (int c = 0; c < r; ++c) values[col_begin[j] * B * B + c + B * r] = values[col_begin[j] * B * B + r + B * c];
    index = row_index_of(col_begin, row);
  }
  BlockSymmetricView<T> view() const { return {n, B, col_begin.data(), row.data(), values.data()}; }
};

/// The exact product from the dense matrix, not from the reference: both must meet it.
template <class T, class V>
void expect_symmetric_within_bound() {
  const double u = unit_roundoff(kFormatOf<V>);
  on_every_set([&] {
    for (const int B : {3, 6, 1, 2, 4})
      for (const int n : {1, 2, 3, 8, 17}) {
        const Symmetric<T> A(n, B);
        const int size = n * B;
        std::vector<long double> dense(size * size);
        for (int j = 0; j < n; ++j)
          for (int at = A.col_begin[j]; at < A.col_begin[j + 1]; ++at)
            for (int c = 0; c < B; ++c)
              for (int r = 0; r < B; ++r) {
                const long double value = to_double(A.values[(at * B + c) * B + r]);
                dense[(A.row[at] * B + r) * size + j * B + c] = dense[(j * B + c) * size + A.row[at] * B + r] = value;
              }
        const auto p = random_values<V>(size, 4);
        std::vector<V> y(size), parts(size), slow(size);
        symmetric_times(A.view(), A.index, std::span<const V>(p), std::span(y));
        symmetric_times(A.view(), A.index, p, parts, 0, n / 3);
        symmetric_times(A.view(), A.index, p, parts, n / 3, n);
        ASSERT_EQ(y, parts) << "one part or two: the same bits";
        symmetric_times_ref(A.view(), A.index, p.data(), slow.data(), 0, n);
        for (int i = 0; i < size; ++i) {
          long double want = 0, magnitude = 0;
          int terms = 0;
          for (int k = 0; k < size; ++k) {
            want += dense[i * size + k] * p[k];
            magnitude += std::fabs(dense[i * size + k] * p[k]);
            terms += dense[i * size + k] != 0;
          }
          const double bound = gamma_n(terms, u) * static_cast<double>(magnitude);
          ASSERT_NEAR(y[i], want, bound) << B << ' ' << n << ' ' << i;
          ASSERT_NEAR(slow[i], want, bound) << B << ' ' << n << ' ' << i;
        }
      }
  });
}
TEST(BlockSymmetric, FloatWithinBound) { expect_symmetric_within_bound<float, float>(); }
TEST(BlockSymmetric, DoubleWithinBound) { expect_symmetric_within_bound<double, double>(); }
TEST(BlockSymmetric, HalfMatrixWithinBound) { expect_symmetric_within_bound<half, float>(); }

TEST(BlockSymmetric, NaNStaysWhereItBelongs) {
  const int n = 5, B = 6;
  Symmetric<float> A(n, B);
  std::fill(A.values.begin(), A.values.end(), 1.0f);
  const std::vector<float> p(n * B, 1);
  for (int j = 0; j < n; ++j)
    for (int at = A.col_begin[j]; at < A.col_begin[j + 1]; ++at)
      for (int v = 0; v < B * B; ++v) {
        auto poisoned = A;
        poisoned.values[at * B * B + v] = INFINITY;
        on_every_set([&] {
          std::vector<float> y(n * B);
          symmetric_times(poisoned.view(), A.index, std::span<const float>(p), std::span(y));
          const int lower = A.row[at] * B + v % B, upper = j * B + v / B;
          for (int i = 0; i < n * B; ++i)
            ASSERT_EQ(std::isinf(y[i]), i == lower || (A.row[at] != j && i == upper)) << at << ' ' << v << ' ' << i;
        });
      }
}

TEST(BlockSymmetricDeathTest, SizesAndStructure) {
  const Symmetric<float> A(4, 3);
  std::vector<float> p(12), y(12);
  EXPECT_DEATH(symmetric_times(A.view(), A.index, p, std::span(y).first(9), 0, 4), "n \\* B");
  EXPECT_DEATH(symmetric_times(A.view(), A.index, p, y, 2, 5), "out of range");
  EXPECT_DEATH(symmetric_times(A.view(), BlockRowIndex{}, p, y, 0, 4), "not this matrix");
  EXPECT_DEATH((void)row_index_of(std::vector<std::int32_t>{0, 1, 2}, std::vector<std::int32_t>{1, 1}), "diagonal");
  EXPECT_DEATH((void)row_index_of(std::vector<std::int32_t>{0, 2}, std::vector<std::int32_t>{0, 1}), "out of range");
}

}  // namespace
}  // namespace pipit
