// Any bytes at all: the reader yields a sound graph or one printable line, and what it read it can write and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "poses/chi2.h"
#include "poses/g2o_io.h"

namespace {

void demand(bool ok) {
  if (!ok) std::abort();
}

template <class Pose>
void check(const pipit::PoseGraph<Pose>& graph, const pipit::ReadOptions& options) {
  const std::int32_t P = graph.num_poses(), L = graph.num_landmarks();
  demand(graph.ids.size() == graph.poses.size() && graph.landmark_ids.size() == graph.landmarks.size());
  for (const auto& edge : graph.edges) {
    demand(edge.from >= 0 && edge.from < P && edge.to >= 0 && edge.to < P && edge.from != edge.to);
    demand(edge.information.allFinite() && edge.information == edge.information.transpose());
  }
  for (const auto& edge : graph.landmark_edges)
    demand(edge.pose >= 0 && edge.pose < P && edge.landmark >= 0 && edge.landmark < L);
  for (const auto fixed : graph.fixed) demand(fixed >= 0 && fixed < P);
  demand(options.allow_disconnected || pipit::connectivity(graph).num_components == 1);
  pipit::chi2(graph);

  if (P == 0) return;
  const std::string text = pipit::to_g2o(graph);
  const auto again = pipit::parse_pose_graph(text, "again", options);
  demand(again.has_value());
  std::visit([&](const auto& g) { demand(pipit::to_g2o(g) == text); }, *again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const pipit::ReadOptions options : {pipit::ReadOptions{},
                                           pipit::ReadOptions{.format = pipit::GraphFormat::Toro},
                                           pipit::ReadOptions{.allow_disconnected = true}}) {
    const auto graph = pipit::parse_pose_graph(text, "fuzz", options);
    if (graph) {
      std::visit([&](const auto& g) { check(g, options); }, *graph);
    } else {
      for (const char c : graph.error().message) demand(c >= ' ' && c <= '~');
      demand(graph.error().message.size() < 400);
    }
  }
  return 0;
}
