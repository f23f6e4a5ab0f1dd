// A small use of an installed Pipit: a contradictory line of three poses, whose optimum is known by hand.
#include <cmath>
#include <cstdio>
#include <variant>

#include "base/version.h"
#include "graph/chi2.h"
#include "graph/g2o_io.h"

int main() {
  const auto graph = pipit::parse_pose_graph(
      "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n"
      "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\nEDGE_SE2 1 2 1 0 0 1 0 0 1 0 1\nEDGE_SE2 0 2 2.3 0 0 1 0 0 1 0 1\n",
      "line");
  if (!graph) {
    std::printf("%s\n", graph.error().message.c_str());
    return 1;
  }
  const double chi2 = pipit::chi2(std::get<pipit::PoseGraph2>(*graph));
  std::printf("Pipit %s: chi2 = %g, want 0.09\n", pipit::version().c_str(), chi2);
  return std::abs(chi2 - 0.09) < 1e-14 ? 0 : 1;
}
