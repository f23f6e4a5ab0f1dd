// A small use of an installed Pipit: a contradictory line of three poses, whose optimum is known by hand.
#include <cmath>
#include <cstdio>
#include <variant>

#include "base/version.h"
#include "graph/optimise.h"
#include "poses/chi2.h"
#include "poses/g2o_io.h"

int main() {
  auto graph = pipit::parse_pose_graph(
      "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n"
      "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\nEDGE_SE2 1 2 1 0 0 1 0 0 1 0 1\nEDGE_SE2 0 2 2.3 0 0 1 0 0 1 0 1\n",
      "line");
  if (!graph) {
    std::printf("%s\n", graph.error().message.c_str());
    return 1;
  }
  auto& line = std::get<pipit::PoseGraph2>(*graph);
  const double before = pipit::chi2(line);
  const auto summary = pipit::optimise(line, {});
  if (!summary) {
    std::printf("%s\n", summary.error().message.c_str());
    return 1;
  }
  std::printf("Pipit %s: chi2 = %g -> %g, want 0.09 -> 0.03\n", pipit::version().c_str(), before, summary->chi2_final);
  // The default is mixed precision, which promises 0.1 %.
  return std::abs(before - 0.09) < 1e-14 && std::abs(summary->chi2_final - 0.03) < 3e-5 ? 0 : 1;
}
