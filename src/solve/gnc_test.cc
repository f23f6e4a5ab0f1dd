#include "solve/gnc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "solve/linearise.h"
#include "solve/testing.h"

namespace pipit {
namespace {

using testing::farthest;
using testing::Poses;

// A third of the closures are wrong: GNC rejects just these and finds the truth; least squares does not.
TEST(Gnc, RejectsWrongClosuresAndKeepsRightOnes) {
  const int n = 60;
  const auto build = [&](Problem& problem, Poses& truth) {
    Random random(31);
    for (int i = 0; i < n; ++i) {
      truth.push_back(i == 0 ? SE3<double>{} : truth.back() * testing::random_pose(random, 1, 0.3));
      problem.add(i == 0 ? truth[0] : truth.back().retract(testing::random_pose(random, 0.02, 0.02).log()));
    }
    problem.fix(Var<SE3<double>>{0});
    auto& odometry = problem.new_batch<testing::RelativePose>();
    auto& closures = problem.new_batch<testing::RelativePose>();
    const auto at = [&](int i) { return truth[static_cast<std::size_t>(i)]; };
    for (int i = 0; i + 1 < n; ++i)
      odometry.add({at(i).inverse() * at(i + 1), 20}, Var<SE3<double>>{i}, Var<SE3<double>>{i + 1});
    for (int k = 0; k < 30; ++k) {
      const int i = static_cast<int>(random.below(n / 2)), j = n / 2 + static_cast<int>(random.below(n / 2));
      SE3<double> z = at(i).inverse() * at(j);
      if (k % 3 == 0) z = z * testing::random_pose(random, 5, 1);
      closures.add({z, 20}, Var<SE3<double>>{i}, Var<SE3<double>>{j});
    }
  };
  Problem plain, robust;
  Poses truth, same;
  build(plain, truth);
  build(robust, same);
  minimise(plain, {.precision = double_precision()});
  const std::size_t doubted[] = {1};
  const GncSummary s = minimise_gnc(robust, doubted, {.precision = double_precision()}, {.scale = 4.7});
  EXPECT_EQ(s.rejected, 10);
  EXPECT_EQ(s.inliers, 20);
  for (int k = 0; k < 30; ++k)
    EXPECT_EQ(robust.batches()[1]->weights[static_cast<std::size_t>(k)] > 0.5, k % 3 != 0) << k;
  // Those left are exact: eps of a path of 60 m, measured over seeds 20 to 40 as 3.5e-14 m at most. Least squares is 5
  // m off or more.
  EXPECT_LT(farthest(robust.values<SE3<double>>(), truth), 2e-13);
  EXPECT_GT(farthest(plain.values<SE3<double>>(), truth), 1);
}

constexpr int kClosures = 30;
constexpr std::size_t kDoubted[] = {1};

// A walk of 60 points and closures across it, each a batch of its own, with noise of the size that the weights say.
// Every third closure is wrong by metres.
void add_walk(Problem& problem, std::uint64_t seed) {
  constexpr int kPoints = 60;
  constexpr double kSigma_m = 0.05;
  Random random(seed);
  const auto draw = [&](double sigma) { return Eigen::Vector2d(sigma * random.normal(), sigma * random.normal()); };
  std::vector<Eigen::Vector2d> truth{{0, 0}}, start = truth;
  auto& odometry = problem.new_batch<testing::Offset>();
  auto& closures = problem.new_batch<testing::Offset>();
  problem.fix(problem.add(Point2<double>{}));
  for (int i = 1; i < kPoints; ++i) {
    const Eigen::Vector2d stride = draw(1), seen = stride + draw(kSigma_m);
    truth.emplace_back(truth.back() + stride);
    start.emplace_back(start.back() + seen);
    odometry.add({seen, 1 / kSigma_m}, Var<Point2<double>>{i - 1}, problem.add(Point2<double>{start.back()}));
  }
  for (int k = 0; k < kClosures; ++k) {
    const auto i = random.below(kPoints / 2), j = kPoints / 2 + random.below(kPoints / 2);
    closures.add({truth[j] - truth[i] + draw(k % 3 == 0 ? 3 : kSigma_m), 1 / kSigma_m},
                 Var<Point2<double>>{static_cast<std::int32_t>(i)},
                 Var<Point2<double>>{static_cast<std::int32_t>(j)});
  }
}

// What is handed out is one answer: weights of 0 and 1 by the residuals at the values, the cost of what is kept, at its
// optimum. The scale rejects good closures too: exp(-c^2 / 2) = 0.3 of them.
TEST(Gnc, WeightsValuesAndCostBelongTogether) {
  const double scale = 1.5;
  std::int64_t good_rejected = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Problem problem;
    add_walk(problem, seed);
    const MinimiseOptions options{.precision = double_precision()};
    const GncSummary s = minimise_gnc(problem, kDoubted, options, {.scale = scale});
    EXPECT_EQ(s.last.stop, Stop::Converged);
    Minimiser at_end(problem, options);
    EXPECT_EQ(at_end.cost(), s.last.cost_final) << seed;
    const auto squares = at_end.squared_residuals(1);
    std::int64_t rejected = 0;
    for (std::size_t k = 0; k < kClosures; ++k) {
      EXPECT_EQ(problem.batches()[1]->weights[k], squares[k] <= scale * scale ? 1 : 0) << seed << ": " << squares[k];
      rejected += squares[k] > scale * scale;
    }
    EXPECT_EQ(s.rejected, rejected);
    EXPECT_EQ(s.inliers, kClosures - rejected);
    good_rejected += rejected - kClosures / 3;
    const Summary again = minimise(problem, options);
    EXPECT_LE(s.last.cost_final - again.cost_final, options.tolerance * s.last.cost_final) << seed;
  }
  EXPECT_GT(good_rejected, 12) << "nothing near the bound: other seeds, please";
}

TEST(Gnc, EarlierWeightsMakeNoDifference) {
  std::vector<Point2<double>> answers[2];
  for (const double weight : {1.0, 0.0}) {
    Problem problem;
    add_walk(problem, 3);
    problem.batches()[1]->weights.assign(kClosures, weight);
    minimise_gnc(problem, kDoubted, {.precision = double_precision()}, {.scale = 4.7});
    answers[weight > 0] = problem.values<Point2<double>>();
  }
  for (std::size_t i = 0; i < answers[0].size(); ++i) EXPECT_EQ(answers[0][i].v, answers[1][i].v);
}

TEST(Gnc, TheSummaryIsThatOfAllRuns) {
  Problem problem;
  add_walk(problem, 5);
  std::vector<Iteration> seen;
  const GncSummary s = minimise_gnc(problem,
                                    kDoubted,
                                    {.precision = double_precision(), .solver = SolverKind::Iccg},
                                    {.scale = 4.7},
                                    [&](const auto& it) {
                                      seen.push_back(it);
                                      return true;
                                    });
  ASSERT_EQ(seen.size(), s.last.trace.size());
  EXPECT_EQ(s.last.iterations, static_cast<int>(seen.size()));
  EXPECT_GT(s.last.iterations, s.rounds) << "a step a round, and a run to the end";
  std::int64_t inner = 0;
  for (std::size_t k = 0; k < seen.size(); ++k) {
    EXPECT_EQ(seen[k].number, static_cast<int>(k + 1));
    EXPECT_GE(seen[k].seconds, k == 0 ? 0 : seen[k - 1].seconds);
    inner += seen[k].inner_iterations;
  }
  EXPECT_EQ(s.last.linear.inner_iterations, inner);
  EXPECT_GT(s.last.linear.factorisations, 1);
  const auto& t = s.last.seconds;
  EXPECT_LE(t.linearize + t.factor + t.solve + t.update, t.total);
  // All that is left of the start: the cost when nobody was doubted yet.
  Problem start;
  add_walk(start, 5);
  EXPECT_DOUBLE_EQ(s.last.cost_initial, Minimiser(start, {.precision = double_precision()}).cost());
}

TEST(Gnc, WhoIsNotDoubtfulIsNotDoubted) {
  Problem problem;
  add_walk(problem, 5);
  auto& wrong = *problem.batches()[1];
  const double largest = 1e4;  // errors of metres make residuals of hundreds
  const GncSummary s = minimise_gnc(problem, kDoubted, {.precision = double_precision()}, {.scale = largest});
  EXPECT_EQ(s.rounds, 0);
  EXPECT_EQ(s.rejected, 0);
  EXPECT_EQ(std::count(wrong.weights.begin(), wrong.weights.end(), 1.0), kClosures);
}

TEST(Gnc, CancellationEndsAllSweeps) {
  Problem problem;
  add_walk(problem, 5);
  int seen = 0;
  const GncSummary s =
      minimise_gnc(problem, kDoubted, {}, {.scale = 4.7}, [&](const Iteration&) { return ++seen < 3; });
  EXPECT_EQ(s.last.stop, Stop::Cancelled);
  EXPECT_EQ(s.last.iterations, 3);
  EXPECT_EQ(seen, 3);
}

TEST(Gnc, NoTimeAtAllIsATimeLimit) {
  Problem problem;
  add_walk(problem, 5);
  const GncSummary s = minimise_gnc(problem, kDoubted, {.time_limit_s = 1e-9}, {.scale = 4.7});
  EXPECT_EQ(s.last.stop, Stop::TimeLimit);
  EXPECT_GT(s.last.cost_final, 0);
}

// A factor of weight 0 is as good as none: not in the pattern, not in H, not in g; its residual is still known.
TEST(Gnc, AFactorOfWeightZeroLeavesTheStructure) {
  Problem problem;
  for (int i = 0; i < 4; ++i) problem.add(SE2<double>{{1.0 * i, 0.1 * i}, 0.2 * i});
  problem.fix(Var<SE2<double>>{0});
  auto& batch = problem.new_batch<testing::RangeFactor>();
  std::vector<Var<Point2<double>>> beacons;
  for (int b = 0; b < 3; ++b) beacons.push_back(problem.add(Point2<double>{{2.0 * b, 3}}));
  for (int i = 0; i < 4; ++i)
    for (int b = 0; b < 3; ++b) batch.add({2.5, 0.1}, Var<SE2<double>>{i}, beacons[static_cast<std::size_t>(b)]);
  Workers workers(1);
  const auto linearise = [&] {
    auto lin = std::make_unique<Linearisation>(problem, double_precision(), workers);
    lin->prepare({.H = true, .J = false, .format = Format::Double});
    lin->linearise();
    return lin;
  };
  const auto all = linearise();
  batch.weights.assign(12, 1.0);
  batch.weights[7] = 0;
  const auto without = linearise();
  EXPECT_EQ(without->pattern().num_blocks(), all->pattern().num_blocks() - 1);
  EXPECT_EQ(without->squared_residuals(0), all->squared_residuals(0));
  batch.weights[7] = 1;
  const double cost = all->cost();
  batch.weights[7] = 0;
  EXPECT_DOUBLE_EQ(without->cost(), cost - 0.5 * all->squared_residuals(0)[7]);
}

}  // namespace
}  // namespace pipit
