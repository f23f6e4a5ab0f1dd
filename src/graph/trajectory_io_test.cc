// Trajectories from files, and which pose belongs to which.
#include <gmock/gmock.h>

#include <Eigen/Geometry>
#include <sstream>

#include "base/random.h"
#include "graph/trajectory_io.h"
#include "poses/g2o_io.h"
#include "poses/generate.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

using testing::HasSubstr;

Trajectory read(std::string_view text) {
  const Result<Trajectory> result = parse_trajectory(text, "test");
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : Trajectory();
}
std::string reason(std::string_view text) {
  const Result<Trajectory> result = parse_trajectory(text, "test");
  return result ? "was read" : result.error().message;
}

std::vector<SE3<double>> any_poses(int n) {
  Random random(4);
  std::vector<SE3<double>> poses(n);
  for (auto& pose : poses) {
    pose.q = Eigen::Quaterniond(random.normal(), random.normal(), random.normal(), random.normal()).normalized();
    pose.t = {random.normal(), random.normal(), random.normal()};
  }
  return poses;
}
std::string tum(const std::vector<SE3<double>>& poses, double start, double period) {
  std::ostringstream out;
  out.precision(17);
  out << "# stamp x y z qx qy qz qw\n";
  for (std::size_t i = 0; i < poses.size(); ++i)
    out << start + period * static_cast<double>(i) << ' ' << poses[i].t.transpose() << ' '
        << poses[i].q.coeffs().transpose() << '\n';
  return out.str();
}
std::string kitti(const std::vector<SE3<double>>& poses) {
  std::ostringstream out;
  out.precision(17);
  for (const auto& pose : poses) {
    const Eigen::Matrix<double, 3, 4> M = pose.matrix().topRows<3>();
    for (int r = 0; r < 3; ++r) out << M.row(r) << ' ';
    out << '\n';
  }
  return out.str();
}

TEST(Trajectory, EachFormatHoldsTheSamePoses) {
  const auto poses = any_poses(20);
  PoseGraph3 graph;
  graph.poses = poses;
  for (int i = 0; i < 20; ++i) graph.ids.push_back(i);
  const Trajectory all[] = {read(tum(poses, 1e9, 0.1)), read(kitti(poses)), read(to_g2o(graph))};
  for (const Trajectory& trajectory : all) {
    ASSERT_EQ(trajectory.poses.size(), 20u);
    for (int i = 0; i < 20; ++i)
      EXPECT_LT(trajectory.poses[i].local(poses[i]).norm(), 1e-14);  // through a matrix and back: some eps
  }
  EXPECT_DOUBLE_EQ(all[0].times[3], 1e9 + 0.1 * 3);
  EXPECT_EQ(all[1].ids[3], 3);
  EXPECT_FALSE(all[2].plane);
}

TEST(Trajectory, PosesOfThePlaneAreLifted) {
  const Trajectory trajectory = read("VERTEX_SE2 4 1 2 0.5\n");
  EXPECT_TRUE(trajectory.plane);
  EXPECT_EQ(trajectory.ids[0], 4);
  EXPECT_EQ(trajectory.poses[0].t, Eigen::Vector3d(1, 2, 0));
  EXPECT_NEAR(trajectory.poses[0].so3().log()[2], 0.5, 1e-15);
}

TEST(Trajectory, EdgesAreChainedAlongOdometry) {
  const Trajectory trajectory =
      read("EDGE2 0 2 9 9 9 1 0 0 1 0 1\nEDGE2 0 1 1 0 1.5707963267948966 1 0 0 1 0 1\nEDGE2 1 2 1 0 0 1 0 0 1 0 1\n");
  EXPECT_LT((trajectory.poses[2].t - Eigen::Vector3d(1, 1, 0)).norm(), 1e-15);
}

TEST(Trajectory, WhatIsWrongIsSaid) {
  EXPECT_EQ(reason(""), "test: the file is empty, wanted a trajectory");
  EXPECT_EQ(reason("1 2 3\n"), "test: the first line has 3 fields, wanted 8 (TUM) or 12 (KITTI)");
  EXPECT_EQ(reason("1 0 0 0 0 0 0 1\n2 0 0 0 0 0 0\n"), "test:2: the line ends after 7 fields, wanted a number");
  EXPECT_EQ(reason("1 0 0 0 0 0 0 1 5\n").substr(0, 31), "test: the first line has 9 fiel");
  EXPECT_EQ(reason("1 0 0 0 0 0 0 1\n2 0 0 0 0 0 0 1 7\n"), "test:2: extra field '7' after 8 fields");
  EXPECT_EQ(reason("1 0 0 0 0 0 0 0\n"), "test:1: the quaternion is zero, wanted one of unit length");
  EXPECT_EQ(reason("1 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n"), "test:2: has the time stamp of line 1");
  EXPECT_THAT(reason("1 0 nan 0 0 0 0 1\n"), HasSubstr("field 3 is 'nan'"));
  EXPECT_EQ(reason("1 0 0 0 0 1 0 0 0 0 2 0\n"), "test:1: the 3x3 matrix is no rotation");
  EXPECT_EQ(reason("-1 0 0 0 0 1 0 0 0 0 1 0\n"), "test:1: the 3x3 matrix is no rotation");  // a mirror
  EXPECT_THAT(reason("hello\n"), HasSubstr("unknown record 'hello'"));
  EXPECT_THAT(reason("EDGE2 0 1 1 0 0 1 0 0 1 0 1\nEDGE2 5 6 1 0 0 1 0 0 1 0 1\n"), HasSubstr("not connected"));
  EXPECT_EQ(read_trajectory("/nowhere/at/all.txt").error().code, Code::NotFound);
}

TEST(Match, GoesById) {
  const Trajectory est = read("VERTEX_SE2 1 0 0 0\nVERTEX_SE2 3 1 0 0\nVERTEX_SE2 5 2 0 0\nVERTEX_SE2 9 3 0 0\n");
  const Trajectory ref = read("VERTEX_SE2 5 12 0 0\nVERTEX_SE2 3 11 0 0\nVERTEX_SE2 2 0 5 0\nVERTEX_SE2 1 10 0 0\n");
  const auto both = match(est, ref);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->matched, 3u);
  EXPECT_EQ(both->unmatched, 1u);
  EXPECT_EQ(both->ref[2].t.x(), 12);
  // eps of 12 m is 2.7e-15, and the alignment rounds a few times; without it squares of 10 are added and rooted: 4 eps.
  EXPECT_LT(ate(*both, Align::Rigid).position_m.rmse, 1e-14);
  EXPECT_NEAR(ate(*both, Align::None).position_m.rmse, 10, 1e-14);
}

TEST(Match, GoesToTheNearestTimeWithin20Milliseconds) {
  const auto poses = any_poses(10);
  const Trajectory ref = read(tum(poses, 100, 0.1));
  // 15 ms late, 15 ms early: the same partners. 25 ms: none.
  for (const double shift : {0.015, -0.015}) {
    const auto both = match(read(tum(poses, 100 + shift, 0.1)), ref);
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_EQ(both->matched, 10u);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(both->est[i].t, both->ref[i].t);
  }
  EXPECT_THAT(match(read(tum(poses, 100.025, 0.1)), ref).error().message,
              HasSubstr("0 of 10 poses have a partner, wanted at least 3"));
}

TEST(Match, APerfectEstimateOfAnyRateHasNoError) {
  // 10 s of a curve, the reference at 10 Hz, the estimate of the same curve at 100, 10 and 5 Hz.
  const auto curve = [](double rate) {
    std::vector<SE3<double>> poses;
    for (int i = 0; i <= static_cast<int>(10 * rate); ++i) {
      const double t = i / rate;
      SE3<double> pose;
      pose.t = {t, std::sin(t), 0.1 * t};
      poses.push_back(pose);
    }
    return tum(poses, 50, 1 / rate);
  };
  const Trajectory ref = read(curve(10));
  for (const double rate : {100.0, 10.0, 5.0}) {
    const Trajectory est = read(curve(rate));
    const auto both = match(est, ref);
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_EQ(both->matched, std::min(est.poses.size(), ref.poses.size()));
    EXPECT_EQ(both->unmatched, est.poses.size() - both->matched);
    EXPECT_EQ(both->unmatched_ref, ref.poses.size() - both->matched);
    // The stamps of both agree to eps * 60 s and the curve's speed is below 1.5 m/s: eps * 100 m, and as much from the
    // alignment.
    EXPECT_LT(ate(*both, Align::Rigid).position_m.max, 1e-13) << rate;
    EXPECT_EQ(both->frames.size(), both->matched - 1);
  }
}

TEST(Match, TakesTheClosestFirstNobodyTwiceAndNeverCrosses) {
  const auto at = [](const std::vector<double>& times) {
    Trajectory out;
    for (const double time : times) {
      out.times.push_back(time);
      SE3<double> pose;
      pose.t.x() = time;
      out.poses.push_back(pose);
    }
    return out;
  };
  const auto pairs = [&](std::vector<double> est, std::vector<double> ref) {
    // Three far away make the minimum of three.
    for (auto* times : {&est, &ref}) times->insert(times->end(), {1000, 1001, 1002});
    const auto both = match(at(est), at(ref));
    EXPECT_TRUE(both);
    std::vector<std::pair<double, double>> out;
    for (std::size_t k = 0; k + 3 < both->matched; ++k) out.emplace_back(both->est[k].t.x(), both->ref[k].t.x());
    EXPECT_EQ(both->unmatched, est.size() - both->matched);
    EXPECT_EQ(both->unmatched_ref, ref.size() - both->matched);
    return out;
  };
  using Pairs = std::vector<std::pair<double, double>>;
  EXPECT_EQ(pairs({0.010, 0.012}, {0.011, 0.013}), (Pairs{{0.010, 0.011}, {0.012, 0.013}}));
  EXPECT_EQ(pairs({0.000, 0.010}, {0.009}), (Pairs{{0.010, 0.009}}));
  EXPECT_EQ(pairs({0.010}, {0.000, 0.009, 0.012}), (Pairs{{0.010, 0.009}}));
  EXPECT_EQ(pairs({0.000, 0.010}, {0.009, 0.015}), (Pairs{{0.010, 0.009}}));  // 0 and 15 ms would cross
  EXPECT_EQ(pairs({0, 1}, {0.021, 1.02}), (Pairs{{1, 1.02}}));
  EXPECT_EQ(pairs({5}, {5}), (Pairs{{5, 5}}));

  // Against the definition, on draws: the closest free pair of all that crosses none, again and again.
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> est, ref;
    for (auto* times : {&est, &ref}) {
      for (int k = 0; k < 12; ++k) times->push_back(0.2 * random.uniform());
      std::sort(times->begin(), times->end());
    }
    Pairs wanted;
    for (;;) {
      std::pair<double, double> best;
      double gap = 0.02;
      for (const double e : est)
        for (const double r : ref) {
          bool free = std::abs(e - r) < gap;
          for (const auto& [x, y] : wanted) free = free && e != x && r != y && (e < x) == (r < y);
          if (free) gap = std::abs(e - r), best = {e, r};
        }
      if (gap == 0.02) break;
      wanted.push_back(best);
    }
    std::sort(wanted.begin(), wanted.end());
    ASSERT_EQ(pairs(est, ref), wanted) << round;
  }
}

TEST(Match, NeedsThreeAndOneKindOfKey) {
  const Trajectory three = read("VERTEX_SE2 1 0 0 0\nVERTEX_SE2 2 1 0 0\nVERTEX_SE2 3 2 0 0\n");
  const Trajectory two = read("VERTEX_SE2 1 0 0 0\nVERTEX_SE2 2 1 0 0\n");
  EXPECT_TRUE(match(three, three));
  EXPECT_FALSE(match(three, two));
  EXPECT_THAT(match(three, read(tum(any_poses(3), 0, 1))).error().message, HasSubstr("time stamps"));
}

TEST(Ate, DoesNotSeeARigidMotionAndStaysInThePlane) {
  auto sim = std::get<Simulated<SE2<double>>>(simulate_graph({.kind = GraphKind::City, .num_poses = 300}));
  PoseGraph2 moved = sim.graph, mirrored = sim.graph;
  const SE2<double> move{{40, -7}, 2.5};
  for (auto& pose : moved.poses) pose = move * pose;
  for (auto& pose : mirrored.poses) pose.t.y() = -pose.t.y();
  const Trajectory ref = read(to_g2o(sim.graph));
  EXPECT_LT(ate(*match(read(to_g2o(moved)), ref), Align::Rigid).position_m.rmse, 1e-12);  // eps * 40 m, some times
  // A turn about an axis in the plane would undo the mirror; no robot of the plane can make it.
  EXPECT_GT(ate(*match(read(to_g2o(mirrored)), ref), Align::Rigid).position_m.rmse, 0.5);
}

TEST(Rpe, IsWhatOneStepIsOff) {
  std::vector<SE3<double>> est(50), ref(50);
  for (int i = 0; i < 50; ++i) {
    ref[i].t.x() = 0.5 * i;
    est[i].t.x() = 0.51 * i;  // 2 % too far
  }
  const auto both = match(read(kitti(est)), read(kitti(ref)));
  ASSERT_TRUE(both);
  // 25 m are stored to eps * 25 m = 5.6e-15, so a step is known to two of these; the scale adds as much. Eight in all.
  EXPECT_NEAR(rpe(*both, Align::Rigid).per_frame.translation_m.rmse, 0.01, 4.5e-14);
  EXPECT_NEAR(rpe(*both, Align::Rigid).per_metre.translation_m.rmse, 0.02, 4.5e-14);
  EXPECT_LT(rpe(*both, Align::Similarity).per_frame.translation_m.rmse, 4.5e-14);
}

TEST(Rpe, OneFrameIsNoJumpOverAGap) {
  // 1 m a frame, 10 frames, 3 to 5 missing in the estimate; each step of the estimate is 1 cm too long.
  std::string g2o_est, g2o_ref, tum_est, tum_ref;
  for (int i = 0; i < 10; ++i) {
    const std::string ref = std::to_string(i), est = std::to_string(1.01 * i);
    g2o_ref += "VERTEX_SE2 " + std::to_string(10 * i) + " " + ref + " 0 0\n";
    tum_ref += std::to_string(0.1 * i) + " " + ref + " 0 0 0 0 0 1\n";
    if (i >= 3 && i <= 5) continue;
    g2o_est += "VERTEX_SE2 " + std::to_string(10 * i) + " " + est + " 0 0\n";
    tum_est += std::to_string(0.1 * i) + " " + est + " 0 0 0 0 0 1\n";
  }
  for (const auto& [a, b] : {std::pair(g2o_est, g2o_ref),
                             std::pair(tum_est, tum_ref),
                             std::pair(g2o_ref, g2o_est),
                             std::pair(tum_ref, tum_est)}) {
    const auto both = match(read(a), read(b));
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_EQ(both->matched, 7u);
    const Rpe one = rpe(*both, Align::None).per_frame;
    EXPECT_EQ(one.translation_m.count, 5u);           // 0-1, 1-2, 6-7, 7-8, 8-9
    EXPECT_NEAR(one.translation_m.max, 0.01, 1e-12);  // eps of 10 m; over the gap it would be 0.04
  }
}

TEST(Trajectory, ReadsThePublicTruths) {
  const std::string gt = data_path("slam/posegraphs/KITTI_00_gt.g2o"),
                    vo = data_path("slam/posegraphs/KITTI_00_vo.g2o"),
                    olson = data_path("slam/posegraphs/manhattanOlson3500_groundtruth.txt");
  PIPIT_NEED_DATA(gt);
  const auto truth = read_trajectory(gt), drive = read_trajectory(vo), chain = read_trajectory(olson);
  ASSERT_TRUE(truth && drive && chain);
  const auto both = match(*drive, *truth);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->matched, 4541u);
  // Visual odometry alone on a drive of 3.7 km: metres, not kilometres and not millimetres.
  const double rmse = ate(*both, Align::Rigid).position_m.rmse;
  EXPECT_GT(rmse, 1);
  EXPECT_LT(rmse, 100);
  EXPECT_EQ(chain->poses.size(), 3500u);
  // The truth of the Manhattan world stands on whole metres.
  for (const auto& pose : chain->poses) {
    ASSERT_NEAR(pose.t.x(), std::round(pose.t.x()), 1e-2);
    ASSERT_NEAR(pose.t.y(), std::round(pose.t.y()), 1e-2);
  }
}

}  // namespace
}  // namespace pipit
