// Graphs that grow by calls, and are kept at their optimum: warm answers are cold answers.
#include "graph/incremental.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "poses/test_graphs.h"

namespace pipit {
namespace {

using ::testing::HasSubstr;
using testing::simulated;
using testing::step_to;
using Pose2 = SE2<double>;
using Pose3 = SE3<double>;

// Cold: all poses forgotten.
template <class Pose>
OptimiseSummary cold(PoseGraph<Pose> graph, const OptimiseOptions& options) {
  graph.has_vertices = false;
  return optimise(graph, options).value();
}

OptimiseOptions tight(const char* precision) {
  OptimiseOptions options;
  options.minimise.precision = *precision_preset(precision);
  options.minimise.tolerance = 1e-9;
  return options;
}
// fp64: both solves stop at a relative decrease of 1e-9; a Gauss-Newton series that shrinks what is left by a tenth or
// more each time then has less than that to go, and a factor of 100 is left for slower ends.
// Mixed: residuals in fp32 are off by eps d / sigma = 6e-8 * 1 m / 5 mm = 1e-5 of a standard deviation.
double same_cost(const OptimiseOptions& options, double cost) {
  const double relative = options.minimise.precision.residual == Format::Double ? 1e-7 : 1e-5;
  return relative * std::max(cost, 1.0);  // below 1, one standard deviation of one residual, nothing contradicts
}

// A robot drives `whole` and optimises now and then; at the end, and a few times before, a cold solve must agree.
template <class Pose>
void expect_warm_is_cold(const PoseGraph<Pose>& whole, const OptimiseOptions& options, std::uint64_t seed) {
  Random random(seed);
  PoseGraph<Pose> graph;
  IncrementalOptimiser<Pose> optimiser(graph, options);
  graph.add(whole.poses[0]);
  std::vector<Edge<Pose>> waiting;  // loops that were seen, but are not in the graph yet
  for (std::int32_t i = 1; i < whole.num_poses(); ++i) {
    const auto* step = step_to(whole, i);
    graph.add_step(i - 1, step->T_from_to, step->information);
    for (const auto& edge : whole.edges)
      if (!is_odometry(edge) && std::max(edge.from, edge.to) == i) waiting.push_back(edge);
    const bool end = i + 1 == whole.num_poses();
    if (!end && random.below(12) != 0) continue;
    while (!waiting.empty() && (end || random.below(4) != 0)) {
      std::swap(waiting[random.below(waiting.size())], waiting.back());
      graph.add(waiting.back());
      waiting.pop_back();
    }
    const auto warm = optimiser.optimise();
    ASSERT_TRUE(warm);
    if (!end && random.below(6) != 0) continue;
    const OptimiseSummary anew = cold(graph, options);
    EXPECT_NEAR(warm->objective_final, anew.objective_final, same_cost(options, anew.objective_final))
        << i << " poses, seed " << seed << ", " << warm->minimise.linear.chosen;
    EXPECT_EQ(warm->rejected_edges.size(), anew.rejected_edges.size());
  }
}

TEST(Incremental, WarmAnswersAreColdAnswers) {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const char* precision : {"mixed", "double"}) {
      expect_warm_is_cold(simulated<Pose2>(GraphKind::Home, 300, 1, seed).graph, tight(precision), seed);
      expect_warm_is_cold(simulated<Pose2>(GraphKind::City, 300, 1, seed).graph, tight(precision), seed);
      expect_warm_is_cold(simulated<Pose3>(GraphKind::Grid, 216, 1, seed).graph, tight(precision), seed);
      expect_warm_is_cold(simulated<Pose3>(GraphKind::Sphere, 200, 1, seed).graph, tight(precision), seed);
    }
}

TEST(Incremental, RobustLossesTakePart) {
  PoseGraph2 whole = simulated<Pose2>(GraphKind::Home, 300, 1, 4).graph;
  add_wrong_closures(whole, 3, 5);
  OptimiseOptions options = tight("mixed");
  options.robust.kind = RobustLoss::Kind::Huber;  // convex in the residual: warm and cold end at one optimum
  expect_warm_is_cold(whole, options, 4);
}

TEST(Incremental, LandmarksMoveTheColumnsOfNothingElse) {
  // Block columns of landmarks come after those of poses: every new pose moves them.
  const PoseGraph2 whole = simulated<Pose2>(GraphKind::Home, 160, 1, 6).graph;
  PoseGraph2 graph;
  IncrementalOptimiser<Pose2> optimiser(graph, tight("mixed"));
  graph.add(whole.poses[0]);
  for (std::int32_t i = 1; i < whole.num_poses(); ++i) {
    const auto* step = step_to(whole, i);
    graph.add_step(i - 1, step->T_from_to, step->information);
    if (i % 40 == 1) {
      graph.landmark_ids.push_back(1000 + i);
      graph.ids.back() = i;
      graph.landmarks.push_back(graph.poses.back().act(Eigen::Vector2d(1, 2)));
    }
    const auto last = static_cast<std::int32_t>(graph.landmarks.size() - 1);
    const Eigen::Vector2d seen = whole.poses[static_cast<std::size_t>(i)].inverse().act(
        whole.poses[static_cast<std::size_t>(i - (i - 1) % 40)].act(Eigen::Vector2d(1, 2)));
    graph.landmark_edges.push_back({i,
                                    last,
                                    seen + Eigen::Vector2d(0.02 * std::sin(i), 0.02 * std::cos(3 * i)),
                                    400 * Eigen::Matrix2d::Identity()});
    if (i % 9 != 0) continue;
    const auto warm = optimiser.optimise();
    ASSERT_TRUE(warm);
    PoseGraph2 other = graph;
    other.poses = whole.poses;
    other.poses.resize(graph.poses.size());
    OptimiseOptions from_file = tight("double");
    from_file.init = Init::File;
    const auto anew = optimise(other, from_file);
    EXPECT_NEAR(warm->chi2_final, anew->chi2_final, same_cost(tight("mixed"), anew->chi2_final)) << i;
  }
  // A step with a free end, its pose put beside where it belongs: the kept factor is exact for it (Border,
  // sparse/border.h), if it finds its columns again. One iteration solves, one confirms, one is for the
  // factor's being a step older.
  OptimiseOptions all_double = tight("double");
  all_double.init = Init::File;
  IncrementalOptimiser<Pose2> exact(graph, all_double);
  const std::int64_t factorisations = exact.optimise()->minimise.linear.factorisations;
  graph.add_step(159, Pose2{{0.2, 0}, 0.1});
  graph.poses.back().t += Eigen::Vector2d(0.3, -0.2);
  const auto after = exact.optimise();
  EXPECT_LE(after->minimise.trace[0].inner_iterations, 3);
  EXPECT_EQ(after->minimise.linear.factorisations, factorisations);
}

TEST(Incremental, AFactorServesManyLoops) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    // A sphere has no chains. (What chains leave of a home is planned anew: that costs less than a kept factor saves.)
    const PoseGraph3 whole = simulated<Pose3>(GraphKind::Sphere, 600, 1, seed).graph;
    PoseGraph3 graph = whole;
    constexpr std::size_t kLoops = 40;
    graph.edges.resize(whole.edges.size() - kLoops);
    IncrementalOptimiser<Pose3> optimiser(graph, {});
    const std::int64_t first = optimiser.optimise()->minimise.linear.factorisations;
    std::int64_t last = 0;
    for (std::size_t e = graph.edges.size(); e < whole.edges.size(); ++e) {
      graph.add(whole.edges[e]);
      last = optimiser.optimise()->minimise.linear.factorisations;
    }
    EXPECT_LE(last - first, kLoops / 2) << "seed " << seed;  // solved anew each, it would be one or two for each loop
  }
}

TEST(Incremental, BitsDoNotDependOnThreads) {
  const PoseGraph3 whole = simulated<Pose3>(GraphKind::Sphere, 400, 1, 1).graph;
  std::vector<std::vector<Pose3>> poses;
  for (const int threads : {1, 3}) {
    PoseGraph3 graph = whole;
    graph.edges.resize(whole.edges.size() - 5);
    OptimiseOptions options;
    options.minimise.num_threads = threads;
    IncrementalOptimiser<Pose3> optimiser(graph, options);
    ASSERT_TRUE(optimiser.optimise());
    for (std::size_t e = whole.edges.size() - 5; e < whole.edges.size(); ++e) {
      graph.add(whole.edges[e]);
      ASSERT_TRUE(optimiser.optimise());
    }
    poses.push_back(graph.poses);
  }
  for (std::size_t i = 0; i < poses[0].size(); ++i) {
    EXPECT_EQ(poses[0][i].t, poses[1][i].t) << i;
    EXPECT_EQ(poses[0][i].q.coeffs(), poses[1][i].q.coeffs()) << i;
  }
}

TEST(Incremental, StartsFromThePosesInTheGraph) {
  PoseGraph2 graph = simulated<Pose2>(GraphKind::Home, 200, 1, 2).graph;
  IncrementalOptimiser<Pose2> optimiser(graph, tight("double"));
  const double best = optimiser.optimise()->chi2_final;
  graph.poses[20].t += Eigen::Vector2d(0.1, 0);
  const double moved = chi2(graph);
  const auto summary = optimiser.optimise();
  EXPECT_NEAR(summary->chi2_initial, moved, 1e-9 * moved);  // sums of some hundred terms in two orders
  EXPECT_NEAR(summary->chi2_final, best, same_cost(tight("double"), best));
}

TEST(Incremental, SaysWhatIsMissingAndGoesOn) {
  PoseGraph2 graph;
  IncrementalOptimiser<Pose2> optimiser(graph, {});
  EXPECT_THAT(optimiser.optimise().error().message, HasSubstr("no poses"));
  graph.add(Pose2{});
  ASSERT_TRUE(optimiser.optimise());
  graph.add_step(0, Pose2{{1, 0}, 0});
  ASSERT_TRUE(optimiser.optimise());
  graph.add(Pose2{{5, 5}, 1});
  EXPECT_THAT(optimiser.optimise().error().message, HasSubstr("not connected"));
  EXPECT_EQ(graph.poses[2].t, Eigen::Vector2d(5, 5));
  graph.add({1, 2, Pose2{{1, 0}, 0}});
  const auto summary = optimiser.optimise();
  ASSERT_TRUE(summary);
  EXPECT_LT(summary->chi2_final, 1e-12);  // nothing contradicts anything; poses of size 1 in fp64
  EXPECT_EQ(optimiser.optimise()->minimise.stop, Stop::Converged);  // with nothing new
}

TEST(IncrementalDeathTest, GraphsOnlyGrow) {
  PoseGraph2 graph = simulated<Pose2>(GraphKind::Home, 200, 1, 1).graph;
  ASSERT_FALSE(is_odometry(graph.edges.back()));
  OptimiseOptions gnc;
  gnc.gnc = true;
  EXPECT_DEATH(IncrementalOptimiser<Pose2>(graph, gnc), "gnc");
  IncrementalOptimiser<Pose2> optimiser(graph, {});
  ASSERT_TRUE(optimiser.optimise());
  EXPECT_DEATH((graph.edges.pop_back(), optimiser.optimise()), "taken away");
  EXPECT_DEATH((graph.fixed = {7}, graph.add_step(199, Pose2{}), optimiser.optimise()), "become fixed");
}

}  // namespace
}  // namespace pipit
