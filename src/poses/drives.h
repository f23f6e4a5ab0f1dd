// poses/drives.h — true paths of simulated robots, and where they come back to. Private to poses/.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.h"
#include "geom/se2.h"
#include "geom/se3.h"

namespace pipit {

template <class Pose>
struct Drive {
  std::vector<Pose> poses;                                      // [P] T_world_body
  std::vector<std::pair<std::int32_t, std::int32_t>> closures;  // (earlier, later), later ascending
};

Drive<SE2<double>> drive_home(std::int32_t num_poses, Random& random);
Drive<SE2<double>> drive_city(std::int32_t num_poses, Random& random);
Drive<SE3<double>> drive_grid(std::int32_t num_poses, Random& random);
Drive<SE3<double>> drive_sphere(std::int32_t num_poses);
Drive<SE3<double>> drive_torus(std::int32_t num_poses);

}  // namespace pipit
