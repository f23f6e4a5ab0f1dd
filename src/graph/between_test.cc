#include "graph/between.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "bits/test_every_set.h"
#include "poses/chi2.h"

namespace pipit {
namespace {

template <class Pose>
Pose random_pose(Random& random, double spread) {
  typename Pose::Tangent d;
  for (int k = 0; k < Pose::kDim; ++k) d[k] = spread * random.normal();
  return Pose().retract(d);
}

/// Edges between poses all over a room of 10 m, far from the origin, turned any way, with full information matrices.
template <class Pose>
struct Edges {
  static constexpr int D = Pose::kDim;
  std::vector<Pose> poses;
  std::vector<Between<Pose>> factors;
  std::vector<std::array<std::int32_t, 2>> places;
  BetweenLanes<Pose> lanes;

  Edges(int num_edges, double far_m, std::uint64_t seed) {
    Random random(seed);
    for (int p = 0; p < 20; ++p) {
      poses.push_back(random_pose<Pose>(random, 3));
      poses.back().t *= 3;
      poses.back().t.array() += far_m;
    }
    for (int e = 0; e < num_edges; ++e) {
      const auto i = static_cast<std::int32_t>(random.below(20)), j = static_cast<std::int32_t>(random.below(20));
      Eigen::Matrix<double, D, D> A;
      for (int k = 0; k < D * D; ++k) A(k) = random.normal();
      Edge<Pose> edge{i, j, poses[i].inverse() * poses[j], A * A.transpose() + Eigen::Matrix<double, D, D>::Identity()};
      edge.T_from_to = edge.T_from_to.retract(0.1 * random_pose<Pose>(random, 1).log());
      factors.emplace_back(edge);
      factors.back().add_to(lanes);
      places.push_back({i, j});
    }
  }
};

/// The largest differences to the definition in fp64: of residuals relative to |U| (|p| + |z| + pi), what is subtracted
/// from each other, of derivatives relative to the same with p.
template <class Pose>
std::pair<double, double> differences(const Edges<Pose>& edges, Format format, BlockOrder order) {
  constexpr std::size_t D = Pose::kDim;
  const std::size_t E = edges.places.size();
  std::vector<double> r(E * D, 7), r_alone(E * D, 7), J(E * 2 * D * D, 7);
  const std::size_t cut = E / 3;  // no multiple of the group: two ranges must give what one gives
  for (const Range range : {Range{0, cut}, Range{cut, E}}) {
    edges.lanes.linearise(format, order, range, edges.poses.data(), edges.places.data(), r.data(), J.data());
    edges.lanes.residuals(format, range, edges.poses.data(), edges.places.data(), r_alone.data());
  }
  EXPECT_EQ(r, r_alone);
  double worst_r = 0, worst_J = 0, large_r = 0;
  for (std::size_t e = 0; e < E; ++e) {
    Eigen::Matrix<double, D, 1> expected;
    Eigen::Matrix<double, D, D> J_of[2];
    const auto& [i, j] = edges.places[e];
    edges.factors[e].linearise(edges.poses[i], edges.poses[j], expected, J_of[0], J_of[1]);
    for (std::size_t k = 0; k < D; ++k) {
      worst_r = std::max(worst_r, std::fabs(r[e * D + k] - expected[k]));
    }
    const double subtracted = (edges.poses[j].t - edges.poses[i].t).norm() + edges.factors[e].T_from_to.t.norm() + 3.2;
    large_r = std::max(large_r, edges.factors[e].root.norm() * subtracted);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t row = 0; row < D; ++row)
        for (std::size_t col = 0; col < D; ++col) {
          const std::size_t at = order == BlockOrder::Rows ? row * D + col : col * D + row;
          worst_J = std::max(worst_J, std::fabs(J[(e * 2 + b) * D * D + at] - J_of[b](row, col)));
        }
  }
  return {E > 0 ? worst_r / large_r : 0, E > 0 ? worst_J / large_r : 0};
}

template <class Pose>
void check_lanes() {
  on_every_set([] {
    for (const int num_edges : {0, 1, 15, 16, 17, 50})
      for (const BlockOrder order : {BlockOrder::Rows, BlockOrder::Columns})
        for (const Format format : {Format::Double, Format::Single}) {
          // Products of three rotations, a difference of places and a triangle: about 30 roundings in a row. Far away
          // fp32 must lose nothing, since differences are taken in fp64: there the places themselves are off by 1e-16
          // of 1e4 m, which a fp64 residual shows.
          const double eps = format == Format::Double ? 2.3e-16 : 6e-8;
          for (const double far_m : {0.0, 1e4}) {
            const auto [r, J] = differences(Edges<Pose>(num_edges, far_m, 5), format, order);
            EXPECT_LE(r, 30 * eps + 1e-16 * far_m) << num_edges << " edges, " << far_m << " m away";
            EXPECT_LE(J, 30 * eps + 1e-16 * far_m) << num_edges << " edges, " << far_m << " m away";
          }
        }
  });
}

TEST(BetweenLanes, ComputeTheDefinitionInThePlane) { check_lanes<SE2<double>>(); }
TEST(BetweenLanes, ComputeTheDefinitionInSpace) { check_lanes<SE3<double>>(); }

TEST(BetweenLanes, AnglesOfAnySizeAreWrapped) {
  Edges<SE2<double>> edges(40, 0, 9);
  for (std::size_t p = 0; p < edges.poses.size(); ++p)
    edges.poses[p].theta += 2 * pi<double>() * (static_cast<int>(p % 7) - 3);
  const auto [r, J] = differences(edges, Format::Double, BlockOrder::Rows);
  EXPECT_LE(r, 1e-14);  // angles up to 20 rad: 20 eps, and pi is rounded
  EXPECT_LE(J, 1e-14);
}

TEST(InformationRoot, SquaredIsTheInformation) {
  Random random(3);
  for (int trial = 0; trial < 50; ++trial) {
    Eigen::Matrix<double, 6, 6> A;
    for (int k = 0; k < 36; ++k) A(k) = random.normal();
    const Eigen::Matrix<double, 6, 6> information = A * A.transpose();
    const Eigen::Matrix<double, 6, 6> U = information_root<6>(information);
    EXPECT_TRUE(U.isUpperTriangular(0));
    // Higham 2002, theorem 10.3: gamma_7 |U|' |U|, whose diagonal is that of the information
    EXPECT_LE((U.transpose() * U - information).cwiseAbs().maxCoeff(), 8 * 2.3e-16 * information.diagonal().maxCoeff());
  }
}

// Side by side, one after the other, or shared: the same bits.
TEST(InformationRoot, OfManyIsThatOfEach) {
  Random random(4);
  std::vector<Edge<SE3<double>>> edges(50);
  for (auto& edge : edges) {
    Eigen::Matrix<double, 6, 6> A;
    for (int k = 0; k < 36; ++k) A(k) = random.normal();
    edge.information = A * A.transpose();
  }
  for (std::size_t e = 8; e < 24; ++e) edges[e].information = edges[7].information;  // two groups share the last one
  InformationRoots<SE3<double>> roots;
  for (std::size_t first = 0; first < edges.size();) {
    const std::size_t count = std::min(edges.size() - first, first == 24 ? std::size_t{3} : std::size_t{8});
    roots.take(std::span(edges).subspan(first, count));
    for (std::size_t e = 0; e < count; ++e)
      EXPECT_EQ(roots[e], information_root<6>(edges[first + e].information)) << first + e;
    first += count;
  }
}

}  // namespace
}  // namespace pipit
