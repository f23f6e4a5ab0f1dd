// tests/e2e/small_scenes.h — scenes for tests of the program, and what can be said of them without a reader.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/program.h"

namespace pipit {

/// Twenty views of a simulated walk as a BAL file.
inline std::string window(const ScratchFolder& scratch) {
  const std::string path = scratch.file("window.txt");
  const Outcome made = run_pipit({"sim", "bundle", "--views", "20", "--track", "8", "--seed", "3", "--out", path});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return path;
}

/// A COLMAP model: eight images on an arc, through one camera that is turned around its axis as well (so that focal
/// length and centre show), look at sixty points on a wavy wall; places, points and the focal length are a little
/// wrong, pixels by half a pixel. Yields its folder.
inline std::string write_colmap_arc(const ScratchFolder& scratch, const std::string& name) {
  constexpr int kImages = 8, kPoints = 60;
  constexpr double kF = 450, kCx = 320, kCy = 240, kAway = 5;
  const auto wave = [](int k) { return std::sin(12.9898 * k + 1); };  // errors without a generator: no two alike
  const auto point = [](int p) {                                      // from the middle of the arc's circle
    return std::array<double, 3>{0.4 * (p % 10) - 1.8, 0.4 * (p / 10) - 1.0, std::sin(1.7 * p)};
  };
  std::ostringstream images, points;
  images.precision(17), points.precision(17);
  std::vector<std::string> tracks(kPoints);
  for (int v = 0; v < kImages; ++v) {
    const double yaw = 0.15 * v - 0.5, roll = 0.4 * v;
    const double cy = std::cos(yaw), sy = std::sin(yaw), cr = std::cos(roll), sr = std::sin(roll);
    const double qcy = std::cos(yaw / 2), qsy = std::sin(yaw / 2), qcr = std::cos(roll / 2), qsr = std::sin(roll / 2);
    images << v + 1 << ' ' << qcr * qcy << ' ' << -qsr * qsy << ' ' << qcr * qsy << ' ' << qsr * qcy << ' '
           << 0.02 * wave(7 * v) << ' ' << 0.02 * wave(7 * v + 1) << ' ' << kAway + 0.02 * wave(7 * v + 2) << " 1 image"
           << v << ".png\n";
    for (int p = 0; p < kPoints; ++p) {
      const auto X = point(p);
      const double aside = cy * X[0] + sy * X[2], z = cy * X[2] - sy * X[0] + kAway;
      images << kF * (cr * aside - sr * X[1]) / z + kCx + 0.5 * wave(200 * v + p) << ' '
             << kF * (sr * aside + cr * X[1]) / z + kCy + 0.5 * wave(200 * v + p + 90'000) << ' ' << p + 1
             << (p + 1 < kPoints ? " " : "\n");
      tracks[static_cast<std::size_t>(p)] += ' ' + std::to_string(v + 1) + ' ' + std::to_string(p);
    }
  }
  for (int p = 0; p < kPoints; ++p) {
    const auto X = point(p);
    points << p + 1;
    for (int k = 0; k < 3; ++k) points << ' ' << X[static_cast<std::size_t>(k)] + 0.02 * wave(3 * p + k + 5000);
    points << " 200 100 50 1" << tracks[static_cast<std::size_t>(p)] << '\n';
  }
  std::filesystem::create_directory(scratch.file(name));
  scratch.write(name + "/cameras.txt", "1 SIMPLE_PINHOLE 640 480 454.5 320 240\n");
  scratch.write(name + "/images.txt", images.str());
  scratch.write(name + "/points3D.txt", points.str());
  return scratch.file(name);
}

/// All fields of a text.
inline std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// f, k1 and k2 of every view of a BAL file, as they are written.
inline std::vector<std::string> bal_intrinsics(const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  const std::size_t views = std::stoul(words[0]), first = 3 + 4 * std::stoul(words[2]);
  std::vector<std::string> out;
  for (std::size_t v = 0; v < views; ++v)
    for (std::size_t k = 6; k < 9; ++k) out.push_back(words[first + 9 * v + k]);
  return out;
}

/// A BAL file with u of each `every`-th observation off by `by` pixels.
inline std::string with_wrong_pixels(const std::string& text, int every, double by) {
  std::vector<std::string> words = words_of(text);
  const int observations = std::stoi(words[2]);
  for (int k = every / 2; k < observations; k += every) {
    std::string& u = words[static_cast<std::size_t>(3 + 4 * k + 2)];
    u = std::to_string(std::stod(u) + by);
  }
  std::string out = words[0] + ' ' + words[1] + ' ' + words[2];  // in one line, by which BAL is known
  for (std::size_t k = 3; k < words.size(); ++k) out += '\n' + words[k];
  return out + '\n';
}

/// An SVG that is whole: every element opened is closed, and no number is missing.
inline void expect_whole(const std::string& path) {
  const std::string text = text_of(path);
  std::vector<std::string> open;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t end = text.find('>', at);
    ASSERT_NE(end, std::string::npos) << path << ": ends inside a tag";
    if (text[at + 1] == '?' || text[at + 1] == '!' || text[end - 1] == '/') continue;
    const std::string name = text.substr(at + 1, text.find_first_of(" \n>", at) - at - 1);
    if (name[0] != '/') {
      open.push_back(name);
    } else {
      ASSERT_TRUE(!open.empty() && '/' + open.back() == name) << path << ": closes " << name;
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty()) << path << ": " << open.size() << " left open";
  EXPECT_THAT(text, testing::StartsWith("<svg"));
  EXPECT_THAT(text, testing::Not(testing::AnyOf(testing::HasSubstr("nan"), testing::HasSubstr("inf"))));
}

/// A page with pictures in it.
inline void expect_page(const std::string& path) {
  const std::string text = text_of(path);
  for (const char* part : {"<html", "<svg", "</svg>", "</html>"}) EXPECT_THAT(text, testing::HasSubstr(part)) << path;
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("nan"))) << path;
}

}  // namespace pipit
