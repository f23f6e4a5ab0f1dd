// A factor kept alive: its shifts, its storage and what it counts.
#include "sparse/preconditioner.h"

#include <gtest/gtest.h>

#include <cmath>

#include "factor/test_systems.h"

namespace pipit {
namespace {

using Eigen::MatrixXd;
using testing::System;

std::shared_ptr<const PanelLayout> complete_layout_of(const System& s) {
  return std::make_shared<const PanelLayout>(complete_layout(*s.pattern, order(*s.pattern, OrderingKind::Amd), s.B));
}

// Counting takes another way through the same rounding.
TEST(Preconditioner, CountingRoundsAsWithoutAndSeesWhatIsLost) {
  const System s = testing::make_damped_system(50, 6, testing::random_loops(50, 30, 2), 7);
  Preconditioner counting, silent;
  const auto layout = complete_layout_of(s);
  Workers workers(1);
  const BlockScaling scaling = make_scaling(s.H32, {}, ScalingKind::Block);
  counting.analyse(*s.pattern, layout, true, 6), silent.analyse(*s.pattern, layout, true, 6);
  ASSERT_TRUE(counting.build(DampedMatrix<float>{&s.H32, {}}, scaling, false, {.count_range = true}, workers));
  ASSERT_TRUE(silent.build(DampedMatrix<float>{&s.H32, {}}, scaling, false, {.count_range = false}, workers));
  EXPECT_EQ(counting.range().overflow, 0u);
  std::vector<float> r(s.gradient.begin(), s.gradient.end()), a(r.size()), b(r.size());
  counting.apply(std::span<const float>(r), std::span<float>(a)),
      silent.apply(std::span<const float>(r), std::span<float>(b));
  EXPECT_EQ(a, b);
  // Unscaled and enlarged beyond 65504^2, L leaves the range of half: that is what the counter is for.
  System big = s;
  for (float& v : big.H32.values()) v *= 1e12F;
  ASSERT_TRUE(
      counting.build(DampedMatrix<float>{&big.H32, {}}, BlockScaling{6, {}}, false, {.count_range = true}, workers));
  EXPECT_GT(counting.range().overflow, 0u);
}

TEST(Preconditioner, ShiftsAreRaisedUntilTheyHelp) {
  System s = testing::make_damped_system(49, 3, testing::grid(7), 7);
  // Norm 1, smallest eigenvalue -0.01: the first shift that helps from 1e-6 in steps of ten is 0.1 (or 0.01, by
  // rounding).
  const double norm = testing::dense(s.H64).norm();
  for (double& v : s.H64.values()) v /= norm;
  const double smallest = Eigen::SelfAdjointEigenSolver<MatrixXd>(testing::dense(s.H64)).eigenvalues()(0);
  for (int j = 0; j < s.n; ++j)
    for (int r = 0; r < 3; ++r) s.H64.block(s.pattern->col_begin[j])[r * 3 + r] -= smallest + 0.01;
  Preconditioner factor;
  factor.analyse(*s.pattern, complete_layout_of(s), true, 3);
  Workers workers(1);
  const BlockScaling none{3, {}};
  const DampedMatrix<double> A{&s.H64, {}};
  EXPECT_FALSE(factor.build(A, none, false, {.compute = Format::Double, .shift = 0, .retry = false}, workers));
  EXPECT_FALSE(factor.ready());
  EXPECT_TRUE(factor.build(A, none, false, {.compute = Format::Double, .shift = 1e-6}, workers));
  EXPECT_NEAR(std::log10(factor.shift()), -1.5, 0.51);
}

}  // namespace
}  // namespace pipit
