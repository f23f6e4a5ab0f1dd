// poses/g2o_io.h — pose graphs from and to text: g2o, iSAM and TORO.
//
//   VERTEX_SE2 id x y angle                      VERTEX_SE3:QUAT id x y z qx qy qz qw       VERTEX_XY id x y
//   EDGE_SE2 from to x y angle I(3x3)            EDGE_SE3:QUAT from to x y z qx qy qz qw I(6x6)
//   EDGE_SE2_XY pose landmark x y I(2x2)         FIX id ..                                  PARAMS.. (skipped, noted)
//   VERTEX2, EDGE2 (as VERTEX_SE2, EDGE_SE2)     VERTEX3 id x y z roll pitch yaw, EDGE3 from to x y z roll pitch yaw
//   I(6x6)
//
// I is the upper triangle row by row; with GraphFormat::Toro that of EDGE2 comes in TORO's order I11 I12 I22 I33 I13
// I23. Roll, pitch, yaw mean R = Rz(yaw) Ry(pitch) Rx(roll); their information turns into that of a quaternion's vector
// part, which is half as large an error: times 4 on the rotation block, times 2 on the cross terms. Lines that begin
// with '#' and empty lines are skipped.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "poses/pose_graph.h"

namespace pipit {

enum class GraphFormat {
  Auto,  ///< every line says by its first word what it is
  Toro,  ///< the same, but EDGE2 lists its information in TORO's order
};

struct ReadOptions {
  GraphFormat format = GraphFormat::Auto;
  bool allow_disconnected = false;  ///< take graphs in several parts, and files without any edge (ground truth)
};

/// Reads a pose graph from a file, line by line; "-" is standard input. All poses are of one kind, plane or space.
///
/// Yields  a graph whose poses are sorted by id and whose edges keep the order of the file. Unit quaternions and angles
/// in
///         (-pi, pi] keep their bits; others are normalised. A file without vertices gives identity poses, one for each
///         id that its edges name, and has_vertices = false (see initial_guess.h). dropped_edges counts priors and
///         bearings (EDGE_PRIOR_SE2, EDGE_PRIOR_SE2_XY, EDGE_SE3_PRIOR, EDGE_BEARING_SE2_XY): known, but not part of
///         the problem Pipit solves; `notes` says so. Nothing else is ever left out.
/// Fails   with one line that names file and line, what was found and what was wanted: missing or extra fields, no
/// number,
///         not finite or above 1e100 in magnitude, zero quaternion, information that is not positive definite within
///         rounding (after scaling to unit diagonal a pivot below 1e-13), ids that repeat or are missing, self edges,
///         plane and space mixed, unknown records, no edges, parts that are not connected, more than 2^31-1 of
///         anything, a line of more than 1 MiB.
/// Cost    about 0.1 us per field. Memory: the graph, 40 bytes per edge and vertex until ids are indices, 1.5 MiB of
///         text however long the file.
Result<AnyPoseGraph> read_pose_graph(const std::string& path, const ReadOptions& options = {});

/// The same from memory; `name` stands for the file in errors.
Result<AnyPoseGraph> parse_pose_graph(std::string_view text, std::string_view name, const ReadOptions& options = {});

/// The graph as g2o text: vertices, FIX, edges. Numbers are printed so that reading them back gives the same bits.
template <class Pose>
std::string to_g2o(const PoseGraph<Pose>& graph);

/// Writes to_g2o(graph) whole or not at all, in memory for 1 MiB of text.
template <class Pose>
Status write_g2o(const std::string& path, const PoseGraph<Pose>& graph);

}  // namespace pipit
