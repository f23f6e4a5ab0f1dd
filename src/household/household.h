// household/household.h — bundle adjustment problems whose truth is known: a robot walks through a household and looks
// around with one camera of 640 x 480 pixels, f = 450 (a field of 71 x 56 degrees).
#pragma once
#include <cstdint>

#include "scene/scene.h"

namespace pipit {

/// Errors of what bundle adjustment starts from: as visual odometry has them. Standard deviations.
struct StartErrors {
  double position = 0.02;  ///< m, on each axis of the camera; neighbouring views are wrong alike
  double angle = 0.005;    ///< rad, on each axis
  double depth = 0.05;     ///< of a landmark's depth in the view that saw it first, part of it
};

struct HouseholdOptions {
  std::int32_t num_views = 50;         ///< >= 4
  double step = 0.05;                  ///< m between views, in [0.01, 0.5]; 0.05: 0.5 m/s and ten key-frames a second
  std::int32_t seen_per_view = 55;     ///< landmarks, in [8, 2000]
  double track_length = 12;            ///< views that see a landmark, in the mean, in [4, num_views]
  Third third = Third::None;           ///< what else is measured
  double baseline_m = 0.12;            ///< RightU, m, > 0
  double depth_sigma = 0.005;          ///< Depth: as in Scene, > 0
  double pixel_sigma = 0.5;            ///< px, u, v and RightU; a depth is as much worse than its own sigma; >= 0
  StartErrors start = {};              ///< >= 0
  std::int32_t num_fixed = 2;          ///< views at the beginning that are known: they carry gauge and scale
  Eigen::Vector3d origin = {0, 0, 0};  ///< m, added to all places
  std::uint64_t seed = 1;
};

/// A building instead of a window: key-frames each 0.25 m, 80 landmarks in each, room after room, and again. Turns of
/// 20 degrees between two views keep a landmark in the picture for six views in the mean, hardly longer.
HouseholdOptions building(std::int32_t num_views);

struct SimulatedScene {
  Scene truth, start;  ///< the same observations, with their noise; in `start` fixed views are the true ones
};

/// A walk of num_views views along a corridor and around the tables of its rooms, landmarks on walls and furniture.
///
/// A landmark is followed for three views or more, as long as it stays in the picture and nothing hides it; some are
/// found again when the robot comes back to a place. Who is never seen from two sides 0.02 rad apart is no landmark.
/// Walk, landmarks, noise and start errors are drawn from streams of their own: an option of one leaves the others'
/// bits alone. Needs   the ranges above, num_fixed in [1, num_views). Yields  observations ordered by view, then point;
/// every point seen in three views or more, each 0.3 m or more before
///         its camera and at most 8 m away. Numbers of observations and points within 10 % of num_views *
///         seen_per_view and that over track_length (household_test.cc), for tracks of
///         0.6 m (window) or 1.5 m (building); a much longer track_length is not reached: points leave the picture.
/// Cost    about 3 us an observation, 130 bytes each.
SimulatedScene simulate_household(const HouseholdOptions& options);

}  // namespace pipit
