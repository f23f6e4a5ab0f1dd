// Files that are wrong, each in its own way: one clear line, whatever the door.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/file.h"
#include "scene/bal_io.h"
#include "scene/map_io.h"
#include "scene/scene_io.h"
#include "scene/test_scenes.h"

namespace pipit {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

/// `wanted` is the message behind the name of the file.
struct Change {
  std::string from, to;  ///< of a file that is good; an empty `from`: all of it
  std::string wanted;
};

std::string changed(std::string text, const Change& change) {
  if (change.from.empty()) return change.to;
  const std::size_t at = text.find(change.from);
  EXPECT_NE(at, std::string::npos) << change.from;
  return at == std::string::npos ? text : text.replace(at, change.from.size(), change.to);
}

void expect_clear(const Error& error, const std::string& wanted) {
  EXPECT_EQ(error.message, wanted);
  EXPECT_LT(error.message.size(), 300u);
  EXPECT_TRUE(std::all_of(error.message.begin(), error.message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

const std::string kBinary(
    "\x7f"
    "ELF\x02\x01\0\0Z\n\0\0",
    12);

TEST(Hostile, Bal) {
  ASSERT_TRUE(parse_bal(small_bal(), "bal"));
  const Change changes[] = {
      {"", "", ":1: the file ends, wanted the number of cameras"},
      {"", kBinary, ":1: the number of cameras is '?ELF????Z', wanted a whole number"},
      {"1 1 1", "-1 1 1", ":1: the number of cameras is '-1', wanted a whole number from 1 to 3"},
      {"1 1 1", "1 2147483647 1", ":1: the number of points is '2147483647', wanted a whole number from 1 to 10"},
      {"1 1 1",
       "1 1 99999999999999999999",
       ":1: the number of observations is '99999999999999999999', out of range, "
       "wanted a whole number"},
      {"1 1 1", "1 2 1", ":2: no camera sees point 1, wanted one or more"},
      {"1 1 1\n", "1 1 2\n0 0 1.5 2.5\n", ":3: camera 0 sees point 0 twice"},
      {"0 0 1.5", "0 1 1.5", ":2: the point of an observation is '1', wanted a whole number from 0 to 0"},
      {"0 0 1.5", "0 0 nan", ":2: u is 'nan', wanted a finite number of at most 1e100"},
      {"2.5", "1e101", ":2: v is '1e101', wanted a finite number of at most 1e100"},
      {"500", "-500", ":3: the focal length of camera 0 is -500, wanted more than 0"},
      {" -3\n", "", ":4: the file ends, wanted a coordinate of a point"},
      {" -3\n", " -3\n4", ":5: '4' behind the end"},
  };
  for (const Change& c : changes) {
    const auto read = parse_bal(changed(small_bal(), c), "bal");
    ASSERT_FALSE(read) << c.wanted;
    expect_clear(read.error(), "bal" + c.wanted);
  }
}

TEST(Hostile, Map) {
  ASSERT_TRUE(parse_map(small_map(), "map"));
  const Change changes[] = {
      {"", "", ":1: the file is empty, wanted pipit-map 1"},
      {"", kBinary, ":1: the file begins with '?ELF????Z', wanted pipit-map 1"},
      {"", "\npipit-map 1\n", ":1: the file begins with '', wanted pipit-map 1"},
      {"map 1", "map 2", ":1: the version is '2', wanted 1"},
      {"map 1", "map 1 2", ":1: extra field '2' after 0 fields"},
      {"counts 2 3 2 4\n", "", ":3: wanted the counts before 'third'"},
      {"counts 2 3 2 4\n", "counts 2 3 2 4\ncounts 2 3 2 4\n", ":4: the counts are there twice"},
      {"counts 2", "counts -2", ":3: the number of cameras is '-2', wanted a whole number from 1 to 2147483647"},
      {"counts 2", "counts 2147483647", ":17: the file has 2 cameras, the counts say 2147483647"},
      {"3 2 4", "2147483647 2147483647 2147483647", ":17: the file has 3 views, the counts say 2147483647"},
      {"3 2 4", "4 2 4", ":17: the file has 3 views, the counts say 4"},
      {"3 2 4", "3 3 4", ":17: the file has 2 points, the counts say 3"},
      {"3 2 4", "3 2 3", ":17: the file has 4 observations, the counts say 3"},
      {"third", "fourth", ":4: the line begins with 'fourth', wanted counts, third, camera, view, point, seen or end"},
      {"third depth", "third left-u", ":4: the third number is 'left-u', wanted right-u or depth"},
      {"0.01", "0", ":4: the depth's error is 0, wanted more than 0"},
      {"depth 0.01", "right-u -0.1", ":4: the baseline is -0.1, wanted more than 0"},
      {"depth 0.01\n", "depth 0.01\nthird depth 0.01\n", ":5: the third number is told twice"},
      {"third depth 0.01\n", "", ":12: extra field '4.02' after 4 fields"},
      {"third", "seen 0 0 1 2\nthird", ":5: the third number is told behind an observation"},
      {"PINHOLE",
       "FULL_OPENCV",
       ":6: the camera model is 'FULL_OPENCV', wanted one from SIMPLE_PINHOLE to OPENCV_FISHEYE, or BAL"},
      {"640", "-640", ":6: the width is '-640', wanted a whole number from 0 to 2147483647"},
      {"451", "-451", ":6: fy is -451, wanted more than 0"},
      {" 320 240", " 320", ":6: the line ends after 5 fields, wanted cy"},
      {"view 0 fixed", "view 2 fixed", ":8: the camera is '2', wanted a whole number from 0 to 1"},
      {"fixed", "held", ":8: the view is 'held', wanted fixed or free"},
      {"quaternion 1", "matrix 1", ":8: the rotation is a 'matrix', wanted a quaternion or a turn"},
      {"quaternion 1", "quaternion 2", ":8: the length of the quaternion is 2, wanted 1"},
      {"quaternion 1", "quaternion 0", ":8: the length of the quaternion is 0, wanted 1"},
      {"quaternion 1", "quaternion 1e100", ":8: the length of the quaternion is 1e+100, wanted 1"},
      {"turn 0.1 0.2 0.3", "turn 0.1 0.2", ":10: the line ends after 6 fields, wanted a number of the translation"},
      {"-1 0.5 5", "-1 inf 5", ":12: a coordinate of the point is 'inf', wanted a finite number of at most 1e100"},
      {"seen 2 1", "seen 3 1", ":16: the view is '3', wanted a whole number from 0 to 2"},
      {"seen 2 1", "seen 2 2", ":16: the point is '2', wanted a whole number from 0 to 1"},
      {"seen 2 1", "seen 1 0", ":16: view 1 sees point 0 twice"},
      {"432.5", "nan", ":13: u is 'nan', wanted a finite number of at most 1e100"},
      {"30 4\n", "30 -4\n", ":16: the depth is -4, wanted more than 0"},
      {"30 4\n", "30\n", ":16: the line ends after 4 fields, wanted the depth"},
      {"30 4\n", "30 4 5\n", ":16: extra field '5' after 5 fields"},
      {"counts 2 3 2 4", "counts 2 3 3 4\npoint 0 0 1", ":18: no view sees point 2, wanted one or more"},
      {"end\n", "", ":16: the file ends, wanted 'end'"},
      {"end\n", "end end\n", ":17: extra field 'end' after 0 fields"},
      {"end\n", "end # of it\n\npoint 1 2 3\n", ":19: 'point' behind the end"},
  };
  for (const Change& c : changes) {
    const auto read = parse_map(changed(small_map(), c), "map");
    ASSERT_FALSE(read) << c.wanted;
    expect_clear(read.error(), "map" + c.wanted);
  }
  std::string right = changed(small_map(), {"depth 0.01", "right-u 0.01", ""});
  EXPECT_TRUE(parse_map(right, "map"));
  right = changed(right, {"PINHOLE 640 480 450 451 320 240", "OPENCV_FISHEYE 640 480 450 451 320 240 0 0 0 0", ""});
  expect_clear(parse_map(right, "map").error(),
               "map:17: a fisheye camera has no rectified pair, wanted another model or another third number");
}

/// Changes to one of three files of a format, all others good.
template <class Files, class Parse>
void expect_refused(
    const Files& good, const Files& names, std::string Files::*which, const std::vector<Change>& changes, Parse parse) {
  for (const Change& c : changes) {
    Files texts = good;
    texts.*which = changed(texts.*which, c);
    const auto read = parse(texts, names);
    ASSERT_FALSE(read) << c.wanted;
    expect_clear(read.error(), names.*which + c.wanted);
  }
}

TEST(Hostile, Stereo) {
  ASSERT_TRUE(parse_stereo(small_stereo(), kStereoNames));
  const auto refused = [](std::string StereoFiles::*which, const std::vector<Change>& changes) {
    expect_refused(small_stereo(), kStereoNames, which, changes, &parse_stereo);
  };
  refused(&StereoFiles::factors,
          {{"", "", ":1: the file has no factors, wanted one or more"},
           {"", kBinary, ":1: the view is '?ELF????Z', wanted a whole number (id)"},
           {"3 11", "4 11", ":3: view 4 has no pose in poses"},
           {"3 11", "3 9", ":3: view 3 sees landmark 9 twice"},
           {"3 11", "3 -1", ":3: the landmark is '-1', wanted an id of at least 0"},
           {"310", "inf", ":1: uL is 'inf', wanted a finite number of at most 1e100"},
           {" 0 0 2\n", " 0 0", ":3: the line ends after 7 fields, wanted Z"},
           {" 0 0 2\n", " 0 0 2 1\n", ":3: extra field '1' after 8 fields"}});
  refused(&StereoFiles::poses,
          {{"", "\n", ":1: the file has no poses, wanted one or more"},
           {"3 1", "0 1", ":2: view 0 is there twice"},
           {"0 1 0", "0 2 0", ":1: the 3x3 matrix is no rotation"},
           {"0 1 0 0 0 0 1", "0 -1 0 0 0 0 1", ":1: the 3x3 matrix is no rotation"},
           {" 0 0 0 1\n", " 0 0 0 2\n", ":1: the last row of the matrix is not 0 0 0 1"},
           {" 0 0 0 1\n", "\n", ":1: the line ends after 13 fields, wanted a number"}});
  refused(&StereoFiles::calibration,
          {{"", "", ":1: the file ends, wanted fx"},
           {"0.0", "0.1", ":1: the skew is 0.1, wanted 0"},
           {"700", "-700", ":1: fx is -700, wanted more than 0"},
           {" 0.5", " 0", ":1: the baseline is 0, wanted more than 0"}});
}

TEST(Hostile, Colmap) {
  ASSERT_TRUE(parse_colmap(small_colmap(), kColmapNames));
  const auto refused = [](std::string ColmapFiles::*which, const std::vector<Change>& changes) {
    expect_refused(small_colmap(), kColmapNames, which, changes, &parse_colmap);
  };
  refused(&ColmapFiles::cameras,
          {{"", "# nothing\n", ":1: the file has no cameras, wanted one or more"},
           {"OPENCV_FISHEYE",
            "FULL_OPENCV",
            ":4: the camera model is 'FULL_OPENCV', wanted one from SIMPLE_PINHOLE to OPENCV_FISHEYE"},
           {"SIMPLE_PINHOLE", "BAL", ":5: the camera model is 'BAL', wanted one from SIMPLE_PINHOLE to OPENCV_FISHEYE"},
           {"+301", "-301", ":4: fy is -301, wanted more than 0"},
           {" 4e-3", "", ":4: the line ends after 10 fields, wanted k4"},
           {" 4e-3", " 4e-3 5", ":4: extra field '5' after 11 fields"},
           {"2 SIMPLE", "7 SIMPLE", ":5: camera 7 is there twice"},
           {"100 80", "-1 80", ":5: the width is '-1', wanted a whole number from 0 to 2147483647"}});
  refused(&ColmapFiles::images,
          {{"", "", ":1: the file has no images, wanted one or more"},
           {"", kBinary, ":1: the image's id is '?ELF????Z', wanted a whole number"},
           {"4 0 0 1 0", "4 0 0 0 0", ":5: the quaternion is zero, wanted one of unit length"},
           {"2 two", "3 two", ":5: camera 3 is not in cameras"},
           {"4 0 0 1", "10 0 0 1", ":5: image 10 is there twice"},
           {" two words.png", "", ":5: the line ends, wanted the image's name"},
           {"5 5 -1", "5 5 8", ":4: point 8 is not in points"},
           {"7.125 8 63", "7.125 8", ":6: the line ends after 5 fields, wanted the point of a feature"},
           {"7.125 8 63",
            "7.125 8 -2",
            ":6: the point of a feature is '-2', wanted a whole number from -1 to 9223372036854775807"},
           {"three.jpg\n\n",
            "three.jpg\n",
            ":7: the file ends, wanted a line with the features of image 5, or an empty one"}});
  refused(&ColmapFiles::points,
          {{"63 1 -2", "63 nan -2", ":2: a coordinate is 'nan', wanted a finite number of at most 1e100"},
           {"255", "256", ":2: a colour is '256', wanted a whole number from 0 to 255"},
           {"9 0.1", "63 0.1", ":3: the track wants feature 1 of image 4, which names point 9"},
           {"1 0 0 0", "63 0 0 0", ":4: point 63 is there twice"},
           {"4 1 10 2", "5 1 10 2", ":3: image 5 has 0 features, the track wants its 1"},
           {"4 1 10 2", "6 1 10 2", ":3: image 6 is not in images"},
           {"4 1 10 2", "4 1 4 1", ":3: feature 1 of image 4 is twice in the track"},
           {"4 1 10 2", "4 1", ":3: the track has 1 features, but 2 of the images name point 9"},
           {"4 1 10 2", "4 1 10", ":3: the line ends after 11 fields, wanted a feature of the track"}});
}

class Door : public testing::Test {
 protected:
  Door() { fs::create_directories(folder_); }
  ~Door() override { fs::remove_all(folder_); }
  std::string with(const std::string& name, const std::string& content) const {
    EXPECT_TRUE(write_file(folder_ / name, content));
    return folder_ / name;
  }
  fs::path folder_ = testing::TempDir() + "pipit_scene_door_" + std::to_string(::getpid());
};

TEST_F(Door, KnowsEveryFormatAndWritesIt) {
  const std::string bal = with("any.name", "\n" + small_bal());
  const StereoFiles stereo = stereo_paths(folder_ / "VO_stereo_factors1.txt").value();
  with("VO_stereo_factors1.txt", small_stereo().factors);
  with("VO_camera_poses1.txt", small_stereo().poses);
  with("VO_calibration1.txt", small_stereo().calibration);
  fs::create_directory(folder_ / "model");
  with("model/cameras.txt", small_colmap().cameras);
  with("model/images.txt", small_colmap().images);
  with("model/points3D.txt", small_colmap().points);
  const struct {
    std::string path, other;
    SceneFormat format;
  } cases[] = {{bal, folder_ / "other.name", SceneFormat::Bal},
               {stereo.factors, folder_ / "VO_stereo_factors_other.txt", SceneFormat::Stereo},
               {folder_ / "model", folder_ / "model2", SceneFormat::Colmap},
               {with("any.map", small_map()), folder_ / "map.txt", SceneFormat::Map}};
  for (const auto& c : cases) {
    const auto read = read_scene(c.path);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->format(), c.format);
    ASSERT_TRUE(read_scene(c.path, c.format));
    ASSERT_TRUE(write_scene(c.other, *read));
    const auto again = read_scene(c.other);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->format(), c.format);
    EXPECT_EQ(again->scene.observations.size(), read->scene.observations.size());
    EXPECT_NEAR(error_of(again->scene).cost, error_of(read->scene).cost, 1e-9 * error_of(read->scene).cost);
    EXPECT_EQ(scene_format(name_of(c.format)), c.format);
    const std::string map = folder_ / "other.map";
    ASSERT_TRUE(write_scene(map, *read));
    const auto from_map = read_scene(map);
    ASSERT_TRUE(from_map) << from_map.error().message;
    EXPECT_EQ(from_map->format(), SceneFormat::Map);
    EXPECT_EQ(error_of(from_map->scene).cost, error_of(read->scene).cost) << "to the bit";
  }
  EXPECT_FALSE(scene_format("ply"));
  EXPECT_FALSE(write_scene(folder_ / "stereo.txt", read_scene(stereo.factors).value())) << "no name for its poses";
}

TEST_F(Door, SaysWhatItFound) {
  const auto message = [](const std::string& path, SceneFormat format = SceneFormat::Auto) {
    const auto read = read_scene(path, format);
    return read ? std::string("read") : read.error().message;
  };
  const std::string wanted =
      ", wanted three counts (BAL), eight numbers (stereo factors), pipit-map or a COLMAP folder";
  const std::string empty = with("empty", ""), g2o = with("g2o", "VERTEX_SE2 0 1 2 3\n"), elf = with("elf", kBinary);
  EXPECT_EQ(message(empty), empty + ": the file is empty" + wanted);
  EXPECT_EQ(message(g2o), g2o + ":1: the first line has 5 fields, 4 of them numbers" + wanted);
  EXPECT_EQ(message(elf), elf + ":1: the first line has 1 field, 0 of them numbers" + wanted);
  const std::string words = with("words", "one 2 three\n");
  EXPECT_EQ(message(words), words + ":1: the first line has 3 fields, 1 of them numbers" + wanted);
  EXPECT_THAT(message("/dev/zero"), HasSubstr("/dev/zero:1: the line is longer"));
  EXPECT_EQ(message(folder_ / "none"), (folder_ / "none").string() + ": cannot open: No such file or directory");
  EXPECT_THAT(message(folder_), HasSubstr("cameras.txt: cannot open: No such file or directory"));
  EXPECT_THAT(message(folder_, SceneFormat::Bal), EndsWith("cannot read: Is a directory"));
  EXPECT_THAT(message(g2o, SceneFormat::Colmap), HasSubstr("is no folder"));
  EXPECT_THAT(message(with("eight", "0 1 2 3 4 5 6 7\n")), HasSubstr("wanted a name like VO_stereo_factors"));
}

// Landmarks behind a camera are no error of a file: they count for nothing.
TEST(Hostile, PointsBehindCamerasAreFine) {
  StereoFiles stereo = small_stereo();
  stereo.factors += "0 12 650 600 170 0 0 -2\n";
  const auto read = parse_stereo(stereo, kStereoNames);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(error_of(read->scene).not_seen, 1);
}

}  // namespace
}  // namespace pipit
