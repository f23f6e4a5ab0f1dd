// A robot that drives in circles and recognises places: its pose graph grows, and is kept at its optimum on the way.
#include <graph/incremental.h>

#include <cmath>
#include <cstdio>

int main() {
  using Pose = pipit::SE2<double>;
  constexpr int kLap = 60, kPoses = 10 * kLap;
  const double turn = 2 * M_PI / kLap;
  const auto information = [](double sigma_m, double sigma_rad) -> pipit::Edge<Pose>::Information {
    return Eigen::Vector3d(1 / sigma_m, 1 / sigma_m, 1 / sigma_rad).cwiseAbs2().asDiagonal();
  };

  pipit::PoseGraph2 graph;
  pipit::IncrementalOptimiser<Pose> optimiser(graph, {});
  graph.add(Pose{});  // the first pose is held where it is
  double worst_m = 0;
  for (int now = 1; now < kPoses; ++now) {
    // Odometry: half a metre ahead and a bit to the left; what is measured is a little off.
    const Pose step{{0.5 + 0.01 * std::sin(3.0 * now), 0.01 * std::cos(7.0 * now)}, turn + 0.002 * std::sin(now)};
    graph.add_step(now - 1, step, information(0.01, 0.002));
    if (now % 7 != 0 || now < kLap) continue;

    // Here it was one lap ago: a loop closure.
    graph.add({now - kLap, now, Pose{}, information(0.005, 0.003)});
    const auto summary = optimiser.optimise();
    if (!summary) return std::printf("%s\n", summary.error().message.c_str()), 1;
    worst_m = std::max(worst_m, (graph.poses[now].t - graph.poses[now % kLap].t).norm());
  }
  std::printf("%d poses, %zu edges, never more than %.3f m away from the first lap\n",
              graph.num_poses(),
              graph.num_edges(),
              worst_m);
  return worst_m < 0.05 ? 0 : 1;
}
