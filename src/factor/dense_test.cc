#include "factor/dense.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "bits/test_every_set.h"
#include "factor/aligned.h"
#include "factor/dense_ref.h"

namespace pipit {
namespace {

template <class T>
constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;

template <class T>
class Dense : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Dense, Scalars);

const std::vector<FrontShape> kShapes{{1, 1},
                                      {2, 1},
                                      {3, 3},
                                      {6, 6},
                                      {9, 3},
                                      {12, 6},
                                      {15, 9},
                                      {18, 15},
                                      {16, 16},
                                      {17, 5},
                                      {24, 12},
                                      {31, 7},
                                      {33, 18},
                                      {48, 24},
                                      {66, 30},
                                      {99, 45},
                                      {150, 66},
                                      {129, 11},
                                      {100, 100}};

// The first w columns of a random m x m positive definite matrix, rows >= m set to a mark that must not spread.
template <class T>
AlignedVector<T> random_panel(FrontShape shape, std::uint64_t seed) {
  Random random(seed);
  AlignedVector<T> panel(shape.panel_size(), T(0));
  for (int c = 0; c < shape.w; ++c)
    for (int r = c; r < shape.m; ++r)
      panel[static_cast<std::size_t>(c) * shape.ld() + r] =
          static_cast<T>(r == c ? 2 + random.uniform() : random.uniform(-1, 1) / std::sqrt(shape.m));
  return panel;
}

TYPED_TEST(Dense, PanelTimesItsTransposeIsThePanel) {
  using T = TypeParam;
  on_every_set([] {
    for (const FrontShape shape : kShapes) {
      const AlignedVector<T> given = random_panel<T>(shape, shape.m);
      AlignedVector<T> panel = given;
      ASSERT_EQ(factor_panel(panel.data(), shape), -1);
      const auto at = [&](int r, int c) {
        const double x = panel[static_cast<std::size_t>(c) * shape.ld() + r];
        return r == c ? 1 / x : x;
      };
      for (int c = 0; c < shape.w; ++c)
        for (int r = c; r < shape.m; ++r) {
          double sum = 0, size = 0;
          for (int k = 0; k <= c; ++k) sum += at(r, k) * at(c, k), size += std::fabs(at(r, k) * at(c, k));
          // Higham 2002, theorem 10.3: gamma_{c+1} |L| |L|^T; two more units for the reciprocal that is kept and used.
          const double bound = (c + 5) * kUnit<T> * size;
          ASSERT_NEAR(sum, given[static_cast<std::size_t>(c) * shape.ld() + r], bound)
              << shape.m << "x" << shape.w << " at " << r << "," << c;
        }
    }
  });
}

TYPED_TEST(Dense, BadPivotIsNamed) {
  using T = TypeParam;
  on_every_set([] {
    const FrontShape shape{40, 20};
    for (const int bad : {0, 1, 5, 6, 11, 17, 19})
      for (const T value : {T(0), T(-1), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        AlignedVector<T> panel = random_panel<T>(shape, 1);
        panel[static_cast<std::size_t>(bad) * shape.ld() + bad] = value;
        EXPECT_EQ(factor_panel(panel.data(), shape), bad) << value;
        panel = random_panel<T>(shape, 1);
        panel[static_cast<std::size_t>(bad) * shape.ld() + bad] = value;
        EXPECT_EQ(reference::factor_panel(panel.data(), shape), bad) << value;
      }
  });
}

TYPED_TEST(Dense, UpdateEqualsReference) {
  using T = TypeParam;
  on_every_set([] {
    for (const FrontShape shape : kShapes) {
      Random random(7);
      AlignedVector<T> panel(shape.panel_size()), fast(shape.update_size()), pieces(shape.update_size()),
          slow(shape.update_size());
      for (T& x : panel) x = static_cast<T>(random.normal());
      const int n = shape.m - shape.w;
      form_update(panel.data(), shape, fast.data());
      reference::form_update(panel.data(), shape, slow.data());
      for (int begin = 0; begin < n; begin += 12)
        form_update(panel.data(), shape, pieces.data(), begin, std::min(n, begin + 12));
      for (int c = 0; c < n; ++c)
        for (int r = c / 6 * 6; r < n; ++r) {
          double size = 0;
          for (int k = 0; k < shape.w; ++k)
            size += std::fabs(static_cast<double>(panel[static_cast<std::size_t>(k) * shape.ld() + shape.w + r]) *
                              panel[static_cast<std::size_t>(k) * shape.ld() + shape.w + c]);
          const std::size_t at = static_cast<std::size_t>(c) * shape.update_ld() + shape.pad() + r;
          // gamma_w on either side (Higham 2002, sec. 3.5)
          ASSERT_NEAR(fast[at], slow[at], 2 * (shape.w + 1) * kUnit<T> * size)
              << shape.m << "x" << shape.w << " " << r << "," << c;
          ASSERT_EQ(fast[at], pieces[at]);
        }
    }
  });
}

TYPED_TEST(Dense, ChildrenAreAddedWhereTheyBelong) {
  using T = TypeParam;
  on_every_set([] {
    Random random(11);
    for (const int B : {1, 2, 3, 6})
      for (int trial = 0; trial < 20; ++trial) {
        const int parent_blocks = 1 + static_cast<int>(random.below(20)),
                  parent_w = 1 + static_cast<int>(random.below(parent_blocks));
        std::vector<std::int32_t> relative;
        for (int k = 0; k < parent_blocks; ++k)
          if (random.uniform() < 0.6) relative.push_back(k);
        const int own = 1 + static_cast<int>(random.below(5));
        const FrontShape parent{parent_blocks * B, parent_w * B},
            shape{(own + static_cast<int>(relative.size())) * B, own * B};
        AlignedVector<T> update(shape.update_size()), panel(parent.panel_size()), below(parent.update_size());
        for (auto* v : {&update, &panel, &below})
          for (T& x : *v) x = static_cast<T>(random.normal());
        AlignedVector<T> panel_ref = panel, below_ref = below;
        const ChildUpdate<T> child{update.data(), shape, relative.data()};
        add_to_panel(child, B, panel.data(), parent);
        add_to_update(child, B, below.data(), parent);
        reference::add_to_panel(child, B, panel_ref.data(), parent);
        reference::add_to_update(child, B, below_ref.data(), parent);
        ASSERT_EQ(panel, panel_ref);  // one addition an element: the same bits, and nothing else touched
        ASSERT_EQ(below, below_ref);
      }
  });
}

TYPED_TEST(Dense, BlocksAreScaledFromBothSides) {
  using T = TypeParam;
  on_every_set([] {
    Random random(13);
    for (const int B : {1, 2, 3, 4, 6, 7})
      for (const bool transposed : {false, true}) {
        const int ld = B + 5;
        std::vector<double> A(B * B);
        AlignedVector<T> s(B * B, T(0)), t(B * B, T(0)), fast(ld * B + 16, T(9)), slow = fast;
        for (double& x : A) x = random.normal();
        for (int c = 0; c < B; ++c)
          for (int r = c; r < B; ++r)
            s[c * B + r] = static_cast<T>(random.normal()), t[c * B + r] = static_cast<T>(random.normal());
        scaled_block(A.data(), transposed, s.data(), t.data(), B, fast.data(), ld);
        reference::scaled_block(A.data(), transposed, s.data(), t.data(), B, slow.data(), ld);
        for (int c = 0; c < B; ++c)
          for (int r = 0; r < ld; ++r) {
            double size = 0, exact = 0;
            if (r < B)
              for (int i = 0; i <= r; ++i)
                for (int j = 0; j <= c; ++j) {
                  const double term = s[i * B + r] * (transposed ? A[i * B + j] : A[j * B + i]) * t[j * B + c];
                  exact += term, size += std::fabs(term);
                }
            if (r < B) {
              ASSERT_NEAR(fast[c * ld + r], exact, (2 * B + 3) * kUnit<T> * size) << B << transposed;
            }
            if (r >= B) {
              ASSERT_EQ(fast[c * ld + r], T(9)) << "wrote outside the block";
            }
            if (r < B) {
              ASSERT_NEAR(slow[c * ld + r], exact, (2 * B + 3) * kUnit<T> * size);
            }
          }
        scaled_block<double, T>(A.data(), transposed, nullptr, nullptr, B, fast.data(), ld);
        for (int c = 0; c < B; ++c)
          for (int r = 0; r < B; ++r)
            ASSERT_EQ(fast[c * ld + r], static_cast<T>(transposed ? A[r * B + c] : A[c * B + r]));
      }
  });
}

TYPED_TEST(Dense, ProductIsTakenOff) {
  using T = TypeParam;
  on_every_set([] {
    Random random(17);
    for (const int B : {1, 2, 3, 5, 6, 8}) {
      AlignedVector<T> a(B * B), b(B * B), fast(B * B + 4), slow;
      for (auto* v : {&a, &b, &fast})
        for (T& x : *v) x = static_cast<T>(random.normal());
      slow = fast;
      subtract_product(a.data(), b.data(), B, fast.data());
      reference::subtract_product(a.data(), b.data(), B, slow.data());
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < B; ++r) {
          double size = std::fabs(static_cast<double>(slow[c * B + r]));
          for (int k = 0; k < B; ++k) size += std::fabs(static_cast<double>(a[k * B + r]) * b[k * B + c]);
          ASSERT_NEAR(fast[c * B + r], slow[c * B + r], 2 * (B + 2) * kUnit<T> * size);
        }
      for (int k = B * B; k < B * B + 4; ++k) ASSERT_EQ(fast[k], slow[k]) << "wrote outside the block";
    }
  });
}

}  // namespace
}  // namespace pipit
