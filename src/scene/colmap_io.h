// scene/colmap_io.h — COLMAP's text models in and out: a folder with
//
//   cameras.txt    CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]
//   images.txt     IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME        T_cam_world; in the next line, which may be
//   empty,
//                  (X Y POINT3D_ID)[]                                  the features, POINT3D_ID -1 where it is none's
//   points3D.txt   POINT3D_ID X Y Z R G B ERROR (IMAGE_ID POINT2D_IDX)[]   ERROR: mean length of the pixel's error
//
// Source  https://colmap.github.io/format.html
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "scene/scene.h"

namespace pipit {

/// Of each of the three files its path, its name for messages or its text.
struct ColmapFiles {
  std::string cameras, images, points;
};

/// What the files say and a Scene does not. The texts stay whole, so that writing changes what changed and nothing
/// else.
struct ColmapRest {
  std::vector<std::int64_t> cameras, images, points;  ///< their ids, in the Scene's order
  std::vector<std::string> names;                     ///< of the images
  std::int64_t unseen = 0;    ///< points without a track: in the text only, nothing could move them
  std::int64_t repeated = 0;  ///< features of a point that their image has seen before: in the text only
  ColmapFiles texts;
  std::vector<std::size_t> camera_at, image_at, point_at;  ///< where their lines begin
};
struct ColmapScene {
  Scene scene;
  ColmapRest rest;
};

/// Yields  cameras, images and points in the files' order; an observation for each feature of a point, in the images'.
/// Fails   with one line that names file and line: fields missing, too many or not finite, a camera model beyond
///         OPENCV_FISHEYE (Unsupported), a focal length of zero or below, a quaternion that is zero, ids that are there
///         twice or not at all, a track and features that do not name each other.
/// Memory  the files, and about as much again.
Result<ColmapScene> read_colmap(const std::string& folder);
/// From memory; `names` stand for the files in errors.
Result<ColmapScene> parse_colmap(ColmapFiles texts, const ColmapFiles& names);

/// The texts that were read, with the numbers of cameras, poses and points that are other ones now; a point that moved
/// gets a new ERROR (-1 where no view has it before it). Nothing changed: the same bytes.
/// Needs   a scene with the cameras' models, views and points that came with `rest`.
ColmapFiles to_colmap(const Scene& scene, const ColmapRest& rest);
/// All three files, or none; makes the folder where there is none.
/// Fails   where the folder has a frames.txt: newer COLMAPs would take the poses from there.
Status write_colmap(const std::string& folder, const Scene& scene, const ColmapRest& rest);

}  // namespace pipit
