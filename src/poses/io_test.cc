// Reading and writing pose graphs: what is written comes back, what is wrong is said in one line.
#include <gmock/gmock.h>

#include <Eigen/Geometry>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/random.h"
#include "poses/chi2.h"
#include "poses/g2o_io.h"
#include "poses/generate.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

template <class Matrix>
bool same_bits(const Matrix& a, const Matrix& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), sizeof(double) * a.size()) == 0;
}
bool same_bits(const SE2<double>& a, const SE2<double>& b) { return same_bits(a.t, b.t) && a.theta == b.theta; }
bool same_bits(const SE3<double>& a, const SE3<double>& b) {
  return same_bits(a.t, b.t) && same_bits(a.q.coeffs(), b.q.coeffs());
}

template <int D>
Eigen::Matrix<double, D, D> any_information(Random& random) {
  Eigen::Matrix<double, D, D> A;
  for (int k = 0; k < D * D; ++k) A.data()[k] = random.normal();
  Eigen::Matrix<double, D, D> W = A * A.transpose() + 0.1 * Eigen::Matrix<double, D, D>::Identity();
  W = (0.5 * (W + W.transpose())).eval();
  return W;
}

/// A simulated graph with gaps in its ids, correlated information, fixed poses and, in the plane, landmarks.
template <class Pose>
PoseGraph<Pose> rich_graph(GraphKind kind) {
  PoseGraph<Pose> graph = std::get<Simulated<Pose>>(simulate_graph({.kind = kind, .num_poses = 150, .seed = 5})).graph;
  Random random(11);
  for (auto& id : graph.ids) id = 3 * id + 7;
  for (auto& edge : graph.edges) edge.information = any_information<Pose::kDim>(random);
  graph.fixed = {2, 9};
  if constexpr (Pose::kDim == 3) {
    for (int k = 0; k < 5; ++k) {
      graph.landmark_ids.push_back(1000 + k);
      graph.landmarks.emplace_back(random.normal(), random.normal());
      for (int pose = k; pose < 150; pose += 31)
        graph.landmark_edges.push_back(
            {pose, k, Eigen::Vector2d(random.normal(), random.normal()), any_information<2>(random)});
    }
  }
  return graph;
}

template <class Pose>
void expect_same(const PoseGraph<Pose>& a, const PoseGraph<Pose>& b) {
  ASSERT_EQ(a.ids, b.ids);
  ASSERT_EQ(a.fixed, b.fixed);
  ASSERT_EQ(a.edges.size(), b.edges.size());
  ASSERT_EQ(a.landmark_ids, b.landmark_ids);
  ASSERT_EQ(a.landmark_edges.size(), b.landmark_edges.size());
  EXPECT_EQ(a.has_vertices, b.has_vertices);
  for (std::size_t i = 0; i < a.poses.size(); ++i) ASSERT_TRUE(same_bits(a.poses[i], b.poses[i])) << i;
  for (std::size_t i = 0; i < a.landmarks.size(); ++i) ASSERT_TRUE(same_bits(a.landmarks[i], b.landmarks[i])) << i;
  for (std::size_t e = 0; e < a.edges.size(); ++e) {
    ASSERT_EQ(a.edges[e].from, b.edges[e].from);
    ASSERT_EQ(a.edges[e].to, b.edges[e].to);
    ASSERT_TRUE(same_bits(a.edges[e].T_from_to, b.edges[e].T_from_to)) << e;
    ASSERT_TRUE(same_bits(a.edges[e].information, b.edges[e].information)) << e;
  }
  for (std::size_t e = 0; e < a.landmark_edges.size(); ++e) {
    ASSERT_EQ(a.landmark_edges[e].pose, b.landmark_edges[e].pose);
    ASSERT_EQ(a.landmark_edges[e].landmark, b.landmark_edges[e].landmark);
    ASSERT_TRUE(same_bits(a.landmark_edges[e].xy, b.landmark_edges[e].xy)) << e;
    ASSERT_TRUE(same_bits(a.landmark_edges[e].information, b.landmark_edges[e].information)) << e;
  }
}

PoseGraph2 plane(std::string_view text, const ReadOptions& options = {}) {
  Result<AnyPoseGraph> graph = parse_pose_graph(text, "test", options);
  EXPECT_TRUE(graph) << graph.error().message;
  return graph ? std::get<PoseGraph2>(*graph) : PoseGraph2();
}
PoseGraph3 space(std::string_view text) {
  Result<AnyPoseGraph> graph = parse_pose_graph(text, "test");
  EXPECT_TRUE(graph) << graph.error().message;
  return graph ? std::get<PoseGraph3>(*graph) : PoseGraph3();
}

TEST(GraphText, WhatIsWrittenComesBackBitByBit) {
  const PoseGraph2 two = rich_graph<SE2<double>>(GraphKind::City);
  expect_same(two, plane(to_g2o(two)));
  const PoseGraph3 three = rich_graph<SE3<double>>(GraphKind::Grid);
  expect_same(three, space(to_g2o(three)));
}

TEST(GraphText, GoesThroughAFile) {
  const std::string path = testing::TempDir() + "pipit_graph_io_test.g2o";
  const PoseGraph3 graph = rich_graph<SE3<double>>(GraphKind::Torus);
  ASSERT_TRUE(write_g2o(path, graph));
  const Result<AnyPoseGraph> back = read_pose_graph(path);
  ASSERT_TRUE(back) << back.error().message;
  expect_same(graph, std::get<PoseGraph3>(*back));
  std::remove(path.c_str());
}

// The information of a 3x3 identity in one line.
#define I3 " 1 0 0 1 0 1"

TEST(GraphText, BlanksCommentsAndLineEndsDoNotMatter) {
  const PoseGraph2 graph =
      plane("# made by hand\r\n\r\nVERTEX_SE2\t0  0 0 0 \r\n  VERTEX_SE2 1 +1 0 0\n\nEDGE_SE2 0 1 1. 0 -0" I3);
  EXPECT_EQ(graph.num_poses(), 2);
  EXPECT_EQ(graph.poses[1].t.x(), 1);
  EXPECT_EQ(graph.edges.size(), 1u);
}

TEST(GraphText, VerticesMayComeInAnyOrder) {
  const PoseGraph2 graph = plane("EDGE_SE2 9 4 1 0 0" I3 "\nVERTEX_SE2 9 9 0 0\nFIX 9 4\nVERTEX_SE2 4 4 0 0\n");
  EXPECT_THAT(graph.ids, testing::ElementsAre(4, 9));
  EXPECT_EQ(graph.poses[0].t.x(), 4);
  EXPECT_EQ(graph.edges[0].from, 1);
  EXPECT_EQ(graph.edges[0].to, 0);
  EXPECT_THAT(graph.fixed, testing::ElementsAre(0, 1));
}

TEST(GraphText, WithoutVerticesTheEdgesNameThePoses) {
  const PoseGraph2 graph = plane("EDGE_SE2 30 10 1 0 0" I3 "\nEDGE2 10 20 1 0 0" I3 "\nEDGE_SE2_XY 20 5 1 1 1 0 1\n");
  EXPECT_FALSE(graph.has_vertices);
  EXPECT_THAT(graph.ids, testing::ElementsAre(10, 20, 30));
  EXPECT_THAT(graph.landmark_ids, testing::ElementsAre(5));
  EXPECT_TRUE(same_bits(graph.poses[1], SE2<double>()));
}

TEST(GraphText, WithoutVerticesOnePoseCanBeHeld) {
  const std::string edges = "EDGE_SE2 4 9 1 0 0" I3 "\nEDGE_SE2 9 12 1 0 0" I3 "\n";
  const PoseGraph2 two = plane(edges + "FIX 12\nFIX 4\n");
  EXPECT_THAT(two.fixed, testing::ElementsAre(2));
  EXPECT_THAT(two.notes, testing::ElementsAre(HasSubstr(":3: FIX holds several poses")));
  const PoseGraph2 twice = plane(edges + "FIX 9 9\nFIX 9\n");
  EXPECT_THAT(twice.fixed, testing::ElementsAre(1));
  EXPECT_TRUE(twice.notes.empty());
  const std::string vertices = "VERTEX_SE2 4 0 0 0\nVERTEX_SE2 9 1 0 0\nVERTEX_SE2 12 2 0 0\n";
  const PoseGraph2 placed = plane(vertices + edges + "FIX 12\nFIX 4\n");
  EXPECT_THAT(placed.fixed, testing::ElementsAre(0, 2));
  EXPECT_TRUE(placed.notes.empty());
}

TEST(GraphText, AnglesAreWrappedAndQuaternionsNormalised) {
  EXPECT_NEAR(plane("EDGE2 0 1 1 0 7" I3).edges[0].T_from_to.theta, 7 - 2 * M_PI, 1e-15);  // one rounding of 2 pi
  const PoseGraph3 graph = space("EDGE_SE3:QUAT 0 1 0 0 0 0 0 3 4 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 1 0 0 1 0 1");
  EXPECT_DOUBLE_EQ(graph.edges[0].T_from_to.q.z(), 0.6);
  EXPECT_DOUBLE_EQ(graph.edges[0].T_from_to.q.w(), 0.8);
}

TEST(GraphText, ParametersAreSkippedAndPriorsDroppedWithANote) {
  const PoseGraph2 graph = plane("PARAMS_SE2OFFSET 0 0 0 0\nPARAMS_SE2OFFSET 1 0 0 0\nEDGE_PRIOR_SE2 0 0 0 0" I3
                                 "\nEDGE_SE2 0 1 1 0 0" I3 "\n");
  EXPECT_EQ(graph.dropped_edges, 1);
  ASSERT_EQ(graph.notes.size(), 2u);
  EXPECT_EQ(graph.notes[0], "test:1: 2 'PARAMS_SE2OFFSET' lines skipped: Pipit needs no parameters");
  EXPECT_EQ(graph.notes[1], "test:3: 1 'EDGE_PRIOR_SE2' line dropped: Pipit has no such edge");
}

TEST(GraphText, ToroListsItsInformationInAnOrderOfItsOwn) {
  const char* const text = "EDGE2 0 1 1 0 0 10 1 20 30 2 3";  // I11 I12 I22 I33 I13 I23
  Eigen::Matrix3d wanted;
  wanted << 10, 1, 2, 1, 20, 3, 2, 3, 30;
  EXPECT_EQ(plane(text, {.format = GraphFormat::Toro}).edges[0].information, wanted);
  // Read as iSAM, I11 I12 I13 I22 I23 I33, it is not even positive definite.
  EXPECT_THAT(parse_pose_graph(text, "test").error().message, HasSubstr("not positive definite"));
  EXPECT_EQ(plane("EDGE2 0 1 1 0 0 10 1 2 20 3 30").edges[0].information,
            plane("EDGE_SE2 0 1 1 0 0 10 1 2 20 3 30").edges[0].information);
}

TEST(GraphText, RollPitchYawInformationBecomesThatOfAQuaternion) {
  Random random(3);
  const Eigen::Matrix<double, 6, 6> I = any_information<6>(random);
  std::ostringstream line;
  line.precision(17);
  line << "EDGE3 0 1 0.3 -0.2 0.1 0.4 -0.3 0.2";
  for (int r = 0; r < 6; ++r)
    for (int c = r; c < 6; ++c) line << ' ' << I(r, c);
  const Edge<SE3<double>> edge = space(line.str()).edges[0];
  // Rz(yaw) Ry(pitch) Rx(roll), written out.
  const Eigen::Matrix3d R =
      (Eigen::AngleAxisd(0.2, Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(-0.3, Eigen::Vector3d::UnitY()) *
       Eigen::AngleAxisd(0.4, Eigen::Vector3d::UnitX()))
          .toRotationMatrix();
  EXPECT_LT((edge.T_from_to.rotation() - R).norm(), 1e-15 * 6);  // entries of size 1, a few roundings each

  // J = d(error of chi2.h) / d(x, y, z, roll, pitch, yaw of what is left of the measurement) by central differences.
  // The same error must cost the same: J'WJ = I. Truncation h^2 ~ 1e-10, cancellation eps / h ~ 1e-11, times |I| ~ 20.
  const double h = 1e-5;
  Eigen::Matrix<double, 6, 6> J;
  for (int k = 0; k < 6; ++k) {
    const auto error_at = [&](double step) {
      Eigen::Matrix<double, 6, 1> d = Eigen::Matrix<double, 6, 1>::Zero();
      d[k] = step;
      const Eigen::Quaterniond q = Eigen::AngleAxisd(d[5], Eigen::Vector3d::UnitZ()) *
                                   Eigen::AngleAxisd(d[4], Eigen::Vector3d::UnitY()) *
                                   Eigen::AngleAxisd(d[3], Eigen::Vector3d::UnitX());
      return edge_error(SE3<double>(), edge.T_from_to * SE3<double>{q, d.head<3>()}, edge.T_from_to);
    };
    J.col(k) = (error_at(h) - error_at(-h)) / (2 * h);
  }
  EXPECT_LT((J.transpose() * edge.information * J - I).norm(), 1e-7);
}

TEST(GraphText, DisconnectedGraphsNeedPermission) {
  const char* const text = "EDGE_SE2 0 1 1 0 0" I3 "\nEDGE_SE2 5 7 1 0 0" I3;
  EXPECT_EQ(parse_pose_graph(text, "f").error().message,
            "f: poses 5..7 (2 in all) are not connected to pose 0: the graph has 2 parts, wanted one");
  EXPECT_TRUE(parse_pose_graph(text, "f", {.allow_disconnected = true}));
  EXPECT_TRUE(parse_pose_graph("VERTEX_SE2 0 0 0 0", "f", {.allow_disconnected = true}));
}

TEST(GraphText, EveryMalformedFileGetsOneClearLine) {
  const std::filesystem::path folder = PIPIT_SOURCE_DIR "/tests/hostile";
  std::ifstream table(folder / "expect.tsv");
  int count = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::string file = line.substr(0, line.find('\t')), wanted = line.substr(line.find('\t') + 1);
    SCOPED_TRACE(file);
    const std::string path = (folder / "cases" / file).string();
    const Result<AnyPoseGraph> graph = read_pose_graph(path);
    ++count;
    if (graph) {
      ADD_FAILURE() << "was read";
      continue;
    }
    const std::string& message = graph.error().message;
    EXPECT_THAT(message, HasSubstr(wanted));
    EXPECT_THAT(message, StartsWith(path + ":"));
    EXPECT_LT(message.size(), folder.string().size() + 200);
    for (const char c : message) EXPECT_TRUE(c >= ' ' && c <= '~') << "a character that is not for a terminal";
  }
  EXPECT_GE(count, 40);
}

TEST(GraphText, AnIdBetweenTwoOthersIsMissingToo) {
  EXPECT_EQ(parse_pose_graph("VERTEX_SE2 2 0 0 0\nVERTEX_SE2 9 0 0 0\nEDGE_SE2 2 5 1 0 0" I3, "f").error().message,
            "f:3: names pose 5, which no vertex line defines");
}

// Files are read in blocks, text from memory in one piece: the same graph, the same message.
TEST(GraphText, AFileSaysWhatItsTextSays) {
  std::string text = "# " + std::string(kLongestLine - 2, '#') + "\n";
  for (int i = 0; i < 20'000; ++i)
    text += "EDGE_SE2 " + std::to_string(i) + ' ' + std::to_string(i + 1) + " 1 0 0.001" I3 "\r\n";
  const std::string path = testing::TempDir() + "blocks.g2o";
  for (const std::string& tail : {std::string(), std::string("EDGE_SE2 0 1 1 0"), std::string(kLongestLine + 1, ' ')}) {
    ASSERT_TRUE(write_file(path, text + tail));
    const auto from_text = parse_pose_graph(text + tail, path), from_file = read_pose_graph(path);
    ASSERT_EQ(from_text.has_value(), tail.empty());
    ASSERT_EQ(from_file.has_value(), tail.empty());
    if (tail.empty()) {
      EXPECT_EQ(to_g2o(std::get<PoseGraph2>(*from_file)), to_g2o(std::get<PoseGraph2>(*from_text)));
    } else {
      EXPECT_EQ(from_file.error().message, from_text.error().message);
      EXPECT_THAT(from_file.error().message, StartsWith(path + ":20002: "));
    }
  }
  std::remove(path.c_str());
}

TEST(GraphText, WhatIsNoFileIsSaid) {
  EXPECT_EQ(read_pose_graph("/nowhere/at/all.g2o").error().code, Code::NotFound);
  EXPECT_EQ(read_pose_graph(testing::TempDir()).error().code, Code::Io);
}

TEST(GraphText, InformationIsJudgedByItsOwnScale) {
  // Positive definite however small or large, and close to singular: correlation 1 - 1e-9 leaves a pivot of 2e-9.
  plane("EDGE_SE2 0 1 1 0 0 1e-90 0 0 1e90 0 1");
  plane("EDGE_SE2 0 1 1 0 0 1 0.999999999 0 1 0 1");
  // Correlation 1 - 1e-15: nobody can tell.
  EXPECT_THAT(parse_pose_graph("EDGE_SE2 0 1 1 0 0 1 0.999999999999999 0 1 0 1", "f").error().message,
              HasSubstr("not positive definite"));
}

struct Known {
  const char* file;
  int dim, poses, edges;
  bool vertices;
};

TEST(GraphText, ReadsThePublicGraphs) {
  const Known all[] = {{"CSAIL.g2o", 3, 1045, 1172, false},
                       {"INTEL1228.g2o", 3, 1228, 1483, true},
                       {"KITTI_00_vo.g2o", 6, 4541, 4549, true},
                       {"M3500.g2o", 3, 3500, 5453, true},
                       {"M3500a.g2o", 3, 3500, 5453, true},
                       {"MIT.g2o", 3, 808, 827, true},
                       {"intel943.g2o", 3, 943, 1837, true},
                       {"kitti_05.g2o", 3, 2761, 2826, false},
                       {"kitti_06.g2o", 3, 1101, 1150, false},
                       {"manhattanOlson3500.g2o", 3, 3500, 5598, true},
                       {"manhattanOlson3500_groundtruth.txt", 3, 3500, 5598, false},
                       {"parking-garage.g2o", 6, 1661, 6275, true},
                       {"ringCity.g2o", 3, 2361, 3261, true},
                       {"ringCity_groundtruth.g2o", 3, 2361, 3261, true},
                       {"smallGrid3D.g2o", 6, 125, 297, true},
                       {"sphere2500.g2o", 6, 2500, 4949, true},
                       {"sphere2500_outliers.g2o", 6, 2500, 7449, true},
                       {"tinyGrid3D.g2o", 6, 9, 11, true},
                       {"torus10000.txt", 6, 10000, 22280, false},
                       {"torus3D.g2o", 6, 5000, 9048, true}};
  PIPIT_NEED_DATA(data_path("slam/posegraphs"));
  for (const Known& known : all) {
    const std::string path = data_path(std::string("slam/posegraphs/") + known.file);
    if (path.empty()) continue;
    const Result<AnyPoseGraph> any = read_pose_graph(path);
    ASSERT_TRUE(any) << any.error().message;
    std::visit(
        [&](const auto& graph) {
          EXPECT_EQ(graph.kDim, known.dim) << known.file;
          EXPECT_EQ(graph.num_poses(), known.poses) << known.file;
          EXPECT_EQ(graph.edges.size(), static_cast<std::size_t>(known.edges)) << known.file;
          EXPECT_EQ(graph.has_vertices, known.vertices) << known.file;
          EXPECT_EQ(graph.dropped_edges, 0) << known.file;
        },
        *any);
  }
}

}  // namespace
}  // namespace pipit
