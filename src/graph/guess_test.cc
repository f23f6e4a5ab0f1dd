// chi2, connectivity, spanning trees and initial guesses.
#include <gmock/gmock.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <cstring>

#include "base/random.h"
#include "graph/chi2.h"
#include "graph/chordal.h"
#include "graph/g2o_io.h"
#include "graph/generate.h"
#include "graph/initial_guess.h"
#include "graph/spanning_tree.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

using testing::HasSubstr;
using Pose2 = SE2<double>;
using Pose3 = SE3<double>;

template <class Pose>
Simulated<Pose> simulated(GraphKind kind, std::int32_t num_poses, double scale, std::uint64_t seed = 1) {
  SimulateOptions options{.kind = kind, .num_poses = num_poses, .seed = seed};
  options.noise.scale = scale;
  return std::get<Simulated<Pose>>(simulate_graph(options));
}

template <class Pose>
double chi2_of(const PoseGraph<Pose>& graph, const std::vector<Pose>& poses, int num_threads = 1) {
  Workers workers(num_threads);
  return chi2<Pose>(graph, poses, graph.landmarks, workers);
}

double distance(const Pose2& a, const Pose2& b) { return a.local(b).norm(); }
double distance(const Pose3& a, const Pose3& b) { return a.local(b).norm(); }

template <class Pose>
double worst_distance(const std::vector<Pose>& a, const std::vector<Pose>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, distance(a[i], b[i]));
  return worst;
}

/// Two landmarks seen, without error, from every seventh pose.
void add_landmarks(PoseGraph2& graph, const std::vector<Pose2>& truth) {
  const Eigen::Vector2d places[] = {{1, 2}, {-3, 0.5}};
  for (int k = 0; k < 2; ++k) {
    graph.landmark_ids.push_back(100000 + k);
    graph.landmarks.emplace_back(0, 0);
    for (std::int32_t i = k; i < graph.num_poses(); i += 7)
      graph.landmark_edges.push_back({i, k, truth[i].inverse().act(places[k]), 4 * Eigen::Matrix2d::Identity()});
  }
}

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
  EXPECT_THAT(parts.component, testing::ElementsAre(0, 1, 2, 1, 2));
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
  EXPECT_THAT(tree.parent, testing::ElementsAre(-1, 0, 1, 2, 2, 6, 7, 1));
  EXPECT_THAT(tree.order, testing::ElementsAre(0, 1, 2, 3, 7, 6, 5, 4));
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

TEST(NearestRotation, BeatsEveryOtherRotation) {
  Random random(9);
  for (int round = 0; round < 300; ++round) {
    Eigen::Matrix3d M;
    for (int k = 0; k < 9; ++k) M.data()[k] = random.normal();
    if (round % 3 == 1) M.col(2) = M.col(0) + (round % 2 ? 1e-9 : 0.0) * M.col(2);  // singular, nearly or quite
    if (round % 3 == 2) M *= 1e-7;
    const Eigen::Matrix3d R = nearest_rotation(M);
    ASSERT_LT((R.transpose() * R - Eigen::Matrix3d::Identity()).norm(), 1e-13) << round;
    ASSERT_GT(R.determinant(), 0) << round;
    // |M - R| is least where trace(R'M) is largest; small turns about all axes must not gain (second order: 1e-6 |M|).
    for (int k = 0; k < 20; ++k) {
      const Eigen::Vector3d axis = Eigen::Vector3d(random.normal(), random.normal(), random.normal()).normalized();
      const double angle = k < 10 ? 1e-3 : random.uniform(0, M_PI);
      const Eigen::Matrix3d other = R * Eigen::AngleAxisd(angle, axis).toRotationMatrix();
      ASSERT_LE((other.transpose() * M).trace(), (R.transpose() * M).trace() + 1e-13 * M.norm()) << round;
    }
  }
}

template <class Pose>
void expect_truth(GraphKind kind, Init init) {
  Workers workers(1);
  Simulated<Pose> sim = simulated<Pose>(kind, 300, 0);
  if constexpr (Pose::kDim == 3) add_landmarks(sim.graph, sim.truth);
  for (std::size_t e = 0; e < sim.graph.edges.size(); e += 3) {  // some edges point backwards
    auto& edge = sim.graph.edges[e];
    std::swap(edge.from, edge.to);
    edge.T_from_to = edge.T_from_to.inverse();
  }
  for (std::size_t i = 1; i < sim.graph.poses.size(); ++i) sim.graph.poses[i] = Pose();
  const auto guess = initial_guess(sim.graph, init, workers);
  ASSERT_TRUE(guess) << guess.error().message;
  // Condition of the systems: at most (poses in a row)^2 = 1e5; times eps and 30 m of extent: 7e-10 m. An edge between
  // neighbours sees a part of that: rounding of 30 m over a sigma of 1 mm, squared, and some thousand times that: 1e-18
  // each. Measured over seeds 1 to 20: 3e-11 m and 2e-18 in all, at most.
  EXPECT_LT(worst_distance(guess->poses, sim.truth), 7e-10) << name(kind) << ' ' << name(init);
  EXPECT_LT(chi2<Pose>(sim.graph, guess->poses, guess->landmarks, workers), 1e-16) << name(kind) << ' ' << name(init);
}

TEST(InitialGuess, IsTheTruthWhenNothingIsNoisy) {
  for (const Init init : {Init::Odometry, Init::Chordal, Init::Auto}) {
    expect_truth<Pose2>(GraphKind::Home, init);
    expect_truth<Pose2>(GraphKind::City, init);
    expect_truth<Pose3>(GraphKind::Grid, init);
    expect_truth<Pose3>(GraphKind::Sphere, init);
    expect_truth<Pose3>(GraphKind::Torus, init);
  }
}

TEST(InitialGuess, ChordalComesCloseToTheOptimumUnderNoise) {
  // At the optimum chi2 is about its degrees of freedom. Measured over seeds 1 to 20: chordal ends at 1.05 to 1.22
  // times that on the city, at 1.1 to 1.6 on the grid; odometry a thousand times above.
  Workers workers(1);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto city = simulated<Pose2>(GraphKind::City, 1000, 1, seed);
    const auto guess = initial_guess(city.graph, Init::Auto, workers);
    ASSERT_TRUE(guess);
    EXPECT_EQ(guess->used, Init::Chordal);
    EXPECT_LT(chi2_of(city.graph, guess->poses), 1.3 * 3 * (city.graph.edges.size() - 999.0));
    const auto grid = simulated<Pose3>(GraphKind::Grid, 512, 1, seed);
    const auto guess3 = initial_guess(grid.graph, Init::Auto, workers);
    ASSERT_TRUE(guess3);
    EXPECT_EQ(guess3->used, Init::Chordal);
    EXPECT_LT(chi2_of(grid.graph, guess3->poses), 1.5 * 6 * (grid.graph.edges.size() - 511.0));
  }
}

TEST(InitialGuess, PlacesAreTheBestForTheirRotations) {
  // chi2 is quadratic in the places: moving any one of them by d must add d'Hd > 0, and by -d the same.
  Workers workers(1);
  auto sim = simulated<Pose2>(GraphKind::City, 200, 1);
  add_landmarks(sim.graph, sim.truth);
  Random random(2);
  for (auto& edge : sim.graph.edges) {  // correlate place and angle: the cross terms count, too
    edge.information(0, 2) = edge.information(2, 0) = 0.3 * std::sqrt(edge.information(0, 0) * edge.information(2, 2));
  }
  const auto guess = initial_guess(sim.graph, Init::Chordal, workers);
  ASSERT_TRUE(guess);
  const double least = chi2<Pose2>(sim.graph, guess->poses, guess->landmarks, workers);
  for (int k = 0; k < 50; ++k) {
    auto poses = guess->poses;
    auto landmarks = guess->landmarks;
    const Eigen::Vector2d d(random.normal(), random.normal());
    double cost[2];
    for (int side = 0; side < 2; ++side) {
      const Eigen::Vector2d step = (side == 0 ? 1e-2 : -1e-2) * d;
      poses[1 + k].t = guess->poses[1 + k].t + step;
      landmarks[k % 2] = guess->landmarks[k % 2] + step;
      cost[side] = chi2<Pose2>(sim.graph, poses, landmarks, workers) - least;
    }
    EXPECT_GT(cost[0], 0);
    EXPECT_NEAR(cost[0], cost[1], 1e-6 * cost[0]);  // equal but for rounding of chi2 ~ 1e4 against steps ~ 10
  }
}

TEST(InitialGuess, FixedPosesStay) {
  Workers workers(1);
  auto sim = simulated<Pose3>(GraphKind::Sphere, 200, 1);
  sim.graph.fixed = {40, 120};
  sim.graph.poses = sim.truth;
  for (const Init init : {Init::File, Init::Odometry, Init::Chordal}) {
    const auto guess = initial_guess(sim.graph, init, workers);
    ASSERT_TRUE(guess);
    for (const std::int32_t i : sim.graph.fixed) EXPECT_EQ(distance(guess->poses[i], sim.truth[i]), 0) << name(init);
  }
}

TEST(InitialGuess, AutoKeepsAFileThatFitsBetter) {
  Workers workers(1);
  auto sim = simulated<Pose2>(GraphKind::City, 500, 1);
  const auto chordal = initial_guess(sim.graph, Init::Chordal, workers);
  ASSERT_TRUE(chordal);
  // The chordal guess is no optimum: some small turn of some pose must gain.
  sim.graph.poses = chordal->poses;
  const double before = chi2(sim.graph);
  for (std::size_t i = 1; i < 500 && chi2(sim.graph) >= before; ++i)
    for (const double turn : {1e-5, -1e-5}) {
      sim.graph.poses = chordal->poses;
      sim.graph.poses[i] = chordal->poses[i].retract({0, 0, turn});
      if (chi2(sim.graph) < before) break;
    }
  ASSERT_LT(chi2(sim.graph), before);
  const auto guess = initial_guess(sim.graph, Init::Auto, workers);
  ASSERT_TRUE(guess);
  EXPECT_EQ(guess->used, Init::File);
  EXPECT_EQ(worst_distance(guess->poses, sim.graph.poses), 0);
}

TEST(InitialGuess, SaysWhatItCannotDo) {
  Workers workers(1);
  auto sim = simulated<Pose2>(GraphKind::City, 50, 1);
  sim.graph.has_vertices = false;
  EXPECT_THAT(initial_guess(sim.graph, Init::File, workers).error().message, HasSubstr("no vertices"));
  sim.graph.edges.resize(10);
  EXPECT_THAT(initial_guess(sim.graph, Init::Chordal, workers).error().message, HasSubstr("not connected to pose 0"));
}

TEST(InitialGuess, AutoTakesTheFileWhereOnlyLandmarksTieThePoses) {
  Workers workers(1);
  auto sim = simulated<Pose2>(GraphKind::City, 100, 1);
  add_landmarks(sim.graph, sim.truth);
  sim.graph.landmarks = {{1.1, 2}, {-3, 0.6}};
  std::erase_if(sim.graph.edges, [](const auto& edge) { return (edge.from < 50) != (edge.to < 50); });
  ASSERT_EQ(connectivity(sim.graph).num_components, 1);
  const auto guess = initial_guess(sim.graph, Init::Auto, workers);
  ASSERT_TRUE(guess) << guess.error().message;
  EXPECT_EQ(guess->used, Init::File);
  EXPECT_EQ(worst_distance(guess->poses, sim.graph.poses), 0);
  EXPECT_EQ(guess->landmarks, sim.graph.landmarks);
  for (const Init init : {Init::Odometry, Init::Chordal})
    EXPECT_THAT(initial_guess(sim.graph, init, workers).error().message, HasSubstr("through landmarks only"));
  sim.graph.has_vertices = false;
  EXPECT_THAT(initial_guess(sim.graph, Init::Auto, workers).error().message, HasSubstr("through landmarks only"));
}

TEST(InitialGuess, DoesNotDependOnTheNumberOfThreads) {
  const auto sim = simulated<Pose3>(GraphKind::Torus, 2000, 1);
  Workers one(1), three(3);
  const auto a = initial_guess(sim.graph, Init::Auto, one), b = initial_guess(sim.graph, Init::Auto, three);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(worst_distance(a->poses, b->poses), 0);
}

TEST(InitialGuess, LeadsThePublicGraphsNextToTheirOptimum) {
  // chi2 of the guess against chi2 at the optimum; measured ratios 1.06, 1.74, 1.28, 2.04 (M3500a against 912.115).
  const struct {
    const char* file;
    double optimum, ratio;
  } all[] = {{"torus3D.g2o", 14574.746, 1.1},
             {"MIT.g2o", 41.163, 1.8},
             {"M3500.g2o", 137.913, 1.3},
             {"M3500a.g2o", 912.115, 2.1},
             {"INTEL1228.g2o", 215.830, 1.1}};
  PIPIT_NEED_DATA(data_path("slam/posegraphs"));
  Workers workers(1);
  for (const auto& known : all) {
    const auto any = read_pose_graph(data_path(std::string("slam/posegraphs/") + known.file));
    ASSERT_TRUE(any) << any.error().message;
    std::visit(
        [&](const auto& graph) {
          const auto guess = initial_guess(graph, Init::Auto, workers);
          ASSERT_TRUE(guess);
          EXPECT_LT(chi2_of(graph, guess->poses), known.ratio * known.optimum) << known.file;
        },
        *any);
  }
}

}  // namespace
}  // namespace pipit
