// COLMAP's text models in and out.
#include "scene/colmap_io.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/random.h"
#include "scene/test_scenes.h"

namespace pipit {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

void expect_same_texts(const ColmapFiles& a, const ColmapFiles& b) {
  EXPECT_EQ(a.cameras, b.cameras);
  EXPECT_EQ(a.images, b.images);
  EXPECT_EQ(a.points, b.points);
}

/// Pairs of fields that differ.
std::vector<std::pair<std::string, std::string>> changes(const std::string& a, const std::string& b) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream as(a), bs(b);
  for (std::string x, y; as >> x && bs >> y;)
    if (x != y) out.emplace_back(x, y);
  return out;
}

TEST(Colmap, SaysWhatTheFilesSay) {
  const auto read = parse_colmap(small_colmap(), kColmapNames);
  ASSERT_TRUE(read) << read.error().message;
  const Scene& scene = read->scene;
  EXPECT_THAT(read->rest.cameras, testing::ElementsAre(7, 2));
  EXPECT_THAT(read->rest.images, testing::ElementsAre(10, 4, 5));
  EXPECT_THAT(read->rest.names, testing::ElementsAre("a/one.jpg", "two words.png", "three.jpg"));
  EXPECT_THAT(read->rest.points, testing::ElementsAre(63, 9));
  EXPECT_EQ(read->rest.unseen, 1);
  EXPECT_EQ(read->rest.repeated, 1);
  ASSERT_EQ(scene.cameras.size(), 2u);
  EXPECT_EQ(scene.cameras[0].model, CameraModel::OpenCvFisheye);
  EXPECT_EQ(scene.cameras[0].width, 640);
  EXPECT_EQ(scene.cameras[0].parameters[4], 0.01);
  EXPECT_EQ(scene.cameras[1].model, CameraModel::SimplePinhole);
  EXPECT_EQ(scene.views[1].camera, 1);
  EXPECT_NEAR(scene.views[0].T_cam_world.q.norm(), 1, 4e-16) << "the file has two digits";
  // Half a turn about y, w first: x and z change their signs; then the shift.
  EXPECT_LT((scene.views[1].T_cam_world.act({1, 2, 3}) - Eigen::Vector3d(-0.5, 2.25, 1)).norm(), 1e-15);
  ASSERT_EQ(scene.observations.size(), 4u);
  EXPECT_EQ(scene.observations[1].view, 0);
  EXPECT_EQ(scene.observations[1].point, 1);
  EXPECT_EQ(scene.observations[1].u, 30.25);
  EXPECT_EQ(scene.observations[3].view, 1);
  EXPECT_EQ(scene.third, Third::None);
}

TEST(Colmap, WhatDidNotChangeStaysTheSameBytes) {
  ColmapFiles texts = small_colmap();
  for (const bool carriage : {false, true}) {
    if (carriage)
      for (std::string* text : {&texts.cameras, &texts.images, &texts.points})
        for (std::size_t at = 0; (at = text->find('\n', at)) != std::string::npos; at += 2) text->insert(at, 1, '\r');
    const auto read = parse_colmap(texts, kColmapNames);
    ASSERT_TRUE(read) << read.error().message;
    expect_same_texts(to_colmap(read->scene, read->rest), texts);
  }
}

TEST(Colmap, OnlyWhatChangedIsWritten) {
  const ColmapFiles texts = small_colmap();
  const auto read = parse_colmap(texts, kColmapNames);
  ASSERT_TRUE(read);
  using testing::ElementsAre;
  using testing::Pair;
  Scene scene = read->scene;
  scene.cameras[0].parameters[7] = 0.5;
  scene.cameras[1].parameters[0] = 501.125;
  ColmapFiles now = to_colmap(scene, read->rest);
  EXPECT_THAT(changes(texts.cameras, now.cameras), ElementsAre(Pair("4e-3", "0.5"), Pair("5.00e2", "501.125")));
  EXPECT_EQ(now.images, texts.images);
  EXPECT_EQ(now.points, texts.points);

  scene = read->scene;
  scene.views[0].T_cam_world.t.y() = -0.1;
  scene.views[2].T_cam_world.q = Eigen::Quaterniond(0, 0, 0.6, 0.8);
  now = to_colmap(scene, read->rest);
  EXPECT_THAT(changes(texts.images, now.images),
              ElementsAre(Pair("0.2", "-0.1"), Pair("1", "0"), Pair("0", "0.6"), Pair("0", "0.8")));
  EXPECT_EQ(now.cameras, texts.cameras);
  EXPECT_EQ(now.points, texts.points);

  scene = read->scene;
  scene.points[1].z() = 4.5;
  now = to_colmap(scene, read->rest);
  const auto points = changes(texts.points, now.points);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_THAT(points[0], Pair("4", "4.5"));
  EXPECT_EQ(points[1].first, "0.75") << "the error of a point that moved";
  double sum = 0, count = 0;
  for (const Observation& o : scene.observations)
    if (o.point == 1) {
      const View& view = scene.views[static_cast<std::size_t>(o.view)];
      const auto sight =
          scene.cameras[static_cast<std::size_t>(view.camera)].sight(view.T_cam_world.act(scene.points[1]));
      if (!sight) continue;
      sum += std::hypot(sight->pixel[0] - o.u, sight->pixel[1] - o.v);
      ++count;
    }
  ASSERT_GT(count, 0);
  EXPECT_DOUBLE_EQ(std::stod(points[1].second), sum / count);
  EXPECT_EQ(now.images, texts.images);
}

TEST(Colmap, ChangedNumbersAreReadAgain) {
  const auto read = parse_colmap(small_colmap(), kColmapNames);
  ASSERT_TRUE(read);
  Scene scene = read->scene;
  Random random(3);
  for (View& view : scene.views) {
    SE3<double>::Tangent d;
    for (int k = 0; k < 6; ++k) d[k] = 0.1 * random.normal();
    view.T_cam_world = view.T_cam_world.retract(d);
  }
  for (Eigen::Vector3d& p : scene.points) p.x() += random.normal();
  const ColmapFiles texts = to_colmap(scene, read->rest);
  const auto again = parse_colmap(texts, kColmapNames);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->scene.points, scene.points);
  for (std::size_t k = 0; k < scene.views.size(); ++k) {
    EXPECT_LT((again->scene.views[k].T_cam_world.q.coeffs() - scene.views[k].T_cam_world.q.coeffs()).norm(), 1e-15);
    EXPECT_EQ(again->scene.views[k].T_cam_world.t, scene.views[k].T_cam_world.t);
  }
  expect_same_texts(to_colmap(again->scene, again->rest), texts);
}

TEST(Colmap, AFolderIsWrittenWholeOrNotAtAll) {
  const fs::path folder = testing::TempDir() + "pipit_colmap_" + std::to_string(::getpid());
  fs::remove_all(folder);
  const auto read = parse_colmap(small_colmap(), kColmapNames);
  ASSERT_TRUE(read);
  ASSERT_TRUE(write_colmap(folder / "deep", read->scene, read->rest));
  const auto again = read_colmap(folder / "deep");
  ASSERT_TRUE(again) << again.error().message;
  expect_same_texts(again->rest.texts, small_colmap());

  fs::create_directory(folder / "half");
  fs::create_directory(folder / "half/points3D.txt");  // nothing can be written there
  EXPECT_FALSE(write_colmap(folder / "half", read->scene, read->rest));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "half"), {}), 1);

  ASSERT_TRUE(write_file(folder / "deep/frames.txt", ""));
  EXPECT_THAT(write_colmap(folder / "deep", read->scene, read->rest).error().message, HasSubstr("frames.txt"));
  fs::rename(folder / "deep/images.txt", folder / "deep/images.bin");
  EXPECT_THAT(read_colmap(folder / "deep").error().message,
              testing::AllOf(HasSubstr("deep/images.txt: cannot open"), HasSubstr("model_converter")));
  EXPECT_THAT(read_colmap(folder / "nowhere").error().message, HasSubstr("is no folder, wanted one with cameras.txt"));
  fs::remove_all(folder);
}

TEST(Colmap, LinesMayBeLong) {
  ColmapFiles texts = small_colmap();
  std::string many = "1 2 -1";
  while (many.size() < 2 * kLongestLine) many += " 123.5 456.25 -1";
  texts.images += "77 1 0 0 0 0 0 0 2 long.jpg\n" + many + "\n";
  const auto read = parse_colmap(texts, kColmapNames);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->scene.views.size(), 4u);
}

TEST(Colmap, ColmapTakesWhatWeWriteAndWeWhatItWrites) {
  if (std::system("colmap help >/dev/null 2>&1") != 0) GTEST_SKIP() << "colmap is not installed";
  const fs::path folder = testing::TempDir() + "pipit_by_colmap_" + std::to_string(::getpid());
  for (const char* name : {"binary", "text"}) fs::create_directories(folder / name);
  auto read = parse_colmap(consistent_colmap(), kColmapNames);
  ASSERT_TRUE(read) << read.error().message;
  read->scene.views[0].T_cam_world.t.x() = 1.0 / 3;
  read->scene.points[1].z() = 4.5;
  ASSERT_TRUE(write_colmap(folder / "ours", read->scene, read->rest));
  const auto convert = [&](const char* from, const char* to, const char* type) {
    const std::string command = "colmap model_converter --input_path " + (folder / from).string() + " --output_path " +
                                (folder / to).string() + " --output_type " + type + " >/dev/null 2>&1";
    return std::system(command.c_str());
  };
  ASSERT_EQ(convert("ours", "binary", "BIN"), 0);
  ASSERT_EQ(convert("binary", "text", "TXT"), 0);
  const auto back = read_colmap(folder / "text");
  ASSERT_TRUE(back) << back.error().message;
  // Colmap writes in an order of its own: by ids, both are the same.
  const auto place = [](const std::vector<std::int64_t>& ids, std::int64_t id) {
    return static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
  };
  ASSERT_EQ(back->scene.views.size(), read->scene.views.size());
  for (std::size_t k = 0; k < read->scene.views.size(); ++k) {
    const std::size_t other = place(back->rest.images, read->rest.images[k]);
    ASSERT_LT(other, back->scene.views.size());
    EXPECT_LT(read->scene.views[k].T_cam_world.local(back->scene.views[other].T_cam_world).norm(), 1e-14);
    EXPECT_EQ(read->rest.names[k], back->rest.names[other]);
  }
  ASSERT_EQ(back->scene.points.size(), read->scene.points.size());
  for (std::size_t k = 0; k < read->scene.points.size(); ++k) {
    const std::size_t other = place(back->rest.points, read->rest.points[k]);
    ASSERT_LT(other, back->scene.points.size());
    EXPECT_LT((read->scene.points[k] - back->scene.points[other]).norm(), 1e-14);
  }
  EXPECT_EQ(back->scene.observations.size(), read->scene.observations.size());
  EXPECT_NEAR(error_of(back->scene).cost, error_of(read->scene).cost, 1e-9 * error_of(read->scene).cost);
  // What Colmap wrote, we write to the byte.
  ASSERT_TRUE(write_colmap(folder / "again", back->scene, back->rest));
  for (const char* name : {"cameras.txt", "images.txt", "points3D.txt"})
    EXPECT_EQ(read_file(folder / "again" / name).value(), read_file(folder / "text" / name).value());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace pipit
