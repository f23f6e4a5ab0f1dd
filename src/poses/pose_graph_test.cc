// Pose graphs as data: chi2, connectivity, spanning trees, growth by calls.
#include "poses/pose_graph.h"

#include <gmock/gmock.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "poses/g2o_io.h"
#include "poses/spanning_tree.h"
#include "poses/test_graphs.h"

namespace pipit {
namespace {

using testing::chi2_of;
using testing::distance;
using ::testing::ElementsAre;
using testing::simulated;
using testing::step_to;
using Pose2 = SE2<double>;
using Pose3 = SE3<double>;

// Around the limits of 32-bit indices; no graph of that size is made.
TEST(Size, WhatIndicesCannotNameIsSaid) {
  constexpr std::int64_t most = (std::int64_t{1} << 31) - 1;
  EXPECT_EQ(beyond_indices(most / 3, 1, 3), "");
  EXPECT_EQ(beyond_indices(most / 3 + 1, 1, 3), "2147483649 unknowns, wanted at most 2147483647 (32-bit indices)");
  EXPECT_EQ(beyond_indices(most / 6, 1, 6), "");
  EXPECT_EQ(beyond_indices(most / 6 + 1, 1, 6), "2147483652 unknowns, wanted at most 2147483647 (32-bit indices)");
  EXPECT_EQ(beyond_indices(1001, (most - 1001) / 2, 3), "");
  EXPECT_EQ(beyond_indices(1001, (most - 1001) / 2 + 1, 3),
            "2147483649 neighbours of poses, wanted at most 2147483647 (32-bit indices)");
}

TEST(Chi2, IsTheSumOfSquaresWrittenByHand) {
  // Pose 1 stands 2 m ahead and 1 m left of pose 0, turned by 90 degrees; measured: 1.5 m ahead, turned by 80 degrees.
  PoseGraph2 graph;
  graph.ids = {0, 1};
  const double degree = M_PI / 180;
  graph.poses = {Pose2{{1, 1}, 90 * degree}, Pose2{{0, 3}, 180 * degree}};
  Edge<Pose2>& edge = graph.edges.emplace_back();
  edge.from = 0, edge.to = 1;
  edge.T_from_to = Pose2{{1.5, 0}, 80 * degree};
  edge.information << 1, 0.5, 0, 0.5, 2, 0, 0, 0, 3;
  // Difference (0.5, 1) seen from a frame turned by 80 degrees.
  const double c = std::cos(80 * degree), s = std::sin(80 * degree);
  const double x = c * 0.5 + s * 1, y = -s * 0.5 + c * 1, a = 10 * degree;
  EXPECT_NEAR(chi2(graph), x * x + x * y + 2 * y * y + 3 * a * a, 1e-14);  // ten terms of size 1, eps each
}

TEST(Chi2, TakesTheShorterTurnAndWrapsAngles) {
  // A turn of 350 degrees is one of -10: the error is sin(-5 degrees) about z, whatever the signs of the quaternions.
  const double degree = M_PI / 180;
  const Eigen::Quaterniond far(Eigen::AngleAxisd(350 * degree, Eigen::Vector3d::UnitZ()));
  for (const double sign : {1.0, -1.0}) {
    const Pose3 to{Eigen::Quaterniond(sign * far.coeffs()), Eigen::Vector3d::Zero()};
    EXPECT_NEAR(edge_error(Pose3(), to, Pose3())[5], std::sin(-5 * degree), 1e-15);
  }
  EXPECT_NEAR(edge_error(Pose2{{0, 0}, 3}, Pose2{{0, 0}, -3}, Pose2())[2], 2 * M_PI - 6, 1e-15);
}

template <class Pose>
void expect_gauge_freedom(GraphKind kind, const Pose& move) {
  const Simulated<Pose> sim = simulated<Pose>(kind, 600, 1);
  std::vector<Pose> moved;
  for (const Pose& pose : sim.graph.poses) moved.push_back(move * pose);
  // Each pose is off by eps * 200 m, each residual too; chi2 is dominated by residuals of metres: relative 1e-12 is
  // ample and fails for any term that looks at absolute places (they change by 100 m).
  const double before = chi2_of(sim.graph, sim.graph.poses);
  EXPECT_NEAR(chi2_of(sim.graph, moved), before, 1e-11 * before);
}

TEST(Chi2, DoesNotChangeWhenTheWorldMoves) {
  expect_gauge_freedom<Pose2>(GraphKind::Home, Pose2{{100, -50}, 2});
  expect_gauge_freedom<Pose3>(GraphKind::Sphere, Pose3{Eigen::Quaterniond(1, 2, 3, 4).normalized(), {100, -50, 20}});
}

TEST(Chi2, DoesNotDependOnTheNumberOfThreads) {
  const Simulated<Pose3> sim = simulated<Pose3>(GraphKind::Torus, 5000, 1);
  EXPECT_EQ(chi2_of(sim.graph, sim.graph.poses, 1), chi2_of(sim.graph, sim.graph.poses, 3));
}

TEST(Connectivity, NumbersThePartsInOrder) {
  const auto any = parse_pose_graph(
      "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 0 0 0\nVERTEX_SE2 2 0 0 0\nVERTEX_SE2 3 0 0 0\nVERTEX_XY 9 0 0\n"
      "EDGE_SE2 3 1 1 0 0 1 0 0 1 0 1\nEDGE_SE2_XY 2 9 1 1 1 0 1\n",
      "f",
      {.allow_disconnected = true});
  ASSERT_TRUE(any);
  const Connectivity parts = connectivity(std::get<PoseGraph2>(*any));
  EXPECT_EQ(parts.num_components, 3);
  EXPECT_THAT(parts.component, ElementsAre(0, 1, 2, 1, 2));
}

TEST(SpanningTree, FollowsConsecutivePosesBeforeClosures) {
  PoseGraph2 graph;
  graph.ids = {0, 1, 2, 3, 4, 5, 6, 7};
  graph.poses.resize(8);
  // Chains 0..3 and 5..7; 4 hangs on a closure; 0-3 closes a loop.
  const auto add = [&](std::int32_t from, std::int32_t to) {
    graph.edges.push_back({from, to, Pose2{{1, 0}, 0.1}, Eigen::Matrix3d::Identity()});
  };
  add(0, 3), add(1, 0), add(1, 2), add(2, 3), add(5, 6), add(6, 7), add(7, 1), add(4, 2);
  const std::int32_t root[] = {0};
  const SpanningTree tree = spanning_tree<Pose2>(graph, root);
  EXPECT_THAT(tree.parent, ElementsAre(-1, 0, 1, 2, 2, 6, 7, 1));
  EXPECT_THAT(tree.order, ElementsAre(0, 1, 2, 3, 7, 6, 5, 4));
}

template <class Pose>
void expect_tree_fits(GraphKind kind) {
  const Simulated<Pose> sim = simulated<Pose>(kind, 400, 1);
  const std::int32_t root[] = {17};
  const SpanningTree tree = spanning_tree<Pose>(sim.graph, root);
  std::vector<Pose> poses = sim.truth;
  compose_along<Pose>(tree, sim.graph, poses);
  for (std::size_t i = 0; i < poses.size(); ++i) {
    if (tree.edge[i] < 0) continue;
    const auto& edge = sim.graph.edges[tree.edge[i]];
    // Places of up to 100 m carry eps * 100 = 2e-14, a few times.
    ASSERT_LT(edge_error(poses[edge.from], poses[edge.to], edge.T_from_to).norm(), 1e-12) << i;
  }
  EXPECT_EQ(distance(poses[17], sim.truth[17]), 0);
}

TEST(SpanningTree, FitsEveryEdgeOfTheTree) {
  expect_tree_fits<Pose2>(GraphKind::City);
  expect_tree_fits<Pose3>(GraphKind::Grid);
}

template <class Pose>
bool same(const Edge<Pose>& a, const Edge<Pose>& b) {
  return a.from == b.from && a.to == b.to && a.T_from_to.local(b.T_from_to).norm() == 0 &&
         a.information == b.information;
}

TEST(PoseGraphAdd, BuildsWhatReadingBuilds) {
  const PoseGraph2 whole = simulated<Pose2>(GraphKind::Home, 200, 1, 3).graph;
  PoseGraph2 graph;
  EXPECT_EQ(graph.add(whole.poses[0]), 0);
  std::vector<const Edge<Pose2>*> loops;
  for (const auto& edge : whole.edges)
    if (!is_odometry(edge)) loops.push_back(&edge);
  std::size_t next = 0;
  for (std::int32_t i = 1; i < whole.num_poses(); ++i) {
    const auto* step = step_to(whole, i);
    EXPECT_EQ(graph.add_step(i - 1, step->T_from_to, step->information), i);
    for (; next < loops.size() && loops[next]->to == i; ++next) graph.add(*loops[next]);
  }
  EXPECT_EQ(graph.ids, whole.ids);
  EXPECT_TRUE(graph.has_vertices);
  ASSERT_EQ(graph.edges.size(), whole.edges.size());
  for (const auto& edge : whole.edges) {
    const auto found =
        std::count_if(graph.edges.begin(), graph.edges.end(), [&](const auto& e) { return same(e, edge); });
    EXPECT_EQ(found, 1);
  }
  // Dead reckoning, as the generator composes it: the same products in the same order.
  for (std::size_t i = 0; i < whole.poses.size(); ++i) EXPECT_EQ(graph.poses[i].local(whole.poses[i]).norm(), 0);
}

TEST(PoseGraphAdd, IdsAreAboveAllOthers) {
  PoseGraph2 graph;
  graph.ids = {3, 7}, graph.poses.resize(2), graph.landmark_ids = {40}, graph.landmarks.resize(1);
  EXPECT_EQ(graph.add(Pose2{}), 2);
  EXPECT_EQ(graph.ids.back(), 41);
}

TEST(PoseGraphAddDeathTest, RefusesWhatCannotBe) {
  PoseGraph3 graph;
  graph.add(Pose3{});
  graph.add(Pose3{});
  Edge<Pose3> edge{0, 1, Pose3{}};
  const auto add = [&](auto change) {
    Edge<Pose3> e = edge;
    change(e);
    graph.add(e);
  };
  EXPECT_DEATH(add([](auto& e) { e.to = 2; }), "not there");
  EXPECT_DEATH(add([](auto& e) { e.from = -1; }), "not there");
  EXPECT_DEATH(add([](auto& e) { e.to = 0; }), "to itself");
  EXPECT_DEATH(add([](auto& e) { e.T_from_to.t[1] = NAN; }), "not finite");
  EXPECT_DEATH(add([](auto& e) { e.information(0, 1) = 0.1; }), "symmetric");
  EXPECT_DEATH(add([](auto& e) { e.information(5, 5) = 0; }), "positive definite");
  EXPECT_DEATH(graph.add_step(2, Pose3{}), "not there");
  Pose3 nowhere;
  nowhere.t[0] = INFINITY;
  EXPECT_DEATH(graph.add(nowhere), "not finite");
}

}  // namespace
}  // namespace pipit
