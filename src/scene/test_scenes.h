// scene/test_scenes.h — small files for the tests of this room.
#pragma once
#include <string>

#include "scene/colmap_io.h"
#include "scene/stereo_io.h"

namespace pipit {

inline const StereoFiles kStereoNames{"factors", "poses", "calibration"};
inline const ColmapFiles kColmapNames{"cameras", "images", "points"};

inline std::string small_bal() { return "1 1 1\n0 0 1.5 2.5\n0 0 0 0 0 0 500 0 0\n1 2 -3\n"; }

/// Every kind of line, and what may stand between them.
inline std::string small_map() {
  return "pipit-map 1\n"
         "# one rig, three looks\n"
         "counts 2 3 2 4\n"
         "third depth 0.01\n"
         "\n"
         "camera PINHOLE 640 480 450 451 320 240\n"
         "camera BAL 0 0 500 -0.05 0.002\n"
         "view 0 fixed quaternion 1 0 0 0 0 0 0\n"
         "view 0 free quaternion 0.8 0 0.6 0 -0.5 0 0.25  # turned\n"
         "view 1 free turn 0.1 0.2 0.3 -0.5 0 0.25\n"
         "point 1 2 4\n"
         "point -1 0.5 5\n"
         "seen 0 0 432.5 465.5 4.02\n"
         "seen 0 1 230 285 5.03\n"
         "seen 1 0 700 400 3.5\n"
         "seen 2 1 -10.25 30 4\n"
         "end\n";
}

inline StereoFiles small_stereo() {
  return {"0 9 310 290 180 -1 0 4\n3 9 305 280 181 -1 0 3\n3 11 650 600 170 0 0 2\n",
          "0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n3 1 0 0 0 0 1 0 0 0 0 1 1 0 0 0 1\n",
          "700 710 0.0 600 180 0.5\n"};
}

/// Three images of two cameras, numbers written in many ways; features of nobody and none at all.
inline ColmapFiles consistent_colmap() {
  return {
      "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
      "# Number of cameras: 2\n"
      "7 OPENCV_FISHEYE 640 480 300.5 +301 320 240 0.01 -2e-3 3e-3 4e-3\n"
      "2 SIMPLE_PINHOLE 100 80 5.00e2 50 40\n",
      "# Image list\n\n"
      "10 0.99 0.01 0.02 0.03 0.1 0.2 0.30000000000000004 7 a/one.jpg\n"
      "10.5 20.5 63 1 1 -1 30.25 40 9 5 5 -1\n"
      "4 0 0 1 0 0.5 0.25 4.0 2 two.png\n"
      "7.125 8 63 9 10 9\n"
      "5 1 0 0 0 0 0 0 2 three.jpg\n"
      "\n",
      "# 3D point list\n"
      "63 1 -2 6.50 255 0 17 1.5 10 0 4 0\n"
      "9 0.1 .2 4 1 2 3 0.75 4 1 10 2\n"};
}

/// The same with blanks where they may be, a name of two words, a point that nobody sees and one that an image sees
/// twice: COLMAP reads no blanks in names.
inline ColmapFiles small_colmap() {
  ColmapFiles out = consistent_colmap();
  const auto change = [](std::string& text, std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
  };
  change(out.cameras, "640 480", " 640\t480 ");
  change(out.images, "two.png", "two words.png");
  change(out.images, "5 5 -1\n", "5 5 -1 6 6 63\n");
  change(out.points, "1.5 10 0", "1.5 10 0 10 4");
  out.points += "1 0 0 0 9 9 9 -1\n# the end";
  return out;
}

}  // namespace pipit
