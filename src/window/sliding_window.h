// window/sliding_window.h — visual odometry's back end: the last key-frames of a walk and the landmarks they share.
// Source: papers.md A3; Leutenegger et al., Keyframe-based visual-inertial odometry using nonlinear optimization
// (2015). Frames: T_world_cam takes points of the camera (x right, y down, z forward, m) to the world.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bundle/optimise.h"
#include "window/marginalise.h"

namespace pipit {

/// What a tracker follows: the same number in every picture.
struct TrackedPoint {
  std::int64_t track = 0;
  double u = 0, v = 0;
  double third = 0;  ///< as the window's Third says
};

struct WindowOptions {
  int keyframes = 50;       ///< >= 3: more push the oldest out
  bool marginalise = true;  ///< what the oldest knew stays as a prior; else the two oldest that are left stay fixed
  int num_fixed =
      2;  ///< first key-frames of a walk that are known: they carry gauge and, without a third number, scale
  double min_parallax_rad = 0.02;  ///< between two rays, before a landmark is made of them
  BundleOptions bundle;            ///< intrinsics are fixed, the solver Cgnr or else Implicit
};

/// One thread; calls do not throw. After a while (windows no larger than before) it asks for no memory.
class SlidingWindow {
 public:
  SlidingWindow(const Camera& camera, Third third, double baseline_m, double depth_sigma, const WindowOptions& options);

  /// A new key-frame with a guess of its pose. Where the window is full the oldest goes first. Tracks whose rays part
  /// enough become landmarks. Needs: numbers finite, no track twice.
  void add(const SE3<double>& T_world_cam, std::span<const TrackedPoint> tracks);
  /// All poses, landmarks. Stops at the last accepted step when `budget_s` seconds are over; the window is consistent
  /// whatever the reason to stop.
  const BundleSummary& optimise(double budget_s = 0.02);

  int size() const { return static_cast<int>(scene_.views.size()); }
  /// Of key-frame k of the window, the oldest is 0; and how many have left before it.
  SE3<double> pose(int k) const { return scene_.views[static_cast<std::size_t>(k)].T_cam_world.inverse(); }
  std::int64_t num_left() const { return num_left_; }
  /// World, m; none: no landmark (yet, or any more).
  std::optional<Eigen::Vector3d> landmark(std::int64_t track) const;
  int num_landmarks() const { return static_cast<int>(scene_.points.size()); }
  const PosePrior& prior() const { return prior_; }

 private:
  struct Seen {
    std::int32_t view = 0;
    TrackedPoint point;
  };
  struct Landmark {
    std::int64_t track = 0;
    std::int32_t seen = 0;    // times in the window
    std::int32_t last = 0;    // key-frame that saw it last
    std::int32_t point = -1;  // in scene_, -1: none yet
    Eigen::Vector3d place = Eigen::Vector3d::Zero();
    bool placed = false;
  };

  void drop_oldest();
  void triangulate();
  void build_scene();
  Landmark& of(std::int64_t track);

  WindowOptions options_;
  Scene scene_;                      // what is optimised; views and camera live here
  Scene leaving_;                    // bench of drop_oldest
  std::vector<Seen> seen_;           // by key-frame
  std::vector<Landmark> landmarks_;  // by track
  PosePrior prior_;
  Marginaliser marginaliser_;
  BundleOptimiser optimiser_;
  std::int64_t num_left_ = 0;
};

}  // namespace pipit
