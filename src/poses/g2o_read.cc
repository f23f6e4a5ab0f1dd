#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>

#include "base/file.h"
#include "base/line_scan.h"
#include "base/text.h"
#include "poses/g2o_io.h"

namespace pipit {
namespace {

using Pose2 = SE2<double>;
using Pose3 = SE3<double>;

/// Records of a file in file order, before ids become indices. `line` [n] is where each stood.
template <class Pose>
struct Draft {
  std::vector<std::int64_t> vertex_ids, vertex_lines;
  std::vector<Pose> vertices;
  std::vector<Edge<Pose>> edges;
  std::vector<std::array<std::int64_t, 2>> edge_ids;
  std::vector<std::int64_t> edge_lines;
  bool empty() const { return vertices.empty() && edges.empty(); }
};

struct LandmarkDraft {
  std::vector<std::int64_t> vertex_ids, vertex_lines;
  std::vector<Eigen::Vector2d> vertices;
  std::vector<LandmarkEdge> edges;
  std::vector<std::array<std::int64_t, 2>> edge_ids;
  std::vector<std::int64_t> edge_lines;
};

struct Skipped {
  std::string word;
  std::int64_t count = 0, first_line = 0;
};

/// Cholesky of the matrix scaled to unit diagonal. 1e-13 is some hundred times the rounding error of a 6x6 factor
/// (6 * 6 * eps = 8e-15): below it nobody can tell the matrix from a singular one.
template <int D>
bool positive_definite(const Eigen::Matrix<double, D, D>& information) {
  Eigen::Matrix<double, D, 1> scale;
  for (int i = 0; i < D; ++i) {
    if (!(information(i, i) > 0)) return false;
    scale[i] = 1 / std::sqrt(information(i, i));
  }
  Eigen::Matrix<double, D, D> L;
  for (int j = 0; j < D; ++j) {
    double pivot = 1;
    for (int k = 0; k < j; ++k) pivot -= L(j, k) * L(j, k);
    if (!(pivot > 1e-13)) return false;
    L(j, j) = std::sqrt(pivot);
    for (int i = j + 1; i < D; ++i) {
      double sum = information(i, j) * scale[i] * scale[j];
      for (int k = 0; k < j; ++k) sum -= L(i, k) * L(j, k);
      L(i, j) = sum / L(j, j);
    }
  }
  return true;
}

template <int D>
Eigen::Matrix<double, D, D> read_information(LineScan& scan) {
  Eigen::Matrix<double, D, D> I;
  for (int r = 0; r < D; ++r)
    for (int c = r; c < D; ++c) I(r, c) = I(c, r) = scan.number();
  if (scan.error().empty() && !positive_definite<D>(I))
    scan.fail(I.isZero(0) ? "the information matrix is zero, wanted a positive definite one"
                          : "the information matrix is not positive definite");
  return I;
}

Pose2 read_pose2(LineScan& scan) {
  Pose2 pose;
  pose.t.x() = scan.number();
  pose.t.y() = scan.number();
  pose.theta = wrap_angle(scan.number());
  return pose;
}

Eigen::Vector3d read_vector3(LineScan& scan) {
  Eigen::Vector3d v;
  for (int k = 0; k < 3; ++k) v[k] = scan.number();
  return v;
}

Pose3 read_pose3(LineScan& scan) {
  Pose3 pose;
  pose.t = read_vector3(scan);
  for (int k = 0; k < 4; ++k) pose.q.coeffs()[k] = scan.number();
  const double norm = pose.q.coeffs().stableNorm();
  if (scan.error().empty() && norm < 1e-3) scan.fail("the quaternion is zero, wanted one of unit length");
  // A normalised quaternion has a squared norm within 8 eps of 1 (4 for the norm, 1 for the quotient, each squared):
  // leave its bits alone.
  if (std::abs(pose.q.squaredNorm() - 1) > 2e-15) pose.q.coeffs() /= norm;
  return pose;
}

Pose3 read_pose_rpy(LineScan& scan) {
  Pose3 pose;
  pose.t = read_vector3(scan);
  const Eigen::Vector3d rpy = read_vector3(scan);
  pose.q = Eigen::AngleAxisd(rpy[2], Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(rpy[1], Eigen::Vector3d::UnitY()) *
           Eigen::AngleAxisd(rpy[0], Eigen::Vector3d::UnitX());
  pose.q.normalize();
  return pose;
}

class Reader {
 public:
  Reader(std::string_view name, const ReadOptions& options) : name_(name), options_(options) {}

  /// One line after the other, in order, counted from 1.
  Status take(std::int64_t number, std::string_view line) {
    line_ = number;
    return read_line(line);
  }

  /// After the last line.
  Result<AnyPoseGraph> finish() {
    if (line_ == 0) return whole("the file is empty, wanted a pose graph");
    if (!landmarks_.vertices.empty() || !landmarks_.edges.empty()) {
      if (!space_.empty()) return whole("has landmarks in the plane (XY) and poses in space (SE3), wanted one kind");
      return assemble(plane_);
    }
    if (plane_.empty() && space_.empty()) return whole("has no vertices and no edges, wanted a pose graph");
    return space_.empty() ? assemble(plane_) : assemble(space_);
  }

 private:
  Error at(std::int64_t line, const std::string& why) const {
    return Error{Code::BadFormat, name_ + ":" + std::to_string(line) + ": " + why};
  }
  Error whole(const std::string& why) const { return Error{Code::BadFormat, name_ + ": " + why}; }

  static constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
  static constexpr const char* kTooMany = "more than 2147483647 vertices or edges, wanted what 32-bit indices can name";

  /// As they come, before they fill the memory.
  bool too_many() const {
    return plane_.vertices.size() + space_.vertices.size() + landmarks_.vertices.size() > kMost ||
           plane_.edges.size() + space_.edges.size() + landmarks_.edges.size() > kMost;
  }

  Status read_line(std::string_view line) {
    LineScan scan(line);
    const std::string_view word = scan.word();
    if (word.empty() || word.front() == '#') return Done{};
    if (word == "EDGE_SE2") {
      add_edge(plane_, scan, &read_pose2, &read_information<3>);
    } else if (word == "EDGE_SE3:QUAT") {
      add_edge(space_, scan, &read_pose3, &read_information<6>);
    } else if (word == "VERTEX_SE2" || word == "VERTEX2") {
      add_vertex(plane_, scan, &read_pose2);
    } else if (word == "VERTEX_SE3:QUAT") {
      add_vertex(space_, scan, &read_pose3);
    } else if (word == "EDGE2") {
      add_edge(plane_, scan, &read_pose2, options_.format == GraphFormat::Toro ? &read_toro2 : &read_information<3>);
    } else if (word == "EDGE3") {
      add_edge(space_, scan, &read_pose_rpy, &read_rpy_information);
    } else if (word == "VERTEX3") {
      add_vertex(space_, scan, &read_pose_rpy);
    } else if (word == "VERTEX_XY") {
      landmarks_.vertex_ids.push_back(scan.id());
      const double x = scan.number();
      landmarks_.vertices.emplace_back(x, scan.number());
      landmarks_.vertex_lines.push_back(line_);
    } else if (word == "EDGE_SE2_XY") {
      add_landmark_edge(scan);
    } else if (word == "FIX") {
      do {
        fixed_.emplace_back(scan.id(), line_);
      } while (scan.error().empty() && !scan.at_end());
    } else if (word.starts_with("PARAMS")) {
      skip(word, params_);
      return Done{};
    } else if (word == "EDGE_PRIOR_SE2" || word == "EDGE_PRIOR_SE2_XY" || word == "EDGE_SE3_PRIOR" ||
               word == "EDGE_BEARING_SE2_XY") {
      skip(word, dropped_);
      return Done{};
    } else {
      return at(line_, "unknown record " + in_quotes(word) + ", wanted a g2o, iSAM or TORO vertex or edge");
    }
    if (!scan.ok()) return at(line_, std::string(word) + ": " + scan.error());
    if (too_many()) return Error{Code::Unsupported, at(line_, kTooMany).message};
    if (!plane_.empty() && !space_.empty())
      return at(line_, std::string(word) + ": the file mixes poses in the plane and in space, wanted one kind");
    return Done{};
  }

  template <class Pose>
  void add_vertex(Draft<Pose>& draft, LineScan& scan, Pose (*read_pose)(LineScan&)) {
    draft.vertex_ids.push_back(scan.id());
    draft.vertices.push_back(read_pose(scan));
    draft.vertex_lines.push_back(line_);
  }

  template <class Pose, class ReadInformation>
  void add_edge(Draft<Pose>& draft, LineScan& scan, Pose (*read_pose)(LineScan&), ReadInformation read_info) {
    const std::int64_t from = scan.id(), to = scan.id();
    if (from == to) scan.fail("edge from " + std::to_string(from) + " to itself, wanted two poses");
    Edge<Pose>& edge = draft.edges.emplace_back();
    edge.T_from_to = read_pose(scan);
    edge.information = read_info(scan);
    draft.edge_ids.push_back({from, to});
    draft.edge_lines.push_back(line_);
  }

  void add_landmark_edge(LineScan& scan) {
    const std::int64_t from = scan.id(), to = scan.id();
    if (from == to) scan.fail("edge from " + std::to_string(from) + " to itself, wanted a pose and a landmark");
    LandmarkEdge& edge = landmarks_.edges.emplace_back();
    edge.xy.x() = scan.number();
    edge.xy.y() = scan.number();
    edge.information = read_information<2>(scan);
    landmarks_.edge_ids.push_back({from, to});
    landmarks_.edge_lines.push_back(line_);
  }

  static Eigen::Matrix3d read_toro2(LineScan& scan) {
    Eigen::Matrix3d I;
    for (const auto [r, c] : std::array<std::array<int, 2>, 6>{{{0, 0}, {0, 1}, {1, 1}, {2, 2}, {0, 2}, {1, 2}}})
      I(r, c) = I(c, r) = scan.number();
    if (scan.error().empty() && !positive_definite<3>(I))
      scan.fail("the information matrix (in TORO's order) is not positive definite");
    return I;
  }

  /// The error in roll, pitch and yaw is twice the vector part of the quaternion: J = diag(1, 2), I' = J'IJ.
  static Eigen::Matrix<double, 6, 6> read_rpy_information(LineScan& scan) {
    Eigen::Matrix<double, 6, 6> I = read_information<6>(scan);
    I.topRightCorner<3, 3>() *= 2;
    I.bottomLeftCorner<3, 3>() *= 2;
    I.bottomRightCorner<3, 3>() *= 4;
    if (scan.error().empty() && I.cwiseAbs().maxCoeff() > kLargestNumber)
      scan.fail("the information matrix, turned to quaternions, is above 1e100");
    return I;
  }

  void skip(std::string_view word, std::vector<Skipped>& list) {
    for (Skipped& known : list)
      if (known.word == word) {
        ++known.count;
        return;
      }
    // A hostile file could name millions of kinds; a dozen notes are enough for anybody.
    if (list.size() < 12) {
      list.push_back({std::string(word.substr(0, 40)), 1, line_});
    } else {
      ++list.back().count;
    }
  }

  /// Sorts vertices by id when they are not. Fails on an id that occurs twice.
  template <class Vertex>
  Status sort_vertices(std::vector<std::int64_t>& ids,
                       std::vector<std::int64_t>& lines,
                       std::vector<Vertex>& vertices) {
    if (!std::is_sorted(ids.begin(), ids.end())) {
      std::vector<std::size_t> order(ids.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
      const auto apply = [&](auto& items) {
        auto sorted = items;
        for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = items[order[i]];
        items = std::move(sorted);
      };
      apply(ids);
      apply(lines);
      apply(vertices);
    }
    for (std::size_t i = 1; i < ids.size(); ++i)
      if (ids[i] == ids[i - 1])
        return at(lines[i],
                  "vertex " + std::to_string(ids[i]) + " was already given in line " + std::to_string(lines[i - 1]));
    return Done{};
  }

  static std::optional<std::int32_t> find(const std::vector<std::int64_t>& ids, std::int64_t id) {
    if (ids.empty() || id < ids.front() || id > ids.back()) return std::nullopt;
    const std::size_t guess = static_cast<std::size_t>(id - ids.front());
    if (guess < ids.size() && ids[guess] == id) return static_cast<std::int32_t>(guess);
    const auto place = std::lower_bound(ids.begin(), ids.end(), id);
    if (*place != id) return std::nullopt;
    return static_cast<std::int32_t>(place - ids.begin());
  }

  static void sort_unique(std::vector<std::int64_t>& ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }

  template <class Pose>
  Result<AnyPoseGraph> assemble(Draft<Pose>& draft) {
    PoseGraph<Pose> graph;
    graph.has_vertices = !draft.vertices.empty() || !landmarks_.vertices.empty();
    if (graph.has_vertices) {
      if (Status s = sort_vertices(draft.vertex_ids, draft.vertex_lines, draft.vertices); !s) return s.error();
      if (Status s = sort_vertices(landmarks_.vertex_ids, landmarks_.vertex_lines, landmarks_.vertices); !s)
        return s.error();
    } else {
      for (const auto& [from, to] : draft.edge_ids) draft.vertex_ids.insert(draft.vertex_ids.end(), {from, to});
      for (const auto& [from, to] : landmarks_.edge_ids) {
        draft.vertex_ids.push_back(from);
        landmarks_.vertex_ids.push_back(to);
      }
      sort_unique(draft.vertex_ids);
      sort_unique(landmarks_.vertex_ids);
      draft.vertices.resize(draft.vertex_ids.size());
      landmarks_.vertices.assign(landmarks_.vertex_ids.size(), Eigen::Vector2d::Zero());
    }
    graph.ids = std::move(draft.vertex_ids);
    graph.poses = std::move(draft.vertices);
    graph.edges = std::move(draft.edges);
    graph.landmark_ids = std::move(landmarks_.vertex_ids);
    graph.landmarks = std::move(landmarks_.vertices);
    graph.landmark_edges = std::move(landmarks_.edges);
    // Without vertex lines every edge may name two new ids.
    if (graph.ids.size() + graph.landmark_ids.size() > kMost) return Error{Code::Unsupported, name_ + ": " + kTooMany};
    for (const std::int64_t id : graph.landmark_ids)
      if (find(graph.ids, id)) return whole("vertex " + std::to_string(id) + " is both a pose and a landmark");

    for (std::size_t e = 0; e < graph.edges.size(); ++e) {
      std::int32_t* const ends[2] = {&graph.edges[e].from, &graph.edges[e].to};
      for (int k = 0; k < 2; ++k) {
        const auto index = find(graph.ids, draft.edge_ids[e][k]);
        if (!index) return missing(draft.edge_lines[e], draft.edge_ids[e][k], "pose");
        *ends[k] = *index;
      }
    }
    for (std::size_t e = 0; e < graph.landmark_edges.size(); ++e) {
      const auto [from, to] = landmarks_.edge_ids[e];
      const auto pose = find(graph.ids, from), landmark = find(graph.landmark_ids, to);
      if (!pose) return missing(landmarks_.edge_lines[e], from, "pose");
      if (!landmark) return missing(landmarks_.edge_lines[e], to, "landmark");
      graph.landmark_edges[e].pose = *pose;
      graph.landmark_edges[e].landmark = *landmark;
    }
    for (const auto& [id, line] : fixed_) {
      if (find(graph.landmark_ids, id))
        return Error{Code::Unsupported,
                     at(line, "FIX holds landmark " + std::to_string(id) + ", wanted a pose").message};
      const auto index = find(graph.ids, id);
      if (!index) return missing(line, id, "pose");
      graph.fixed.push_back(*index);
    }
    if (!graph.has_vertices && !graph.fixed.empty()) {
      // Where the edges alone place the poses, one can be held. Two could not be told where to stand.
      const std::int32_t first = graph.fixed.front();
      if (std::any_of(graph.fixed.begin(), graph.fixed.end(), [&](std::int32_t index) { return index != first; }))
        graph.notes.push_back(name_ + ":" + std::to_string(fixed_.front().second) +
                              ": FIX holds several poses of a file without vertices: only " +
                              std::to_string(fixed_.front().first) + " is held");
      graph.fixed = {first};
    }
    std::sort(graph.fixed.begin(), graph.fixed.end());
    graph.fixed.erase(std::unique(graph.fixed.begin(), graph.fixed.end()), graph.fixed.end());
    add_notes(graph);
    if (!options_.allow_disconnected) {
      if (graph.poses.empty()) return whole("has no poses, wanted a pose graph");
      if (graph.num_edges() == 0) return whole("has no edges, wanted a pose graph");
      if (std::string why = disconnection(graph); !why.empty()) return whole(why);
    }
    return AnyPoseGraph(std::move(graph));
  }

  Error missing(std::int64_t line, std::int64_t id, const char* kind) const {
    return at(line, "names " + std::string(kind) + " " + std::to_string(id) + ", which no vertex line defines");
  }

  template <class Pose>
  void add_notes(PoseGraph<Pose>& graph) const {
    const auto note = [&](const Skipped& skipped, const char* why) {
      graph.notes.push_back(name_ + ":" + std::to_string(skipped.first_line) + ": " + std::to_string(skipped.count) +
                            " " + in_quotes(skipped.word) + (skipped.count == 1 ? " line " : " lines ") + why);
    };
    for (const Skipped& skipped : params_) note(skipped, "skipped: Pipit needs no parameters");
    for (const Skipped& skipped : dropped_) {
      note(skipped, "dropped: Pipit has no such edge");
      graph.dropped_edges += skipped.count;
    }
  }

  std::string name_;
  ReadOptions options_;
  std::int64_t line_ = 0;
  Draft<Pose2> plane_;
  Draft<Pose3> space_;
  LandmarkDraft landmarks_;
  std::vector<std::pair<std::int64_t, std::int64_t>> fixed_;
  std::vector<Skipped> params_, dropped_;
};

Result<AnyPoseGraph> read_lines(LineReader lines, const ReadOptions& options) {
  Reader reader(lines.name(), options);
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return reader.finish();
    if (Status status = reader.take(lines.number(), **line); !status) return status.error();
  }
}

}  // namespace

Result<AnyPoseGraph> parse_pose_graph(std::string_view text, std::string_view name, const ReadOptions& options) {
  return read_lines(LineReader(text, name), options);
}

Result<AnyPoseGraph> read_pose_graph(const std::string& path, const ReadOptions& options) {
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  return read_lines(LineReader(std::move(*file)), options);
}

}  // namespace pipit
