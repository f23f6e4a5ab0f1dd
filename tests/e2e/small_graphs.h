// tests/e2e/small_graphs.h — pose graphs small enough that their optimum is known by hand.
#pragma once
#include <cmath>
#include <random>
#include <string>

namespace pipit {

/// Three poses on a line, each measured 1 m from the next, and the last measured 2.3 m from the first. All information
/// is the identity. The 0.3 m of contradiction split evenly over three edges: chi2 at the optimum is 3 * 0.1^2 = 0.03.
/// In the file pose 2 stands at x = 2, so that chi2_file = 0.3^2 = 0.09.
inline std::string line_graph(bool with_vertices = true) {
  std::string text;
  if (with_vertices) text += "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n";
  text += "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\nEDGE_SE2 1 2 1 0 0 1 0 0 1 0 1\nEDGE_SE2 0 2 2.3 0 0 1 0 0 1 0 1\n";
  return text;
}
inline constexpr double kLineFile = 0.09, kLineOptimum = 0.03;

/// The same in space, ids 10, 20, 30.
inline std::string line_graph_3d() {
  const std::string I = " 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 1 0 0 1 0 1\n";
  std::string text;
  for (int i = 0; i < 3; ++i)
    text += "VERTEX_SE3:QUAT " + std::to_string(10 * (i + 1)) + " " + std::to_string(i) + " 0 0 0 0 0 1\n";
  text += "EDGE_SE3:QUAT 10 20 1 0 0 0 0 0 1" + I + "EDGE_SE3:QUAT 20 30 1 0 0 0 0 0 1" + I;
  return text + "EDGE_SE3:QUAT 10 30 2.3 0 0 0 0 0 1" + I;
}

/// A robot that drives `laps` times around a square of `side` poses per edge, with noisy odometry and a loop closure to
/// the lap before at each pose. `wrong` adds that many closures between poses that have nothing to do with each other.
inline std::string square_laps(int side, int laps, unsigned seed, int wrong = 0) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> noise(0, 1);
  const int lap = 4 * side, poses = lap * laps;
  const double turn = std::acos(0.0);
  std::string text;
  const auto edge = [&](int from, int to, double x, double y, double angle, const char* information) {
    text += "EDGE_SE2 " + std::to_string(from) + " " + std::to_string(to) + " " + std::to_string(x) + " " +
            std::to_string(y) + " " + std::to_string(angle) + information;
  };
  for (int i = 0; i + 1 < poses; ++i)
    edge(i,
         i + 1,
         1 + 0.01 * noise(draw),
         0.01 * noise(draw),
         (i % side == side - 1 ? turn : 0) + 0.005 * noise(draw),
         " 10000 0 0 10000 0 40000\n");
  for (int i = lap; i < poses; ++i)
    edge(i - lap, i, 0.01 * noise(draw), 0.01 * noise(draw), 0.005 * noise(draw), " 10000 0 0 10000 0 40000\n");
  std::uniform_int_distribution<int> any(0, poses - 1);
  for (int k = 0; k < wrong; ++k) {
    const int from = any(draw), to = (from + lap / 3 + 2 + any(draw) % (lap / 4)) % poses;
    edge(from, to, 0, 0, 1, " 10000 0 0 10000 0 40000\n");
  }
  return text;
}

}  // namespace pipit
