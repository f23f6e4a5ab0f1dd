// household/house_plan.h — a building to walk through, what a look in it meets, and a walk. Private to household/.
// Frames: x and y along the floor, z up, m; floor at 0. A corridor along x, rooms on both sides of it, a door in each,
// a table in the middle of a room and shelves at its walls.
#pragma once
#include <Eigen/Core>
#include <array>
#include <optional>
#include <vector>

#include "base/random.h"
#include "geom/se3.h"

namespace pipit {

struct Box {
  Eigen::Vector3d low, high;
};

class HousePlan {
 public:
  /// Needs num_rooms >= 2.
  HousePlan(int num_rooms, Random& random);

  /// Where the ray from + s * way, s > 0, first meets a wall, floor, ceiling or piece of furniture: s. Doors are open.
  /// None: `from` is outside the building.
  std::optional<double> look(const Eigen::Vector3d& from, const Eigen::Vector3d& way) const;

  /// Corners of a walk of at least `length` m: along the corridor into some room, once around its table, out, and so
  /// on.
  std::vector<Eigen::Vector2d> walk(double length, Random& random) const;

 private:
  struct Room {
    int side;  // +1: y > 0
    Box box;
    double door;                 // x of its middle
    std::vector<Box> furniture;  // inside the box
  };
  /// -1: the corridor; none: outside.
  std::optional<int> cell_at(double x, double y) const;

  std::array<std::vector<Room>, 2> rooms_;  // by side, ascending x, wall to wall
  Box corridor_;
};

/// A camera's pose each `step` m along the walk whose corners are given, from `skip` m on; corners are rounded over
/// 1.2 m, the body sways a little. Needs a walk that is long enough: none of its corners turns back.
std::vector<SE3<double>> camera_poses(const std::vector<Eigen::Vector2d>& corners, double skip, double step, int count);

}  // namespace pipit
