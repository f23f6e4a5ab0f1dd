#include "graph/trajectory_io.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/file.h"
#include "base/line_scan.h"
#include "base/text.h"
#include "geom/nearest_rotation.h"
#include "poses/g2o_io.h"
#include "poses/spanning_tree.h"

namespace pipit {
namespace {

Error bad(std::string_view name, long line, const std::string& why) {
  return Error{Code::BadFormat, std::string(name) + ":" + std::to_string(line) + ": " + why};
}
Error bad(std::string_view name, const std::string& why) {
  return Error{Code::BadFormat, std::string(name) + ": " + why};
}

SE3<double> lifted(const SE3<double>& pose) { return pose; }
SE3<double> lifted(const SE2<double>& pose) {
  return {Eigen::Quaterniond(std::cos(0.5 * pose.theta), 0, 0, std::sin(0.5 * pose.theta)),
          Eigen::Vector3d(pose.t.x(), pose.t.y(), 0)};
}

template <class Pose>
Result<Trajectory> from_graph(PoseGraph<Pose> graph, std::string_view name) {
  if (graph.poses.empty()) return bad(name, "has no poses, wanted a trajectory");
  if (!graph.has_vertices) {
    const std::int32_t root[] = {0};
    const SpanningTree tree = spanning_tree<Pose>(graph, root);
    if (tree.order.size() < graph.poses.size()) return bad(name, disconnection(graph));
    compose_along<Pose>(tree, graph, graph.poses);
  }
  Trajectory out;
  out.plane = Pose::kDim == 3;
  out.ids = std::move(graph.ids);
  out.poses.reserve(graph.poses.size());
  for (const Pose& pose : graph.poses) out.poses.push_back(lifted(pose));
  return out;
}

SE3<double> read_tum_pose(LineScan& scan) {
  SE3<double> pose;
  for (int k = 0; k < 3; ++k) pose.t[k] = scan.number();
  for (int k = 0; k < 4; ++k) pose.q.coeffs()[k] = scan.number();
  if (scan.error().empty() && pose.q.coeffs().stableNorm() < 1e-3)
    scan.fail("the quaternion is zero, wanted one of unit length");
  pose.q.coeffs().stableNormalize();
  return pose;
}

SE3<double> read_kitti_pose(LineScan& scan) {
  SE3<double> pose;
  Eigen::Matrix3d R;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) R(r, c) = scan.number();
    pose.t[r] = scan.number();
  }
  if (!scan.error().empty()) return pose;
  const Eigen::Matrix3d nearest = nearest_rotation(R);
  if (!((R - nearest).norm() < 0.01)) {
    scan.fail("the 3x3 matrix is no rotation");
    return pose;
  }
  pose.q = Eigen::Quaterniond(nearest).normalized();
  return pose;
}

bool is_number_start(char c) { return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.'; }

/// The first line that says something.
std::string_view first_line(std::string_view text) {
  Lines lines(text);
  while (const auto line = lines.next())
    if (const std::string_view word = Fields(*line).next(); !word.empty() && word.front() != '#') return *line;
  return {};
}

/// TUM when `timed`, else KITTI.
Result<Trajectory> parse_rows(std::string_view text, std::string_view name, bool timed) {
  Trajectory out;
  std::vector<long> line_of;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const std::string_view word = Fields(*line).next();
    if (word.empty() || word.front() == '#') continue;
    LineScan scan(*line);
    if (timed) out.times.push_back(scan.number());
    out.poses.push_back(timed ? read_tum_pose(scan) : read_kitti_pose(scan));
    line_of.push_back(lines.number());
    if (!scan.ok()) return bad(name, lines.number(), scan.error());
  }
  if (!timed) {
    out.ids.resize(out.poses.size());
    std::iota(out.ids.begin(), out.ids.end(), 0);
    return out;
  }
  std::vector<std::size_t> order(out.times.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(
      order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return out.times[a] < out.times[b]; });
  Trajectory sorted;
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (k > 0 && out.times[order[k]] == out.times[order[k - 1]])
      return bad(name, line_of[order[k]], "has the time stamp of line " + std::to_string(line_of[order[k - 1]]));
    sorted.times.push_back(out.times[order[k]]);
    sorted.poses.push_back(out.poses[order[k]]);
  }
  return sorted;
}

using Partners = std::vector<std::pair<std::size_t, std::size_t>>;  ///< places in est and ref, ascending in both

Partners partners_by_id(const std::vector<std::int64_t>& est, const std::vector<std::int64_t>& ref) {
  Partners out;
  for (std::size_t i = 0, j = 0; i < est.size() && j < ref.size();) {
    if (est[i] == ref[j]) out.emplace_back(i, j);
    const bool step_est = est[i] <= ref[j], step_ref = ref[j] <= est[i];
    i += step_est;
    j += step_ref;
  }
  return out;
}

/// Seconds since 1970 in fp64 are known to 2.4e-7 s: 1.02 s is within 20 ms of 1 s.
constexpr double kStampRounding = 1e-6;

/// Neighbours in the common order of time become partners, the closest first, as long as they are free and within
/// `max_gap`. Two with somebody between them never do: one of them is closer to that one, or the pairs would cross.
Partners partners_by_time(const std::vector<double>& est, const std::vector<double>& ref, double max_gap) {
  struct Neighbours {
    double gap;
    std::size_t est, ref;
  };
  std::vector<Neighbours> near;
  for (std::size_t i = 0, j = 0; i < est.size() && j < ref.size();) {
    const bool ref_first = ref[j] < est[i];
    const bool adjacent = ref_first ? j + 1 == ref.size() || ref[j + 1] >= est[i]  //
                                    : i + 1 == est.size() || est[i + 1] > ref[j];
    const double gap = std::abs(ref[j] - est[i]);
    if (adjacent && gap <= max_gap + kStampRounding) near.push_back({gap, i, j});
    ++(ref_first ? j : i);
  }
  std::stable_sort(near.begin(), near.end(), [](const Neighbours& a, const Neighbours& b) { return a.gap < b.gap; });
  std::vector<char> est_taken(est.size(), 0), ref_taken(ref.size(), 0);
  Partners out;
  for (const Neighbours& n : near) {
    if (est_taken[n.est] || ref_taken[n.ref]) continue;
    est_taken[n.est] = ref_taken[n.ref] = 1;
    out.emplace_back(n.est, n.ref);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Pairs of neighbours among the partners with no frame missing between them.
std::vector<PosePair> frames_by_id(const Partners& partners, const Trajectory& est, const Trajectory& ref) {
  std::vector<PosePair> out;
  for (std::size_t k = 1; k < partners.size(); ++k) {
    const auto& [i, j] = partners[k - 1];
    if (est.ids[i + 1] == est.ids[partners[k].first] && ref.ids[j + 1] == ref.ids[partners[k].second])
      out.emplace_back(k - 1, k);
  }
  return out;
}

std::vector<PosePair> frames_by_time(const Partners& partners, const std::vector<double>& times) {
  if (partners.size() < 2) return {};
  std::vector<double> steps;
  for (std::size_t k = 1; k < partners.size(); ++k)
    steps.push_back(times[partners[k].second] - times[partners[k - 1].second]);
  std::vector<double> sorted = steps;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  std::vector<PosePair> out;
  for (std::size_t k = 0; k < steps.size(); ++k)
    if (steps[k] <= 1.5 * *middle) out.emplace_back(k, k + 1);  // one missing frame makes it 2
  return out;
}

template <int D>
std::vector<Eigen::Matrix<double, D, 1>> places(const std::vector<SE3<double>>& poses) {
  std::vector<Eigen::Matrix<double, D, 1>> out;
  out.reserve(poses.size());
  for (const SE3<double>& pose : poses) out.push_back(pose.t.head<D>());
  return out;
}

template <int D>
AteReport ate_in(const MatchedTrajectories& both, Align align) {
  const auto est = places<D>(both.est), ref = places<D>(both.ref);
  const Ate<D> result = ate<D>(est, ref, align);
  return {result.position_m, result.alignment.scale, result.alignment.fit};
}

}  // namespace

Result<Trajectory> parse_trajectory(std::string_view text, std::string_view name) {
  const std::string_view line = first_line(text);
  if (line.empty()) return bad(name, "the file is empty, wanted a trajectory");
  Fields fields(line);
  const std::string_view first = fields.next();
  if (is_number_start(first.front())) {
    int count = 1;
    while (!fields.next().empty()) ++count;
    if (count == 8 || count == 12) return parse_rows(text, name, count == 8);
    return bad(name, "the first line has " + std::to_string(count) + " fields, wanted 8 (TUM) or 12 (KITTI)");
  }
  ReadOptions options;
  options.allow_disconnected = true;
  Result<AnyPoseGraph> graph = parse_pose_graph(text, name, options);
  if (!graph) return graph.error();
  return std::visit([&](auto& g) { return from_graph(std::move(g), name); }, *graph);
}

Result<Trajectory> read_trajectory(const std::string& path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  LineReader lines(std::move(*file));  // by the line: what is no text at all ends at once
  std::string text;
  text.reserve(lines.size());
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return parse_trajectory(text, lines.name());
    (text += **line) += '\n';
  }
}

Result<MatchedTrajectories> match(const Trajectory& est, const Trajectory& ref, double max_gap) {
  const auto no = [](std::string why) {
    return Error{Code::InvalidArgument, "cannot match trajectories: " + std::move(why)};
  };
  if (est.times.empty() != ref.times.empty())
    return no("one side has time stamps and the other ids, wanted the same kind on both");
  const bool timed = !est.times.empty();
  const Partners partners = timed ? partners_by_time(est.times, ref.times, max_gap) : partners_by_id(est.ids, ref.ids);
  MatchedTrajectories out;
  out.plane = est.plane && ref.plane;
  for (const auto& [i, j] : partners) {
    out.est.push_back(est.poses[i]);
    out.ref.push_back(ref.poses[j]);
  }
  out.frames = timed ? frames_by_time(partners, ref.times) : frames_by_id(partners, est, ref);
  out.matched = partners.size();
  out.unmatched = est.poses.size() - out.matched;
  out.unmatched_ref = ref.poses.size() - out.matched;
  if (out.matched < 3)
    return no(std::to_string(out.matched) + " of " + std::to_string(est.poses.size()) +
              " poses have a partner, wanted at least 3");
  return out;
}

AteReport ate(const MatchedTrajectories& both, Align align) {
  return both.plane ? ate_in<2>(both, align) : ate_in<3>(both, align);
}

RpeReport rpe(const MatchedTrajectories& both, Align align) {
  const double scale = align == Align::Similarity ? ate(both, align).scale : 1;
  const std::span<const SE3<double>> est = both.est, ref = both.ref;
  return {rpe_pairs<SE3<double>>(est, ref, both.frames, scale), rpe_path<SE3<double>>(est, ref, 1.0, scale)};
}

}  // namespace pipit
