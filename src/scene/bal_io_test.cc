#include "scene/bal_io.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "scene/pair_set.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

/// `views` cameras in a row that look along -z at points in front of them.
Scene small_scene(int views, int points, std::uint64_t seed) {
  Random random(seed);
  Scene scene;
  for (int k = 0; k < views; ++k) {
    View view{
        .T_cam_world = SE3<double>::exp((SE3<double>::Tangent() << 0.3 * k, 0.01, 0, 0.01, 0.02 * k, 0.1).finished()),
        .camera = k};
    scene.views.push_back(view);
    scene.cameras.push_back({.model = CameraModel::Bal, .parameters = {500, -0.05, 0.002}});
  }
  for (int k = 0; k < points; ++k)
    scene.points.emplace_back(random.uniform(-2, 2), random.uniform(-2, 2), random.uniform(-9, -5));
  for (std::int32_t v = 0; v < views; ++v)
    for (std::int32_t p = 0; p < points; ++p) {
      const auto seen = scene.cameras[static_cast<std::size_t>(v)].sight(
          scene.views[static_cast<std::size_t>(v)].T_cam_world.act(scene.points[static_cast<std::size_t>(p)]));
      if (seen) scene.observations.push_back({v, p, seen->pixel[0], seen->pixel[1]});
    }
  return scene;
}

void expect_same_bits(const Scene& a, const Scene& b) {
  ASSERT_EQ(a.views.size(), b.views.size());
  ASSERT_EQ(a.points.size(), b.points.size());
  ASSERT_EQ(a.observations.size(), b.observations.size());
  for (std::size_t k = 0; k < a.views.size(); ++k) {
    EXPECT_EQ(a.views[k].T_cam_world.q.coeffs(), b.views[k].T_cam_world.q.coeffs());
    EXPECT_EQ(a.views[k].T_cam_world.t, b.views[k].T_cam_world.t);
    EXPECT_EQ(a.views[k].turn, b.views[k].turn);
    EXPECT_EQ(a.cameras[k].parameters, b.cameras[k].parameters);
  }
  EXPECT_EQ(a.points, b.points);
  for (std::size_t k = 0; k < a.observations.size(); ++k) {
    EXPECT_EQ(a.observations[k].view, b.observations[k].view);
    EXPECT_EQ(a.observations[k].point, b.observations[k].point);
    EXPECT_EQ(a.observations[k].u, b.observations[k].u);
    EXPECT_EQ(a.observations[k].v, b.observations[k].v);
  }
}

TEST(Bal, WhatWasMadeIsReadAgain) {
  const Scene made = small_scene(5, 40, 1);
  ASSERT_GT(made.observations.size(), 100u);
  const auto read = parse_bal(to_bal(made), "made");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_LT(error_of(*read).cost, 1e-18) << "turns go through angle-axis: 1e-16 of 500 px each";
  EXPECT_EQ(error_of(*read).not_seen, 0);
  const auto again = parse_bal(to_bal(*read), "again");
  ASSERT_TRUE(again);
  expect_same_bits(*again, *read);
  EXPECT_EQ(to_bal(*again), to_bal(*read));
}

TEST(Bal, AViewThatMovedIsWrittenWhereItIs) {
  const auto read = parse_bal(to_bal(small_scene(3, 20, 2)), "made");
  ASSERT_TRUE(read);
  Scene moved = *read;
  moved.views[1].T_cam_world =
      moved.views[1].T_cam_world.retract((SE3<double>::Tangent() << 0.1, 0, 0, 0.02, 0, 0).finished());
  const auto back = parse_bal(to_bal(moved), "moved");
  ASSERT_TRUE(back);
  EXPECT_NEAR(error_of(*back).cost, error_of(moved).cost, 1e-9 * error_of(moved).cost);
  EXPECT_GT(error_of(*back).cost, 1);
}

TEST(Bal, LadybugStartsWhereItsPaperSays) {
  for (const auto& [name, cost] :
       {std::pair("ladybug-49-7776.txt", 8.509125e5), std::pair("ladybug-49-1800.txt", 2.345198e5)}) {
    const std::string path = data_path(std::string("slam/bundle/") + name);
    PIPIT_NEED_DATA(path);
    const auto scene = read_bal(path);
    ASSERT_TRUE(scene) << scene.error().message;
    EXPECT_NEAR(error_of(*scene).cost, cost, 0.5e-6 * cost) << "to the digits that are known";
    const auto again = parse_bal(to_bal(*scene), "again");
    ASSERT_TRUE(again);
    expect_same_bits(*again, *scene);
  }
}

// Read by the line from a file or from memory, all on one line or a number a line: the same scene.
TEST(Bal, EndsOfLineAreBlanks) {
  const std::string text = to_bal(small_scene(3, 20, 3));
  std::string one_line = text, many_lines = text;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  std::replace(many_lines.begin(), many_lines.end(), ' ', '\n');
  const auto read = parse_bal(text, "f");
  ASSERT_TRUE(read);
  const std::string path = testing::TempDir() + "pipit_bal_" + std::to_string(::getpid());
  for (const std::string& other : {one_line, many_lines, "\r\n\t" + one_line + "\r\n\r\n"}) {
    const auto again = parse_bal(other, "f");
    ASSERT_TRUE(again) << again.error().message;
    expect_same_bits(*again, *read);
    ASSERT_TRUE(write_file(path, other));
    const auto from_file = read_bal(path);
    ASSERT_TRUE(from_file) << from_file.error().message;
    expect_same_bits(*from_file, *read);
  }
  std::filesystem::remove(path);
}

TEST(PairSet, KnowsWhatWasThere) {
  PairSet pairs;
  std::set<std::pair<std::int32_t, std::int32_t>> known;
  Random random(5);
  for (int k = 0; k < 20'000; ++k) {
    const auto view = static_cast<std::int32_t>(random.below(150)), point = static_cast<std::int32_t>(random.below(99));
    EXPECT_EQ(pairs.insert(view, point), known.emplace(view, point).second);
  }
  EXPECT_TRUE(pairs.insert(INT32_MAX, INT32_MAX));
  EXPECT_FALSE(pairs.insert(INT32_MAX, INT32_MAX));
}

TEST(Bal, AnyPlainCameraIsSeenTheSameAsBal) {
  Random random(3);
  Scene scene;
  scene.cameras = {{.model = CameraModel::Pinhole, .parameters = {450, 450, 320, 240}},
                   {.model = CameraModel::Radial, .parameters = {500, 300, 250, -0.05, 0.01}},
                   {.model = CameraModel::SimpleRadial, .parameters = {480, 310, 230, 0.02}}};
  for (std::int32_t v = 0; v < 6; ++v) {
    SE3<double>::Tangent d;
    for (int k = 0; k < 6; ++k) d[k] = 0.3 * random.normal();
    scene.views.push_back({.T_cam_world = SE3<double>::exp(d), .camera = v % 3});
  }
  for (std::int32_t p = 0; p < 30; ++p) {
    scene.points.emplace_back(random.uniform(-2, 2), random.uniform(-2, 2), random.uniform(5, 9));
    for (std::int32_t v = 0; v < 6; ++v)
      scene.observations.push_back({v, p, random.uniform(0, 640), random.uniform(0, 480)});
  }
  const auto bal = as_bal(scene);
  ASSERT_TRUE(bal) << bal.error().message;
  // An error of some 300 px is off by 1e-13 of itself, that twice and more for its square.
  EXPECT_NEAR(error_of(*bal).cost, error_of(scene).cost, 1e-12 * error_of(scene).cost);
  const auto back = parse_bal(to_bal(*bal), "back");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_NEAR(error_of(*back).cost, error_of(scene).cost, 1e-12 * error_of(scene).cost);
  const auto again = as_bal(*back);
  ASSERT_TRUE(again);
  expect_same_bits(*again, *back);
  scene.cameras[0].parameters[1] = 451;
  EXPECT_NE(as_bal(scene).error().message.find("PINHOLE with fx 450, fy 451"), std::string::npos);
  scene.cameras[0].parameters[1] = 450;
  scene.third = Third::Depth;
  EXPECT_NE(as_bal(scene).error().message.find("third number"), std::string::npos);
}

TEST(Bal, OneClearLineForWhatIsWrong) {
  const std::string good = "1 1 1\n0 0 1.5 2.5\n0 0 0 0 0 0 500 0 0\n1 2 -3\n";
  const auto message = [](const std::string& text) {
    const auto got = parse_bal(text, "f");
    return got ? std::string("read") : got.error().message;
  };
  EXPECT_EQ(message(good), "read");
  EXPECT_EQ(message(""), "f:1: the file ends, wanted the number of cameras");
  EXPECT_EQ(message("0 1 1\n").substr(0, 41), "f:1: the number of cameras is '0', wanted");
  EXPECT_NE(message("1 99999999999 1\n").find("the number of points"), std::string::npos)
      << "more than a file can hold";
  EXPECT_EQ(message("1 1 1\n1 0 1 2\n" + good.substr(16)),
            "f:2: the camera of an observation is '1', wanted a whole number from 0 to 0");
  EXPECT_EQ(message("1 1 1\n0 0 nan 2\n" + good.substr(16)),
            "f:2: u is 'nan', wanted a finite number of at most 1e100");
  EXPECT_EQ(message(good.substr(0, good.size() - 4)), "f:4: the file ends, wanted a coordinate of a point");
  EXPECT_EQ(message(good + "7\n"), "f:5: '7' behind the end");
  EXPECT_EQ(message("1 1 2\n0 0 1 2\n0 0 1 2\n" + good.substr(16)), "f:3: camera 0 sees point 0 twice");
  std::string negative = good;
  negative.replace(negative.find("500"), 3, "-50");
  EXPECT_EQ(message(negative), "f:3: the focal length of camera 0 is -50, wanted more than 0");
  EXPECT_EQ(message("1 2 1\n0 1 1.5 2.5\n" + good.substr(16) + good.substr(good.size() - 7)),
            "f:2: no camera sees point 0, wanted one or more");
  EXPECT_FALSE(read_bal("/nowhere/at.all"));
}

}  // namespace
}  // namespace pipit
