#include "bits/panel.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "bits/panel_ref.h"
#include "bits/test_every_set.h"
#include "bits/vector_ops.h"

namespace pipit {
namespace {

/// Random panel whose last element is the last of its allocation (the address sanitizer sees any read beyond), with NaN
/// wherever nothing may be read: above the diagonal and between m and ld.
template <class S>
struct Panel {
  int m, w, ld;
  std::vector<S> values;

  Panel(int w_, int below, int padding) : m(w_ + below), w(w_), ld(w_ + below + padding) {
    Random random(w * 1000 + below);
    values.assign(static_cast<std::size_t>(w - 1) * ld + m, from_double<S>(NAN));
    for (int c = 0; c < w; ++c)
      for (int r = c; r < m; ++r)
        values[static_cast<std::size_t>(c) * ld + r] =
            from_double<S>(r == c ? random.uniform(0.5, 2) : random.normal() / (1 + w / 4.0));
  }
  long double at(int r, int c) const { return to_double(values[static_cast<std::size_t>(c) * ld + r]); }
};

template <class V>
std::vector<V> random_vector(int n, std::uint64_t seed) {
  Random random(seed);
  std::vector<V> x(static_cast<std::size_t>(n));
  for (V& element : x) element = static_cast<V>(random.normal());
  return x;
}

const std::vector<int> kWidths{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 18, 30, 33};
const std::vector<int> kBelow{0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 66};

/// What a forward solve returned must satisfy its equations within the bound of substitution in any order:
///   |b_r - x_r / d_r - sum L_rc x_c|  <=  gamma_{w+2} (|b_r| + |x_r / d_r| + sum |L_rc x_c|)   (Higham 2002,
///   lemma 8.2) |below_in - below_out - L21 x|    <=  gamma_{w+1} (|below_in| + |L21| |x|)
template <class S, class V>
void expect_forward(const Panel<S>& P,
                    const std::vector<V>& b,
                    const std::vector<V>& below_in,
                    const std::vector<V>& x,
                    const std::vector<V>& below) {
  const double u = unit_roundoff(kFormatOf<V>);
  for (int r = 0; r < P.m; ++r) {
    const long double start = r < P.w ? b[r] : below_in[r - P.w];
    long double rest = start, size = std::fabs(start);
    for (int c = 0; c < std::min(r, P.w); ++c) {
      rest -= P.at(r, c) * x[c];
      size += std::fabs(P.at(r, c) * x[c]);
    }
    const long double left = r < P.w ? x[r] / P.at(r, r) : static_cast<long double>(below[r - P.w]);
    size += r < P.w ? std::fabs(left) : 0;
    ASSERT_NEAR(rest, left, gamma_n(P.w + 2, u) * static_cast<double>(size))
        << "row " << r << " of " << P.m << 'x' << P.w;
  }
}

/// |b_c - x_c / d_c - sum_{r > c} L_rc v_r| <= gamma_{m+2} (|b_c| + |x_c / d_c| + sum |L_rc v_r|), v = x, then below.
template <class S, class V>
void expect_backward(const Panel<S>& P, const std::vector<V>& b, const std::vector<V>& below, const std::vector<V>& x) {
  const double u = unit_roundoff(kFormatOf<V>);
  for (int c = 0; c < P.w; ++c) {
    long double rest = b[c], size = std::fabs(static_cast<long double>(b[c]));
    for (int r = c + 1; r < P.m; ++r) {
      const long double v = r < P.w ? x[r] : below[r - P.w];
      rest -= P.at(r, c) * v;
      size += std::fabs(P.at(r, c) * v);
    }
    const long double left = x[c] / P.at(c, c);
    size += std::fabs(left);
    ASSERT_NEAR(rest, left, gamma_n(P.m + 2, u) * static_cast<double>(size))
        << "column " << c << " of " << P.m << 'x' << P.w;
  }
}

template <class S>
void expect_solves() {
  using V = PanelVector<S>;
  for (const int w : kWidths)
    for (const int below_rows : kBelow)
      for (const int padding : {0, 5}) {
        const Panel<S> P(w, below_rows, padding);
        const auto b = random_vector<V>(w, 1), below_in = random_vector<V>(below_rows, 2);
        auto slow_x = b, slow_below = below_in, back = b;
        panel_forward_ref(P.values.data(), P.m, P.w, P.ld, slow_x.data(), slow_below.data());
        expect_forward(P, b, below_in, slow_x, slow_below);
        panel_backward_ref(P.values.data(), P.m, P.w, P.ld, back.data(), below_in.data());
        expect_backward(P, b, below_in, back);
        on_every_set([&] {
          auto x = b, below = below_in;
          panel_forward<S>(P.values.data(), P.m, P.w, P.ld, x.data(), below.data());
          expect_forward(P, b, below_in, x, below);
          x = b;
          panel_backward<S>(P.values.data(), P.m, P.w, P.ld, x.data(), below_in.data());
          expect_backward(P, b, below_in, x);
        });
      }
}
TEST(Panel, HalfSolvesWithinBound) { expect_solves<half>(); }
TEST(Panel, BFloat16SolvesWithinBound) { expect_solves<bfloat16>(); }
TEST(Panel, FloatSolvesWithinBound) { expect_solves<float>(); }
TEST(Panel, DoubleSolvesWithinBound) { expect_solves<double>(); }

/// In numbers that are exact in every format there is nothing to round: fast and reference agree to the bit, HalfNumber
/// included (small integers, unit diagonal).
TEST(Panel, ExactNumbersGiveExactAnswers) {
  Panel<half> P(12, 30, 3);
  Random random(3);
  for (int c = 0; c < P.w; ++c)
    for (int r = c; r < P.m; ++r)
      P.values[static_cast<std::size_t>(c) * P.ld + r] =
          to_half(r == c                               ? 1.0
                  : c % 4 == 0 && random.below(3) == 0 ? random.uniform() < 0.5 ? -1.0 : 1.0
                                                       : 0.0);
  std::vector<float> b(12), below(30);
  for (float& v : b) v = static_cast<float>(random.below(5)) - 2;
  for (float& v : below) v = static_cast<float>(random.below(5)) - 2;
  std::vector<SeparateHalf> hx, hbelow;
  for (const float v : b) hx.emplace_back(v);
  for (const float v : below) hbelow.emplace_back(v);
  panel_forward_ref(P.values.data(), P.m, P.w, P.ld, hx.data(), hbelow.data());
  on_every_set([&] {
    auto x = b, rows = below;
    panel_forward<half>(P.values.data(), P.m, P.w, P.ld, x.data(), rows.data());
    for (int i = 0; i < P.w; ++i) ASSERT_EQ(x[i], static_cast<float>(hx[i]));
    for (int i = 0; i < P.m - P.w; ++i) ASSERT_EQ(rows[i], static_cast<float>(hbelow[i]));
  });
}

/// forward and backward are each other's transposes: z' (L^-1 b) = (L^-T z)' b.
TEST(Panel, BackwardIsTheTransposeOfForward) {
  for (const int w : {6, 9, 18, 30}) {
    const Panel<double> P(w, 0, 0);
    const auto b = random_vector<double>(w, 1), z = random_vector<double>(w, 2);
    on_every_set([&] {
      auto x = b, y = z;
      panel_forward<double>(P.values.data(), P.m, P.w, P.ld, x.data(), nullptr);
      panel_backward<double>(P.values.data(), P.m, P.w, P.ld, y.data(), nullptr);
      double left = 0, right = 0, size = 0;
      for (int i = 0; i < w; ++i) {
        left += z[i] * x[i];
        right += y[i] * b[i];
        size += std::fabs(z[i] * x[i]) + std::fabs(y[i] * b[i]);
      }
      // a band: over 200 such panels (w = 18, seeds 1 to 200) the worst was 0.073 of this
      EXPECT_NEAR(left, right, gamma_n(w + 2, 0x1p-53) * size);
    });
  }
}

TEST(Panel, NaNPropagatesForwardOnly) {
  const Panel<float> P(9, 12, 0);
  on_every_set([&] {
    for (int at = 0; at < 9; ++at) {
      std::vector<float> x(9, 1), below(12, 1);
      x[at] = NAN;
      panel_forward<float>(P.values.data(), P.m, P.w, P.ld, x.data(), below.data());
      for (int i = 0; i < 9; ++i) ASSERT_EQ(std::isnan(x[i]), i >= at);
      for (const float v : below) ASSERT_TRUE(std::isnan(v));
      std::vector<float> y(9, 1), rows(12, 1);
      y[at] = INFINITY;
      panel_backward<float>(P.values.data(), P.m, P.w, P.ld, y.data(), rows.data());
      for (int i = 0; i < 9; ++i) ASSERT_EQ(std::isfinite(y[i]), i > at);
    }
  });
}

/// A factor of random structure: panels of 1 to 4 blocks, some rows below each.
template <class S>
struct PanelFactor {
  int B, n = 0;
  std::vector<std::int32_t> first{0}, rows;
  std::vector<std::int64_t> row_begin{0}, begin;
  std::vector<S> values;

  PanelFactor(int B_, int num_panels) : B(B_) {
    Random random(num_panels * 10 + B);
    for (int s = 0; s < num_panels; ++s) first.push_back(n += 1 + static_cast<int>(random.below(4)));
    for (int s = 0; s < num_panels; ++s) {
      for (int i = first[s + 1]; i < n; ++i)
        if (random.below(3) == 0) rows.push_back(i);
      row_begin.push_back(static_cast<std::int64_t>(rows.size()));
      const int w = (first[s + 1] - first[s]) * B, m = w + static_cast<int>(row_begin[s + 1] - row_begin[s]) * B;
      begin.push_back(static_cast<std::int64_t>(values.size()));
      for (int c = 0; c < w; ++c)
        for (int r = 0; r < m; ++r)
          values.push_back(from_double<S>(r < c ? NAN : r == c ? random.uniform(0.5, 2) : random.normal() / n));
    }
  }
  PanelFactorView<S> view() const {
    return {static_cast<int>(first.size()) - 1,
            B,
            first.data(),
            row_begin.data(),
            rows.data(),
            begin.data(),
            values.data()};
  }
};

/// One call for the whole factor is the loop over its panels, to the bit.
template <class S>
void expect_factor_is_the_loop() {
  using V = PanelVector<S>;
  for (const int B : {6, 3, 2})
    for (const int num_panels : {0, 1, 2, 9}) {
      const PanelFactor<S> L(B, num_panels);
      const auto start = random_vector<V>(L.n * B, 5);
      std::vector<V> below(start.size());
      on_every_set([&] {
        auto x = start, y = start;
        const auto visit = [&](int s, bool forward) {
          const std::int32_t* rows = L.rows.data() + L.row_begin[s];
          const int count = static_cast<int>(L.row_begin[s + 1] - L.row_begin[s]);
          const int w = (L.first[s + 1] - L.first[s]) * B, m = w + count * B;
          for (int i = 0; i < count * B; ++i) below[i] = y[rows[i / B] * B + i % B];
          V* top = y.data() + L.first[s] * B;
          const S* panel = L.values.data() + L.begin[s];
          if (forward) {
            panel_forward<S>(panel, m, w, m, top, below.data());
            for (int i = 0; i < count * B; ++i) y[rows[i / B] * B + i % B] = below[i];
          } else {
            panel_backward<S>(panel, m, w, m, top, below.data());
          }
        };
        for (int s = 0; s < num_panels; ++s) visit(s, true);
        factor_forward<S>(L.view(), x, below);
        ASSERT_EQ(x, y);
        for (int s = num_panels - 1; s >= 0; --s) visit(s, false);
        factor_backward<S>(L.view(), x, below);
        ASSERT_EQ(x, y);
      });
    }
}
TEST(PanelFactor, IsTheLoopOverItsPanels) {
  expect_factor_is_the_loop<half>();
  expect_factor_is_the_loop<bfloat16>();
  expect_factor_is_the_loop<float>();
  expect_factor_is_the_loop<double>();
}

TEST(PanelFactorDeathTest, SizesMustAgree) {
  const PanelFactor<half> L(6, 9);
  std::vector<float> x(static_cast<std::size_t>(L.n) * 6), below(x.size());
  EXPECT_DEATH(factor_forward<half>(L.view(), std::span(x).first(6), below), "n \\* B");
  EXPECT_DEATH(factor_backward<half>(L.view(), x, std::span(below).first(0)), "too short");
}

}  // namespace
}  // namespace pipit
