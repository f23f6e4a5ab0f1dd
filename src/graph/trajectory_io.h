// graph/trajectory_io.h — trajectories from files, matched pose by pose and compared.
//
//   g2o, iSAM, TORO   vertices; a file of edges only is chained along its odometry (see spanning_tree.h)
//   TUM               stamp x y z qx qy qz qw, one pose a line; seconds and metres
//   KITTI             12 numbers, the rows of the 3x4 matrix [R t]; row k is the pose with id k
//
// Poses of the plane are lifted: z = 0, rotation about z.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "geom/se3.h"
#include "geom/trajectory.h"

namespace pipit {

/// Either `ids` or `times` is filled, strictly ascending.
struct Trajectory {
  std::vector<std::int64_t> ids;   ///< [n] g2o: of the vertex; KITTI: the row, from 0
  std::vector<double> times;       ///< [n] TUM: seconds
  std::vector<SE3<double>> poses;  ///< [n] T_world_body
  bool plane = false;              ///< all poses lie in the plane z = 0
};

/// Tells the format by the first line: a word means g2o, 8 numbers TUM, 12 numbers KITTI. Lines that begin with '#' and
/// empty lines are skipped; "-" is standard input.
/// Fails   with one line that names file and line, what was found and what was wanted: as read_pose_graph, and no
/// poses,
///         stamps or ids that repeat, a matrix that is no rotation within 0.01.
Result<Trajectory> read_trajectory(const std::string& path);
Result<Trajectory> parse_trajectory(std::string_view text, std::string_view name);

/// Poses of the same moment, in order.
struct MatchedTrajectories {
  std::vector<SE3<double>> est, ref;  ///< [matched]
  std::vector<PosePair> frames;       ///< neighbours with no frame missing between them, see match
  std::size_t matched = 0;
  std::size_t unmatched = 0;      ///< poses of the estimate without a partner
  std::size_t unmatched_ref = 0;  ///< poses of the reference without a partner
  bool plane = false;             ///< both in the plane
};

/// Partners have the same id, or times within `max_gap` seconds of each other, the closest two of all first. Nobody has
/// two partners, and pairs do not cross in time: of an estimate ten times as frequent as its reference nine in ten stay
/// without.
/// Frames  by id: neighbours in both trajectories; by time: not more than 1.5 times the median step of the matched
/// apart. Fails   fewer than 3 matches; one side with ids and the other with times.
Result<MatchedTrajectories> match(const Trajectory& est, const Trajectory& ref, double max_gap = 0.02);

struct AteReport {
  ErrorStats position_m;
  double scale = 1;  ///< of the alignment
  Fit fit = Fit::Unique;
};

/// Absolute trajectory error: distance of positions after alignment, which stays within the plane for plane
/// trajectories.
AteReport ate(const MatchedTrajectories& both, Align align);

struct RpeReport {
  Rpe per_frame, per_metre;
};

/// Relative pose error over one frame (gaps make no pair) and over one metre of the reference's path; with
/// Align::Similarity the estimate takes the scale that aligns it best.
RpeReport rpe(const MatchedTrajectories& both, Align align);

}  // namespace pipit
