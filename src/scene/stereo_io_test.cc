// Stereo factors in and out.
#include "scene/stereo_io.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <Eigen/Geometry>
#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "scene/test_scenes.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

using testing::HasSubstr;

/// A drive ahead past landmarks, seen without error; numbers of views and landmarks have gaps.
StereoScene small_drive() {
  Random random(4);
  StereoScene out;
  Scene& scene = out.scene;
  scene.cameras.push_back({.model = CameraModel::Pinhole, .parameters = {700, 710, 600, 180}});
  scene.third = Third::RightU, scene.baseline_m = 0.5;
  for (int k = 0; k < 5; ++k) {
    const SE3<double> T_world_cam =
        SE3<double>::exp((SE3<double>::Tangent() << 0.1, 0, 0.9 * k, 0.01, 0.05 * k, 0).finished());
    scene.views.push_back({.T_cam_world = T_world_cam.inverse(), .fixed = k == 0});
    out.ids.views.push_back(3 * k + 2);
  }
  for (int k = 0; k < 30; ++k) {
    scene.points.emplace_back(random.uniform(-5, 5), random.uniform(-2, 2), random.uniform(8, 20));
    out.ids.landmarks.push_back(7 * k + 1);
  }
  for (std::int32_t p = 0; p < 30; ++p)
    for (std::int32_t v = p % 2; v < 5; ++v) {
      const Eigen::Vector3d at =
          scene.views[static_cast<std::size_t>(v)].T_cam_world.act(scene.points[static_cast<std::size_t>(p)]);
      const auto seen = scene.cameras[0].sight(at);
      scene.observations.push_back({v, p, seen->pixel[0], seen->pixel[1], seen->pixel[0] - 700 * 0.5 / at.z()});
    }
  return out;
}

void expect_same(const StereoScene& a, const StereoScene& b) {
  EXPECT_EQ(a.ids.views, b.ids.views);
  EXPECT_EQ(a.ids.landmarks, b.ids.landmarks);
  EXPECT_EQ(a.scene.baseline_m, b.scene.baseline_m);
  EXPECT_EQ(a.scene.cameras.at(0).parameters, b.scene.cameras.at(0).parameters);
  ASSERT_EQ(a.scene.views.size(), b.scene.views.size());
  // A pose goes through its inverse's matrix and back, distances are below 1000 m: some eps of that.
  for (std::size_t k = 0; k < a.scene.views.size(); ++k) {
    EXPECT_LT(a.scene.views[k].T_cam_world.local(b.scene.views[k].T_cam_world).norm(), 1e-12);
    EXPECT_EQ(a.scene.views[k].fixed, b.scene.views[k].fixed);
  }
  ASSERT_EQ(a.scene.points.size(), b.scene.points.size());
  for (std::size_t k = 0; k < a.scene.points.size(); ++k)
    EXPECT_LT((a.scene.points[k] - b.scene.points[k]).norm(), 1e-12 * (1 + a.scene.points[k].norm()));
  ASSERT_EQ(a.scene.observations.size(), b.scene.observations.size());
  for (std::size_t k = 0; k < a.scene.observations.size(); ++k) {
    const Observation &x = a.scene.observations[k], &y = b.scene.observations[k];
    EXPECT_TRUE(x.view == y.view && x.point == y.point && x.u == y.u && x.v == y.v && x.third == y.third) << k;
  }
}

TEST(Stereo, WhatWasMadeIsReadAgain) {
  const StereoScene made = small_drive();
  const auto read = parse_stereo(to_stereo(made.scene, made.ids), kStereoNames);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, made);
  EXPECT_LT(error_of(read->scene).cost, 1e-18);
  EXPECT_EQ(error_of(read->scene).not_seen, 0);
}

TEST(Stereo, PosesAreThoseOfTheCameraAndLandmarksStartAtTheirFirstSight) {
  // The camera stands at (1, 2, 3) and looks along the world's x: z forward is x, x right is -y.
  const StereoFiles texts{"5 9 0 0 0 1 0 4\n6 9 0 0 0 7 7 7\n",
                          "6 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n5 0 0 1 1  -1 0 0 2  0 -1 0 3  0 0 0 1\n",
                          "700 710 0.0 600 180 0.5"};
  const auto read = parse_stereo(texts, kStereoNames);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ids.views, (std::vector<std::int64_t>{6, 5}));
  EXPECT_TRUE(read->scene.views[0].fixed && !read->scene.views[1].fixed);
  EXPECT_LT((read->scene.points.at(0) - Eigen::Vector3d(5, 1, 3)).norm(), 1e-14);
  EXPECT_LT((read->scene.views[1].T_cam_world.act({5, 1, 3}) - Eigen::Vector3d(1, 0, 4)).norm(), 1e-14);
}

TEST(Stereo, RotationsWithSixDigitsBecomeRotations) {
  StereoFiles texts{"0 9 0 0 0 1 0 4\n",
                    "0 0.999969 -0.00120771 -0.00772489 -0.0100328 0.00117985 0.999993 -0.003611 -0.0111185 0.00772919 "
                    "0.00360178 0.999964 1.37125 0 0 0 1\n",
                    "700 710 0.0 600 180 0.5"};
  const auto read = parse_stereo(texts, kStereoNames);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_NEAR(read->scene.views[0].T_cam_world.q.norm(), 1, 4e-16);
  EXPECT_NEAR(read->scene.views[0].T_cam_world.rotation()(0, 1), 0.00117985, 1e-6) << "transposed: world to camera";
}

TEST(Stereo, FilesFindEachOther) {
  const auto s = stereo_paths("/d/VO_stereo_factors00s.txt");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->poses, "/d/VO_camera_poses00s.txt");
  EXPECT_EQ(s->calibration, "/d/VO_calibration00.txt");
  const auto small = stereo_paths("VO_stereo_factors_small.txt");
  ASSERT_TRUE(small);
  EXPECT_EQ(small->poses, "VO_camera_poses_small.txt");
  EXPECT_EQ(small->calibration, "VO_calibration.txt");
  EXPECT_THAT(stereo_paths("/d/factors.txt").error().message,
              HasSubstr("/d/factors.txt: wanted a name like VO_stereo_factors00s.txt"));
}

TEST(Stereo, AMissingFileIsNamed) {
  const std::filesystem::path folder = testing::TempDir() + "pipit_stereo_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  const StereoScene made = small_drive();
  const std::string factors = folder / "VO_stereo_factors7x.txt";
  const auto paths = stereo_paths(factors);
  ASSERT_TRUE(paths);
  ASSERT_TRUE(write_stereo(*paths, made.scene, made.ids));
  const auto read = read_stereo(factors);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, made);
  for (const std::string name : {"VO_camera_poses7x.txt", "VO_calibration7.txt"}) {
    std::filesystem::rename(folder / name, folder / "away");
    const auto gone = read_stereo(factors);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Code::NotFound);
    EXPECT_EQ(gone.error().message,
              (folder / name).string() + ": cannot open: No such file or directory (wanted for " + factors + ")");
    std::filesystem::rename(folder / "away", folder / name);
  }
  // One of the three cannot be written: the other two stay as they are.
  const std::string before = read_file(paths->poses).value();
  StereoScene moved = made;
  moved.scene.views[1].T_cam_world.t.x() += 1;
  EXPECT_FALSE(write_stereo({factors, paths->poses, folder / "nowhere/calibration"}, moved.scene, moved.ids));
  EXPECT_EQ(read_file(paths->poses).value(), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 3);
  std::filesystem::remove_all(folder);
}

TEST(Stereo, KittiDriveIsWhatItsReadmeSays) {
  const std::string path = data_path("slam/bundle/VO_stereo_factors00s.txt");
  PIPIT_NEED_DATA(path);
  const auto read = read_stereo(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->scene.views.size(), 77u);
  EXPECT_EQ(read->scene.points.size(), 15638u);
  EXPECT_EQ(read->scene.observations.size(), 52544u);
  EXPECT_NEAR(read->scene.baseline_m, 0.537, 1e-3);
  const SceneError error = error_of(read->scene);
  EXPECT_EQ(error.not_seen, 0);
  EXPECT_LT(error.rms_px, 10) << "frames mixed up would give hundreds of pixels";
  // Where a landmark starts, its first view sees it exactly: X Y Z has 6 digits, so 1e-5 of 600 px from the centre.
  std::vector<bool> seen(read->scene.points.size());
  for (const Observation& o : read->scene.observations) {
    const auto point = static_cast<std::size_t>(o.point);
    if (seen[point]) continue;
    seen[point] = true;
    const Eigen::Vector3d at =
        read->scene.views[static_cast<std::size_t>(o.view)].T_cam_world.act(read->scene.points[point]);
    const auto sight = read->scene.cameras[0].sight(at);
    ASSERT_TRUE(sight);
    EXPECT_LT(std::hypot(sight->pixel[0] - o.u, sight->pixel[1] - o.v), 0.02) << o.view << ' ' << o.point;
  }
  const auto again = parse_stereo(to_stereo(read->scene, read->ids), kStereoNames);
  ASSERT_TRUE(again) << again.error().message;
  expect_same(*again, *read);
  EXPECT_TRUE(read_stereo(data_path("slam/bundle/VO_stereo_factors_small.txt")));
}

}  // namespace
}  // namespace pipit
