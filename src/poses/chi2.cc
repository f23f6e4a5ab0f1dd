#include "poses/chi2.h"

#include <array>

#include "base/contract.h"

namespace pipit {

Eigen::Vector3d edge_error(const SE2<double>& i, const SE2<double>& j, const SE2<double>& z) {
  const auto turned_back = [](double angle, const Eigen::Vector2d& v) -> Eigen::Vector2d {
    const double c = std::cos(angle), s = std::sin(angle);
    return {c * v.x() + s * v.y(), c * v.y() - s * v.x()};
  };
  Eigen::Vector3d r;
  r.head<2>() = turned_back(z.theta, turned_back(i.theta, j.t - i.t) - z.t);
  r[2] = wrap_angle(j.theta - i.theta - z.theta);
  return r;
}

Eigen::Matrix<double, 6, 1> edge_error(const SE3<double>& i, const SE3<double>& j, const SE3<double>& z) {
  const Eigen::Quaterniond q_i = i.q.conjugate(), q_z = z.q.conjugate();
  const Eigen::Quaterniond q = q_z * (q_i * j.q);
  Eigen::Matrix<double, 6, 1> r;
  r.head<3>() = q_z * (q_i * (j.t - i.t) - z.t);
  r.tail<3>() = q.w() < 0 ? Eigen::Vector3d(-q.vec()) : Eigen::Vector3d(q.vec());
  return r;
}

Eigen::Vector2d landmark_error(const SE2<double>& pose, const Eigen::Vector2d& landmark, const Eigen::Vector2d& xy) {
  const double c = std::cos(pose.theta), s = std::sin(pose.theta);
  const Eigen::Vector2d d = landmark - pose.t;
  return Eigen::Vector2d(c * d.x() + s * d.y(), c * d.y() - s * d.x()) - xy;
}

template <class Pose>
double chi2(const PoseGraph<Pose>& graph,
            std::span<const Pose> poses,
            std::span<const Eigen::Vector2d> landmarks,
            Workers& workers) {
  expects(poses.size() == graph.poses.size(), "chi2: wrong number of poses");
  expects(landmarks.size() == graph.landmarks.size(), "chi2: wrong number of landmarks");
  const std::size_t num_edges = graph.edges.size();
  const std::size_t parts = num_parts(num_edges, 2048);
  std::array<double, 16> sums{};
  const auto sum_part = [&](std::size_t part) {
    const Range range = part_of(num_edges, parts, part);
    double sum = 0;
    for (std::size_t e = range.begin; e < range.end; ++e) {
      const Edge<Pose>& edge = graph.edges[e];
      const auto r = edge_error(poses[edge.from], poses[edge.to], edge.T_from_to);
      sum += r.dot(edge.information * r);
    }
    sums[part] = sum;
  };
  if (parts == 1) {
    sum_part(0);
  } else if (parts > 1) {
    workers.run(parts, sum_part);
  }
  double total = 0;
  for (std::size_t part = 0; part < parts; ++part) total += sums[part];
  if constexpr (Pose::kDim == 3) {
    for (const LandmarkEdge& edge : graph.landmark_edges) {
      const Eigen::Vector2d r = landmark_error(poses[edge.pose], landmarks[edge.landmark], edge.xy);
      total += r.dot(edge.information * r);
    }
  }
  return total;
}

template <class Pose>
double chi2(const PoseGraph<Pose>& graph) {
  Workers one(1);
  return chi2<Pose>(graph, graph.poses, graph.landmarks, one);
}

template double chi2(const PoseGraph2&, std::span<const SE2<double>>, std::span<const Eigen::Vector2d>, Workers&);
template double chi2(const PoseGraph3&, std::span<const SE3<double>>, std::span<const Eigen::Vector2d>, Workers&);
template double chi2(const PoseGraph2&);
template double chi2(const PoseGraph3&);

}  // namespace pipit
