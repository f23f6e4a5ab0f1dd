// Simulated graphs: their structure, their noise, and that a seed says it all.
#include <gmock/gmock.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <set>

#include "poses/chi2.h"
#include "poses/g2o_io.h"
#include "poses/generate.h"

namespace pipit {
namespace {

constexpr GraphKind kKinds[] = {GraphKind::Home, GraphKind::City, GraphKind::Grid, GraphKind::Sphere, GraphKind::Torus};

template <class Body>
void with(GraphKind kind, std::int32_t num_poses, std::uint64_t seed, double scale, const Body& body) {
  SimulateOptions options{.kind = kind, .num_poses = num_poses, .seed = seed};
  options.noise.scale = scale;
  const AnySimulated any = simulate_graph(options);
  SCOPED_TRACE(std::string(name(kind)) + " " + std::to_string(num_poses));
  std::visit(body, any);
}

template <class Pose>
double chi2_at_truth(const Simulated<Pose>& sim) {
  Workers workers(1);
  return chi2<Pose>(sim.graph, sim.truth, sim.graph.landmarks, workers);
}

TEST(Simulate, NamesAndKindsGoTogether) {
  for (const GraphKind kind : kKinds) EXPECT_EQ(graph_kind(name(kind)), kind);
  EXPECT_EQ(graph_kind("palace"), std::nullopt);
}

TEST(Simulate, GraphsOfAnySizeAreWhole) {
  for (const GraphKind kind : kKinds)
    for (const std::int32_t num_poses : {2, 3, 4, 9, 10, 27, 100, 1000})
      with(kind, num_poses, 1, 1, [&](const auto& sim) {
        EXPECT_EQ(sim.graph.num_poses(), num_poses);
        EXPECT_EQ(sim.truth.size(), static_cast<std::size_t>(num_poses));
        EXPECT_EQ(connectivity(sim.graph).num_components, 1);
        std::set<std::pair<int, int>> seen;
        std::int32_t odometry = 0;
        for (const auto& edge : sim.graph.edges) {
          ASSERT_GE(edge.from, 0);
          ASSERT_LT(edge.from, edge.to);
          ASSERT_LT(edge.to, num_poses);
          EXPECT_TRUE(seen.emplace(edge.from, edge.to).second) << "twice " << edge.from << ' ' << edge.to;
          odometry += is_odometry(edge);
        }
        EXPECT_EQ(odometry, num_poses - 1);
        EXPECT_TRUE(parse_pose_graph(to_g2o(sim.graph), "simulated"));
      });
}

TEST(Simulate, ComesBackToWhereItWas) {
  for (const GraphKind kind : kKinds)
    with(kind, 3000, 1, 1, [&](const auto& sim) {
      // The home closes a loop every seven poses (415 measured), the others one at every second pose or more often.
      const std::size_t closures = sim.graph.edges.size() - 2999;
      EXPECT_GT(closures, kind == GraphKind::Home ? 200u : 1000u);
      for (const auto& edge : sim.graph.edges) {
        if (is_odometry(edge)) continue;
        // Home: within 0.5 m by design. City: the same crossing. Grid: the next node. Sphere: 1 m along the surface.
        // Torus: rings are 3 ring^2 / P = 1.5 m apart on the outside, one and a half of them where the last meets the
        // first.
        const double distance = (sim.truth[edge.from].t - sim.truth[edge.to].t).norm();
        EXPECT_LE(distance, kind == GraphKind::Home ? 0.5 : kind == GraphKind::City ? 0.0 : 2.3);
      }
    });
}

TEST(Simulate, MeasuresTheTruthWhenNothingIsNoisy) {
  for (const GraphKind kind : kKinds)
    with(kind, 1000, 1, 0, [&](const auto& sim) {
      // Each residual carries some eps * 30 m = 7e-15 m at most, over a sigma of 1 mm: 7e-12, squared, times 12000
      // numbers is 6e-19. Most are much nearer; measured over seeds 1 to 20: 4e-22 at most.
      EXPECT_LT(chi2_at_truth(sim), 6e-19);
      // Dead reckoning loses eps * 30 m at each of 1000 poses, and all to one side: 7e-12 m. Measured: 1.1e-12 m.
      EXPECT_LT((sim.graph.poses.back().t - sim.truth.back().t).norm(), 7e-12);
    });
}

TEST(Simulate, Chi2AtTheTruthFollowsItsDistribution) {
  for (const GraphKind kind : kKinds)
    for (const std::uint64_t seed : {1, 2, 3})
      with(kind, 4000, seed, 1, [&](const auto& sim) {
        // Mean n, variance 2 n: five sigmas, and 1 % for the curvature of rotations at sigmas of up to 0.05 rad.
        const double n = static_cast<double>(sim.graph.edges.size()) * sim.graph.kDim;
        EXPECT_NEAR(chi2_at_truth(sim), n, 5 * std::sqrt(2 * n) + 0.01 * n);
      });
}

TEST(Simulate, OdometryDrifts) {
  for (const GraphKind kind : kKinds)
    with(kind, 3000, 1, 1, [&](const auto& sim) {
      double worst = 0;
      for (std::size_t i = 0; i < sim.truth.size(); ++i)
        worst = std::max(worst, (sim.truth[i].t - sim.graph.poses[i].t).norm());
      // A walk of 3000 steps of 1 % and 1 mm alone strays by hypot(0.01 * 0.25, 0.001) m * sqrt(3000) = 0.15 m; angles
      // do the rest.
      EXPECT_GT(worst, 0.15);
      EXPECT_LT(worst, 200);
    });
}

/// Distance of the last pose to the truth over the length of the true path.
double end_drift(const Simulated<SE2<double>>& sim) {
  double path = 0;
  for (std::size_t i = 1; i < sim.truth.size(); ++i) path += (sim.truth[i].t - sim.truth[i - 1].t).norm();
  return (sim.graph.poses.back().t - sim.truth.back().t).norm() / path;
}

TEST(Simulate, OdometryOfAHomeDriftsAtMostThreeHalvesOfAPercent) {
  // The problems of `pipit eval loops --seed S`: 800 homes of 100 to 2000 poses. 1.01 % at most with seed 1.
  for (const std::uint64_t seed : {1, 1001, 2001}) {
    std::vector<double> drift;
    for (int k = 0; k < 800; ++k) {
      SimulateOptions options{.kind = GraphKind::Home, .num_poses = 100 + 1900 * k / 799, .seed = seed + k};
      drift.push_back(end_drift(std::get<Simulated<SE2<double>>>(simulate_graph(options))));
    }
    std::sort(drift.begin(), drift.end());
    EXPECT_LE(drift.back(), 0.015) << seed;
    EXPECT_GT(drift[400], 0.0005) << "a robot that hardly drifts needs no loop closures";
  }
}

TEST(Simulate, TheSeedSaysItAll) {
  for (const GraphKind kind : kKinds)
    with(kind, 500, 7, 1, [&](const auto& sim) {
      using Sim = std::decay_t<decltype(sim)>;
      SimulateOptions options{.kind = kind, .num_poses = 500, .seed = 7};
      const std::string text = to_g2o(sim.graph);
      EXPECT_EQ(to_g2o(std::get<Sim>(simulate_graph(options)).graph), text);
      options.seed = 8;
      const Sim next = std::get<Sim>(simulate_graph(options));
      EXPECT_NE(to_g2o(next.graph), text);
      if (kind == GraphKind::Home || kind == GraphKind::City) {  // the others have one path only
        EXPECT_NE(next.truth.back().t, sim.truth.back().t);
      }
      // Noise is drawn apart: the path stays when it changes.
      options.seed = 7;
      options.noise.closure_position *= 3;
      const auto other = std::get<Sim>(simulate_graph(options));
      EXPECT_NE(to_g2o(other.graph), text);
      for (std::size_t i = 0; i < sim.truth.size(); ++i) ASSERT_EQ(other.truth[i].t, sim.truth[i].t);
    });
}

TEST(Simulate, TheHomeIsDrivenLikeAHome) {
  with(GraphKind::Home, 5000, 3, 1, [](const auto& sim) {
    for (std::size_t i = 1; i < sim.truth.size(); ++i) {
      const auto& a = sim.truth[i - 1];
      const auto& b = sim.truth[i];
      ASSERT_LE((b.t - a.t).norm(), 0.25 + 1e-9);
      if constexpr (std::decay_t<decltype(sim.graph)>::kDim == 3) {
        ASSERT_LE(std::abs(wrap_angle(b.theta - a.theta)), M_PI / 4 + 1e-9);
      }
    }
  });
}

TEST(Perturb, MovesByWhatItSays) {
  std::vector<SE3<double>> poses(20000);
  perturb<SE3<double>>(poses, 0.5, 0.01, 3);
  double place = 0, turn = 0;
  for (const auto& pose : poses) {
    const auto d = SE3<double>().local(pose);
    place += d.head<3>().squaredNorm();
    turn += d.tail<3>().squaredNorm();
  }
  // Mean of 60000 squares: relative spread sqrt(2 / 60000) = 0.6 %, five of them.
  EXPECT_NEAR(place / 60000, 0.25, 0.03 * 0.25);
  EXPECT_NEAR(turn / 60000, 1e-4, 0.03 * 1e-4);
}

TEST(WrongClosures, AreClosuresThatContradictTheTruth) {
  with(GraphKind::Home, 2000, 1, 1, [](const auto& sim) {
    auto graph = sim.graph;
    const std::size_t before = graph.edges.size();
    EXPECT_EQ(add_wrong_closures(graph, 100, 5), before);
    ASSERT_EQ(graph.edges.size(), before + 100);
    int contradicted = 0;
    for (std::size_t e = before; e < graph.edges.size(); ++e) {
      const auto& edge = graph.edges[e];
      EXPECT_FALSE(is_odometry(edge));
      EXPECT_LT(edge.T_from_to.t.norm(), 1);
      const auto r = edge_error(sim.truth[edge.from], sim.truth[edge.to], edge.T_from_to);
      contradicted += r.dot(edge.information * r) > 100;
    }
    EXPECT_GE(contradicted, 95);  // a few pairs may be close by chance
    auto again = sim.graph;
    add_wrong_closures(again, 100, 5);
    EXPECT_EQ(to_g2o(again), to_g2o(graph));
  });
}

}  // namespace
}  // namespace pipit
