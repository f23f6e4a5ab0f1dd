// scene/stereo_io.h — landmarks seen by a stereo pair on a drive, as three text files:
//
//   VO_stereo_factors<s>.txt   view landmark uL uR v X Y Z     one line for each observation; X Y Z: the landmark as
//                                                              triangulated there, in that view's camera frame, m
//   VO_camera_poses<s>.txt     view and 16 numbers             T_world_cam, 4x4 by rows, for each view
//   VO_calibration<d>.txt      fx fy s cx cy baseline          px and m; <d>: the digits that <s> starts with
//
// Source  the example data of GTSAM (Dellaert, Factor Graphs and GTSAM, 2012).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "scene/scene.h"

namespace pipit {

/// Of each of the three files its path, its name for messages or its text.
struct StereoFiles {
  std::string factors, poses, calibration;
};
/// The paths that go with one of factors, beside it: "poses_small" and "calibration" with "factors_small", "poses00s"
/// and "calibration00" with "factors00s". Fails   with InvalidArgument on another name than VO_stereo_factors*.txt.
/// Does not look at the disk.
Result<StereoFiles> stereo_paths(const std::string& factors);

/// What the files say and a Scene does not: their own numbers of its views and points.
struct StereoIds {
  std::vector<std::int64_t> views, landmarks;
};
struct StereoScene {
  Scene scene;
  StereoIds ids;
};

/// Yields  Third::RightU and one pinhole camera; views in the order of the poses' file, the first one fixed; landmarks
///         in the order in which the factors name them, each where its first observation and that view's pose put it.
///         Rotations, printed with 6 digits, become the nearest ones. The width of the picture stays unknown.
/// Fails   with one line that names file and line, or the file that is missing and what it was wanted for: fields that
///         are missing, too many or not finite, a skew that is not 0, a focal length or baseline of zero or below, a
///         matrix that is no motion, a view that is there twice or not at all, a landmark seen twice by one view.
Result<StereoScene> read_stereo(const StereoFiles& paths);
Result<StereoScene> read_stereo(const std::string& factors);  ///< the other two by stereo_paths
/// From memory; `names` stand for the files in errors.
Result<StereoScene> parse_stereo(const StereoFiles& texts, const StereoFiles& names);

/// Texts that give the same scene, to rounding, when they are read again: X Y Z of every observation becomes where its
/// landmark is now.
/// Needs   what a reader above made, with other poses, landmarks and intrinsics or not.
StereoFiles to_stereo(const Scene& scene, const StereoIds& ids);
/// All three files, or none.
Status write_stereo(const StereoFiles& paths, const Scene& scene, const StereoIds& ids);

}  // namespace pipit
