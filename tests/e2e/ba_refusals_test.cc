// `pipit ba` and `pipit sim bundle` on wrong calls and wrong files: one clear line, and no half-written output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/program.h"
#include "tests/e2e/small_scenes.h"
#include "tests/hostile/clear_line.h"

namespace pipit {
namespace {

TEST(BaRefuses, WrongCallsWithTwoAndOneLine) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch), same = scratch.file("same.svg");
  const std::vector<std::vector<std::string>> wrong = {
      {"ba"},
      {"ba", scene, scene},
      {"ba", scene, "--no-such-option"},
      {"ba", scene, "--precision", "quarter"},
      {"ba", scene, "--solver", "iccg"},
      {"ba", scene, "--solver"},
      {"ba", scene, "--robust", "gnc"},
      {"ba", scene, "--robust-scale", "-1"},
      {"ba", scene, "--robust-scale", "nan"},
      {"ba", scene, "--format", "ply"},
      {"ba", scene, "--threads", "0x"},
      {"ba", scene, "--threads", "-1"},
      {"ba", scene, "--max-iterations", "-5"},
      {"ba", scene, "--max-iterations", "1.5"},
      {"ba", scene, "--tolerance", "-1"},
      {"ba", scene, "--tolerance", "2"},
      {"ba", scene, "--time-limit", "nan"},
      {"ba", scene, "--time-limit", "-2"},
      {"ba", scene, "--fix-intrinsics=maybe"},
      {"ba", scene, "--plot", scratch.file("plot.png")},
      {"ba", scene, "--out", same, "--plot", same},
      {"ba", scene, "--out", "-", "--json", "-"},
      {"ba", scene, "--json", scene},
      {"sim", "bundle", "--third", "right-u"},
      {"sim", "bundle", "--third", "right-u", "--out", scratch.file("pair.txt")},
      {"sim", "bundle", "--third", "right-u", "--out", scratch.file("VO_stereo_factors1.txt"), "--truth", same},
      {"sim", "bundle", "--third", "depth", "--out", scratch.file("depth.txt")},
      {"sim", "bundle", "--third", "depth", "--out", scratch.file("a.map"), "--truth", scratch.file("depth.txt")},
      {"eval", "windows", "--count", "0"},
      {"eval", "windows", "--count", "many"},
      {"eval", "windows", "--views", "3"},
      {"eval", "windows", "--views", "12", "--known", "12"},
      {"eval", "windows", "--third", "sonar"},
      {"eval", "windows", "--tolerance", "-1"},
      {"eval", "windows", "--offset", "inf"},
      {"eval", "windows", "--plot", scratch.file("plot.png")},
      {"eval", "windows", "--json", same, "--plot", same}};
  const std::string text = text_of(scene);
  for (const std::vector<std::string>& words : wrong) {
    std::string call = "pipit";
    for (const std::string& word : words) call += " " + word;
    SCOPED_TRACE(call);
    const Outcome run = run_pipit(words);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
  }
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"window.txt"}) << "nothing else was written";
  EXPECT_EQ(text_of(scene), text);
}

/// Runs ba on `file` with every kind of output: refused, and the old outputs are what they were.
void expect_refused(const std::string& file, const std::string& wanted, const std::string& format = "auto") {
  SCOPED_TRACE(file);
  const ScratchFolder outputs;
  const std::string out = outputs.write("out.txt", "old"), json = outputs.write("report.json", "{}");
  const Outcome run =
      run_pipit({"ba", file, "--format", format, "--out", out, "--json", json, "--plot", outputs.file("new.svg")});
  expect_one_clear_line(run, wanted);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(outputs.names().size(), 2u) << "something was left behind";
  EXPECT_EQ(text_of(out), "old");
  EXPECT_EQ(text_of(json), "{}");
}

const std::string kBinary(
    "\x7f"
    "ELF\x02\x01\0\0Z\n\0\0",
    12);

TEST(BaRefuses, FilesThatAreNoScene) {
  const ScratchFolder scratch;
  const std::string wanted = "wanted three counts (BAL), eight numbers (stereo factors), pipit-map or a COLMAP folder";
  expect_refused(scratch.file("none"), "cannot open: No such file or directory");
  expect_refused(scratch.write("empty", ""), "the file is empty, " + wanted);
  expect_refused(scratch.write("blank", "\n \n"), wanted);
  expect_refused(scratch.write("binary", kBinary), wanted);
  expect_refused(scratch.write("graph.g2o", "VERTEX_SE2 0 1 2 3\n"), wanted);
  expect_refused(scratch.write("eight", "0 1 2 3 4 5 6 7\n"), "wanted a name like VO_stereo_factors");
  expect_refused(scratch.write("later", "pipit-map 2\n"), ":1: the version is '2', wanted 1");
  expect_refused(scratch.file("eight"), "the file begins with '0', wanted pipit-map 1", "map");
  expect_refused(scratch.file(""), "cameras.txt: cannot open");
  expect_refused(scratch.file("eight"), "is no folder", "colmap");
  expect_refused(scratch.file("binary"), "wanted a whole number", "bal");
  expect_refused(scratch.file("binary"), "wanted a name like", "stereo");
  if (std::filesystem::exists("/dev/zero")) expect_refused("/dev/zero", "the line is longer");
  expect_refused("-", "wanted the number of cameras");
}

// A few of the table in src/scene/hostile_test.cc, through the program.
TEST(BaRefuses, WrongBalFiles) {
  const ScratchFolder scratch;
  const std::string good = "1 1 1\n0 0 1.5 2.5\n0 0 0 0 0 0 500 0 0\n1 2 -3\n";
  ASSERT_EQ(run_pipit({"ba", scratch.write("good", good), "--quiet"}).exit_code, 0);
  const struct {
    std::string from, to, wanted;
  } changes[] = {{"1 1 1", "-1 1 1", ":1: the number of cameras is '-1', wanted a whole number from 1 to"},
                 {"1 1 1", "1 2147483647 1", ":1: the number of points is '2147483647'"},
                 {"1 1 1", "1 2 1", ":2: no camera sees point 1"},
                 {"1 1 1\n", "1 1 2\n0 0 1.5 2.5\n", ":3: camera 0 sees point 0 twice"},
                 {"0 0 1.5", "0 1 1.5", ":2: the point of an observation is '1'"},
                 {"0 0 1.5", "0 0 nan", ":2: u is 'nan', wanted a finite number"},
                 {"2.5", "inf", ":2: v is 'inf'"},
                 {"500", "-500", ":3: the focal length of camera 0 is -500, wanted more than 0"},
                 {" -3\n", "", ":4: the file ends, wanted a coordinate of a point"},
                 {" -3\n", " -3\n4", ":5: '4' behind the end"}};
  for (const auto& c : changes) {
    std::string text = good;
    text.replace(text.find(c.from), c.from.size(), c.to);
    expect_refused(scratch.write("bal", text), c.wanted);
  }
}

TEST(BaRefuses, HalfAFile) {
  const ScratchFolder scratch;
  const std::string text = text_of(window(scratch));
  for (int k = 1; k < 10; ++k)
    // Between two numbers: of the last one half is a number, too.
    expect_refused(
        scratch.write("half.txt",
                      text.substr(0, text.find_last_of(" \n", text.size() * static_cast<std::size_t>(k) / 10))),
        "half.txt");
}

TEST(BaRefuses, APairOrAModelWithAFileMissingOrWrong) {
  const ScratchFolder scratch;
  const std::string factors = scratch.file("VO_stereo_factors1.txt"), poses = scratch.file("VO_camera_poses1.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--third", "right-u", "--out", factors}).exit_code, 0);
  const std::string calibration = text_of(scratch.file("VO_calibration1.txt"));
  scratch.write("VO_calibration1.txt", "nan " + calibration.substr(calibration.find(' ') + 1));
  expect_refused(factors, "VO_calibration1.txt:1: fx is 'nan'");
  scratch.write("VO_calibration1.txt", calibration);
  std::filesystem::remove(poses);
  expect_refused(factors, "VO_camera_poses1.txt: cannot open: No such file or directory (wanted for");

  const std::string model = write_colmap_arc(scratch, "model");
  const std::string points = text_of(model + "/points3D.txt");
  scratch.write("model/points3D.txt", points.substr(0, points.size() / 2));
  expect_refused(model, "points3D.txt");
  scratch.write("model/cameras.txt", "1 FULL_OPENCV 640 480 450 450 320 240 0 0 0 0 0 0 0 0\n");
  expect_refused(model, "the camera model is 'FULL_OPENCV'");
}

// Found out before the work, which may take hours.
TEST(BaRefuses, OutputsThatCannotBe) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch), factors = scratch.file("VO_stereo_factors1.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--third", "right-u", "--out", factors}).exit_code, 0);
  const std::string model = write_colmap_arc(scratch, "model");
  const std::vector<std::string> before = scratch.names();
  const struct {
    std::string in, out, wanted;
  } cases[] = {{scene, scratch.file("no/out.txt"), "there is no folder"},
               {scene, scratch.file("no/out.map"), "there is no folder"},
               {scene, model, "is a directory"},
               {factors, scratch.file("pair.txt"), "wanted a name like VO_stereo_factors"},
               {factors, "-", "wanted a name like VO_stereo_factors"},
               {factors, scratch.file("no/VO_stereo_factors1.txt"), "there is no folder"},
               {model, scene, "wanted a folder"},
               {model, "-", "wanted a folder"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.in + " to " + c.out);
    const Outcome run = run_pipit({"ba", c.in, "--out", c.out});
    EXPECT_EQ(run.exit_code, 1);
    expect_one_clear_line(run, c.wanted);
  }
  EXPECT_EQ(scratch.names(), before);
}

TEST(BaRefuses, KilledNeverLeavesHalfAFile) {
  const ScratchFolder scratch;
  const std::string scene = scratch.file("building.txt"), out = scratch.file("out.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--views", "300", "--step", "0.25", "--track", "6", "--out", scene}).exit_code,
            0);
  const std::vector<std::string> command = {"ba", scene, "--out", out, "--quiet", "--max-iterations", "1"};
  const Outcome whole = run_pipit(command);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const std::string fresh = text_of(out);
  ASSERT_GT(fresh.size(), 500'000u);
  for (int k = 0; k < 10; ++k) {
    scratch.write("out.txt", "old");
    const double when = whole.seconds * (k < 3 ? k / 4.0 : 0.6 + 0.06 * (k - 3));  // most where the writing is
    run_pipit(command, {.interrupt_after_s = std::max(when, 1e-4)});
    const std::string text = text_of(out);
    EXPECT_TRUE(text == "old" || text == fresh) << "killed after " << when << " s: " << text.size() << " bytes";
  }
}

TEST(BaRefuses, NoMemoryIsOneLine) {
  if (!kMemoryCanBeLimited) GTEST_SKIP() << "sanitizers need all the address space there is";
  const ScratchFolder scratch;
  const std::string scene = scratch.file("building.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--views", "1500", "--step", "0.25", "--track", "6", "--out", scene}).exit_code,
            0);
  const Outcome run = run_pipit({"ba", scene, "--quiet"}, {.memory_limit_mb = 60});
  EXPECT_EQ(run.exit_code, 1) << "signal " << run.signal;
  EXPECT_EQ(run.err, "pipit: not enough memory\n");
}

}  // namespace
}  // namespace pipit
