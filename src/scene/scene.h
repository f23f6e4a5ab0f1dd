// scene/scene.h — what cameras have seen: the data of bundle adjustment.
// Frames: T_cam_world takes world points (m) to a camera's frame (x right, y down, z forward; a BAL camera as its file
// has it). Pixels as in cameras/camera.h.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "cameras/camera.h"
#include "geom/se3.h"

namespace pipit {

/// One picture.
struct View {
  SE3<double> T_cam_world;
  std::int32_t camera = 0;
  bool fixed = false;  ///< keeps its pose in bundle adjustment
  /// The angle-axis that a file gave: written again while T_cam_world is what it makes, so that no bit is lost.
  Eigen::Vector3d turn = Eigen::Vector3d::Constant(std::numeric_limits<double>::quiet_NaN());
  bool keeps_turn() const { return SO3<double>::exp(turn).q.coeffs() == T_cam_world.q.coeffs(); }
};

/// What stands beside u and v of every observation of a scene.
enum class Third : std::uint8_t {
  None,
  RightU,  ///< u in the right picture of a rectified pair, px: the left one's less fx * baseline / z
  Depth,   ///< z, m
};

struct Observation {
  std::int32_t view = 0, point = 0;
  double u = 0, v = 0;
  double third = 0;
};

struct Scene {
  std::vector<Camera> cameras;
  std::vector<View> views;
  std::vector<Eigen::Vector3d> points;    ///< world, m
  std::vector<Observation> observations;  ///< in the file's order
  Third third = Third::None;
  double baseline_m = 0;   ///< RightU: distance of the two cameras, > 0
  double depth_sigma = 0;  ///< Depth: error of a depth of 1 m that weighs as much as a pixel; grows with its square
};

/// What the residuals come to.
struct SceneError {
  double cost = 0;            ///< half the sum of squares over what is seen, third numbers in it
  double rms_px = 0;          ///< root of the mean squared length of the pixel's error (u and v)
  std::int64_t not_seen = 0;  ///< observations whose point is not before its camera; they count for nothing
};
SceneError error_of(const Scene& scene);

}  // namespace pipit
