#include "scene/map_io.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "scene/bal_io.h"
#include "scene/test_scenes.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr CameraModel kModels[] = {CameraModel::SimplePinhole,
                                   CameraModel::Pinhole,
                                   CameraModel::SimpleRadial,
                                   CameraModel::Radial,
                                   CameraModel::OpenCv,
                                   CameraModel::OpenCvFisheye,
                                   CameraModel::Bal};

/// A camera of every model that goes with `third`, two views of each, numbers of every size: nothing fits anything.
Scene wild_scene(Third third, std::uint64_t seed) {
  Random random(seed);
  const auto wild = [&] { return random.normal() * std::pow(10.0, random.uniform(-300, 99)); };
  Scene scene;
  scene.third = third;
  if (third == Third::RightU) scene.baseline_m = random.uniform(1e-3, 1);
  if (third == Third::Depth) scene.depth_sigma = std::abs(wild());
  for (const CameraModel model : kModels) {
    if (third == Third::RightU && is_fisheye(model)) continue;
    Camera& camera = scene.cameras.emplace_back(Camera{.model = model, .width = 641, .height = 0});
    for (int k = 0; k < camera.num_parameters(); ++k) camera.parameters[at(k)] = random.uniform(0.1, 900);
  }
  for (int k = 0; k < 2 * std::ssize(scene.cameras); ++k) {
    View view;
    view.camera = k / 2, view.fixed = k % 3 == 0;
    const Eigen::Vector3d turn(random.normal(), -0.0, random.normal());
    view.T_cam_world.q = SO3<double>::exp(turn).q;
    if (k % 4 == 0) view.turn = turn;
    // A long chain of products leaves unit length by some eps.
    const Eigen::Quaterniond link = view.T_cam_world.q;
    for (int times = 0; k % 4 == 1 && times < 300; ++times) view.T_cam_world.q = view.T_cam_world.q * link;
    view.T_cam_world.t = {wild(), -0.0, wild()};
    scene.views.push_back(view);
  }
  for (std::int32_t p = 0; p < 5; ++p) {
    scene.points.emplace_back(wild(), wild(), wild());
    for (std::int32_t v = p; v < std::ssize(scene.views); v += 3)
      scene.observations.push_back({v, p, wild(), wild(), third == Third::None ? 0 : std::abs(wild())});
  }
  return scene;
}

std::vector<std::uint64_t> bits_of(const Scene& scene) {
  std::vector<std::uint64_t> out;
  const auto add = [&](double v) { out.push_back(std::isnan(v) ? 0 : std::bit_cast<std::uint64_t>(v)); };
  const auto count = [&](std::int64_t v) { out.push_back(static_cast<std::uint64_t>(v)); };
  count(static_cast<int>(scene.third)), add(scene.baseline_m), add(scene.depth_sigma);
  count(std::ssize(scene.cameras)), count(std::ssize(scene.views)), count(std::ssize(scene.points));
  for (const Camera& camera : scene.cameras) {
    count(static_cast<int>(camera.model)), count(camera.width), count(camera.height);
    for (const double v : camera.parameters) add(v);
  }
  for (const View& view : scene.views) {
    count(view.camera), count(view.fixed ? 1 : 0);
    for (const double v : view.T_cam_world.q.coeffs()) add(v);
    for (const double v : view.T_cam_world.t) add(v);
    for (const double v : view.turn) add(v);
  }
  for (const Eigen::Vector3d& p : scene.points)
    for (const double v : p) add(v);
  for (const Observation& o : scene.observations) count(o.view), count(o.point), add(o.u), add(o.v), add(o.third);
  return out;
}

TEST(MapIo, WhateverASceneHoldsIsReadAgainToTheBit) {
  for (const Third third : {Third::None, Third::RightU, Third::Depth})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Scene made = wild_scene(third, seed);
      const std::string text = to_map(made);
      const auto read = parse_map(text, "made");
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(bits_of(*read), bits_of(made)) << seed;
      EXPECT_EQ(to_map(*read), text) << seed;
    }
}

TEST(MapIo, BalBecomesAMapAndBalAgainToTheBit) {
  Random random(3);
  std::string text = "3 1 3\n0 0 1 2\n1 0 1 2\n2 0 1 2\n";
  for (int number = 0; number < 3 * 9 + 3; ++number) text += fmt::format("{}\n", random.uniform(0.1, 2));
  const auto bal = parse_bal(text, "bal");
  ASSERT_TRUE(bal) << bal.error().message;
  const auto map = parse_map(to_map(*bal), "map");
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(bits_of(*map), bits_of(*bal));
  EXPECT_EQ(to_bal(*map), to_bal(*bal));
}

TEST(MapIo, ATurnIsWrittenWhileItsViewHasIt) {
  Scene scene = parse_map(small_map(), "map").value();
  EXPECT_NE(to_map(scene).find("turn 0.1 0.2 0.3"), std::string::npos);
  scene.views[2].T_cam_world = scene.views[1].T_cam_world;
  EXPECT_EQ(to_map(scene).find("turn 0.1 0.2 0.3"), std::string::npos);
  const auto moved = parse_map(to_map(scene), "moved");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->views[2].T_cam_world.q.coeffs(), scene.views[1].T_cam_world.q.coeffs());
  EXPECT_TRUE(moved->views[2].turn.hasNaN());
}

TEST(MapIo, OtherFormatsCostTheSameAsMaps) {
  for (const Scene& scene : {parse_bal(small_bal(), "bal").value(),
                             parse_stereo(small_stereo(), kStereoNames)->scene,
                             parse_colmap(small_colmap(), kColmapNames)->scene}) {
    const auto map = parse_map(to_map(scene), "map");
    ASSERT_TRUE(map) << map.error().message;
    EXPECT_EQ(bits_of(*map), bits_of(scene));
    EXPECT_GT(error_of(scene).cost, 0);
    EXPECT_EQ(error_of(*map).cost, error_of(scene).cost);
  }
}

TEST(MapIo, EveryTruncationIsRefused) {
  const std::string text = small_map();
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const auto read = parse_map(std::string_view(text).substr(0, size), "cut");
    ASSERT_FALSE(read) << size << " bytes of " << text.size();
    EXPECT_TRUE(read.error().message.starts_with("cut:")) << read.error().message;
    EXPECT_TRUE(std::all_of(read.error().message.begin(), read.error().message.end(), [](char c) {
      return c >= ' ' && c <= '~';
    })) << read.error().message;
  }
  EXPECT_TRUE(parse_map(std::string_view(text).substr(0, text.size() - 1), "no end of line"));
}

TEST(MapIo, HandsMayOrderLinesAndTypeFewDigits) {
  const Scene plain = parse_map(small_map(), "map").value();
  std::string typed = "pipit-map\t1   # mine\r\ncounts 2 3 2 4\r\nthird depth +1e-2\r\n \t# nothing\r\n";
  const std::string whole = small_map();
  for (const char* kind : {"point", "seen", "view", "camera", "end"}) {
    Lines lines(whole);
    while (const auto line = lines.next())
      if (line->starts_with(kind)) typed += fmt::format("  {}\r\n", *line);
  }
  const auto read = parse_map(typed, "typed");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(bits_of(*read), bits_of(plain));

  std::string few = small_map();
  few.replace(few.find("0.8 0 0.6 0"), 11, "0.7071 0 -0.7071 0");
  const auto rounded = parse_map(few, "few");
  ASSERT_TRUE(rounded) << rounded.error().message;
  const Eigen::Quaterniond q = rounded->views[1].T_cam_world.q;
  EXPECT_NEAR(q.norm(), 1, 4e-16);
  EXPECT_NEAR(q.w(), std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(q.y(), -std::sqrt(0.5), 1e-15);
  EXPECT_EQ(bits_of(parse_map(to_map(*rounded), "again").value()), bits_of(*rounded));
}

TEST(MapIo, TheDocumentsExampleIsOne) {
  const std::string document = read_file(PIPIT_SOURCE_DIR "/docs/map_format.md").value(), fence = "```\n";
  const std::size_t begin = document.find(fence + "pipit-map");
  ASSERT_NE(begin, std::string::npos);
  const auto read = parse_map(
      std::string_view(document).substr(begin + fence.size(), document.find("\n```", begin) - begin - fence.size()),
      "example");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_LT(error_of(*read).cost, 100) << "an example that fits";
}

TEST(MapIo, FilesAreTheSameAsTexts) {
  const std::string path = testing::TempDir() + "pipit_map_" + std::to_string(::getpid()) + ".map";
  EXPECT_TRUE(names_map(path));
  EXPECT_FALSE(names_map("map") || names_map("a.map.txt") || names_map("-"));
  const Scene scene = wild_scene(Third::Depth, 1);
  ASSERT_TRUE(write_map(path, scene));
  EXPECT_EQ(read_file(path).value(), to_map(scene));
  const auto read = read_map(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(bits_of(*read), bits_of(scene));
  std::filesystem::remove(path);
  EXPECT_EQ(read_map(path).error().code, Code::NotFound);
}

}  // namespace
}  // namespace pipit
