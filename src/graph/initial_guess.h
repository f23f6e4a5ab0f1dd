// graph/initial_guess.h — where to start: poses that an optimiser can walk downhill from.
// Source: Martinec and Pajdla, Robust Rotation and Translation Estimation in Multiview Reconstruction (CVPR 2007);
//         Carlone, Tron, Daniilidis and Dellaert, Initialization Techniques for 3D SLAM (ICRA 2015), sec. III.
// Legend: R_i rotation of pose i, t_i its place, R_ij and t_ij as measured, W information.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "poses/pose_graph.h"

namespace pipit {

enum class Init : std::uint8_t {
  Auto,  ///< Chordal, unless the poses of the file or of odometry already fit better; File where poses hang together
         ///< through landmarks only
  File,  ///< the poses of the file
  Odometry,  ///< one path of measurements from the first pose to each other one, consecutive poses first
  Chordal,   ///< all rotations from one linear system, then all places from another
};

std::string_view name(Init init);

template <class Pose>
struct InitialGuess {
  std::vector<Pose> poses;                 ///< [P]
  std::vector<Eigen::Vector2d> landmarks;  ///< [L]
  Init used = Init::File;                  ///< never Auto
};

/// The guess that `init` asks for. Fixed poses keep the pose of the file; without any, pose 0 keeps its own.
///
/// Fails   InvalidArgument: File for a graph without vertices; a graph that is not connected (see disconnection), or
///         only through landmarks and without vertices. Unsupported: more than 32-bit indices can name
///         (see beyond_indices).
/// Threads result does not depend on the number of threads of `workers`.
/// Cost    two sparse Cholesky factorisations for Chordal, O(E) for the others.
template <class Pose>
Result<InitialGuess<Pose>> initial_guess(const PoseGraph<Pose>& graph, Init init, Workers& workers);

}  // namespace pipit
