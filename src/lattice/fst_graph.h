// lattice/fst_graph.h — the door to OpenFst, private to this room: plain C++17, which its headers need.
#pragma once
#include <cstdint>
#include <vector>

namespace pipit {

struct FstArc {
  std::int32_t from, to, label;  // label 0: none
  double cost, second;           // compared by cost; `second` is carried along
};

struct FstGraph {
  std::int32_t num_states = 0;  // in topological order, 0 the start
  std::vector<FstArc> arcs;     // by `from`
  std::vector<FstArc> finals;   // by `from`; `to` and `label` unused
};

enum class FstOutcome { Done, TooLarge, Failed };

/// Replaces the graph by the deterministic, minimal one of the same label sequences and best costs.
FstOutcome determinise_and_minimise(FstGraph& graph, int max_states);

}  // namespace pipit
