#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "bits/gram_ref.h"
#include "bits/test_every_set.h"

namespace pipit {
namespace {

constexpr std::size_t kRoom = 8;  // that may be read behind the last block

/// Terms of random blocks: residuals for some, repeated blocks (a = c) for some.
template <class J>
struct Case {
  int B;
  std::vector<std::vector<J>> blocks;
  std::vector<std::vector<double>> residuals;
  std::vector<GramTerm<J>> terms;

  Case(int R, int B_, int num_terms, std::uint64_t seed) : B(B_) {
    Random random(seed);
    for (int k = 0; k < 2 * num_terms; ++k) {
      auto& block = blocks.emplace_back(static_cast<std::size_t>(R) * B + kRoom, static_cast<J>(NAN));
      for (int i = 0; i < R * B; ++i) block[static_cast<std::size_t>(i)] = static_cast<J>(random.normal());
      auto& r = residuals.emplace_back(static_cast<std::size_t>(R));
      for (double& v : r) v = random.normal();
    }
    for (std::size_t k = 0; 2 * k < blocks.size(); ++k) {
      const std::size_t a = 2 * k;
      terms.push_back(
          {blocks[a].data(), blocks[k % 3 == 0 ? a : a + 1].data(), k % 2 == 0 ? residuals[a].data() : nullptr, R});
    }
  }
};

/// sum |A|^T |C| and sum |A|^T |r|.
template <class J>
Case<J> magnitudes(const Case<J>& given) {
  Case<J> out = given;
  for (auto& block : out.blocks)
    for (J& v : block) v = std::fabs(v);
  for (auto& r : out.residuals)
    for (double& v : r) v = std::fabs(v);
  for (std::size_t k = 0; k < out.terms.size(); ++k) {
    const bool same = given.terms[k].a == given.terms[k].c;
    out.terms[k].a = out.blocks[2 * k].data();
    out.terms[k].c = same ? out.terms[k].a : out.blocks[2 * k + 1].data();
    if (given.terms[k].r != nullptr) out.terms[k].r = out.residuals[2 * k].data();
  }
  return out;
}

template <class J, class H>
void check(int R, int B, int num_terms, BlockOrder order) {
  const Case<J> one(R, B, num_terms, static_cast<std::uint64_t>(R * 100 + B * 10 + num_terms));
  const Case<J> large = magnitudes(one);
  const auto area = static_cast<std::size_t>(B) * B;
  std::vector<H> fast(area, H(7));
  std::vector<double> exact(area), bound(area), g(static_cast<std::size_t>(B), 7), g_exact(g), g_bound(g);
  gram<J, H>(B, order, one.terms, fast.data(), g.data());
  gram_ref<J, double>(B, order, one.terms, exact.data(), g_exact.data());
  gram_ref<J, double>(B, order, large.terms, bound.data(), g_bound.data());
  // gamma_n of H for the fast sum, and of fp64 for the reference itself; one more for the rounding of a J wider than H.
  const double n = num_terms * R + 1.0, eps = std::numeric_limits<H>::epsilon();
  for (std::size_t i = 0; i < area; ++i)
    EXPECT_LE(std::fabs(fast[i] - exact[i]), (n + 1) * eps * bound[i] * 1.01)
        << "element " << i << " R " << R << " B " << B;
  for (std::size_t i = 0; i < g.size(); ++i) EXPECT_LE(std::fabs(g[i] - g_exact[i]), n * 2.3e-16 * g_bound[i] * 1.01);
}

TEST(Gram, IsTheSumOfItsTermsOnEverySet) {
  on_every_set([] {
    for (const BlockOrder order : {BlockOrder::Rows, BlockOrder::Columns})
      for (const auto& [R, B] :
           std::vector<std::pair<int, int>>{{6, 6}, {3, 3}, {2, 3}, {3, 6}, {6, 3}, {1, 1}, {5, 4}})
        for (const int num_terms : {0, 1, 2, 7}) {
          check<float, float>(R, B, num_terms, order);
          check<float, double>(R, B, num_terms, order);
          check<double, float>(R, B, num_terms, order);
          check<double, double>(R, B, num_terms, order);
        }
  });
}

TEST(Gram, AColumnIsItsBlocksOneByOne) {
  on_every_set([] {
    const Case<float> all(6, 6, 9, 4);
    const std::vector<std::int64_t> begin{0, 4, 4, 9};
    std::vector<double> column(3 * 36, 7), g(6), block(36), g_block(6);
    gram_column<float, double>(6, BlockOrder::Rows, begin, all.terms.data(), column.data(), g.data());
    for (std::size_t k = 0; k < 3; ++k) {
      gram<float, double>(6,
                          BlockOrder::Rows,
                          {all.terms.data() + begin[k], all.terms.data() + begin[k + 1]},
                          block.data(),
                          g_block.data());
      EXPECT_EQ(std::vector<double>(column.begin() + static_cast<std::ptrdiff_t>(36 * k),
                                    column.begin() + static_cast<std::ptrdiff_t>(36 * (k + 1))),
                block);
      if (k == 0) {
        EXPECT_EQ(g, g_block);
      }
    }
  });
}

}  // namespace
}  // namespace pipit
