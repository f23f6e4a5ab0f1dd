#include "lattice/fst_graph.h"

#include <fst/fstlib.h>

namespace pipit {
namespace {

using Cost = fst::TropicalWeightTpl<double>;
using Weight = fst::LexicographicWeight<Cost, Cost>;
using Arc = fst::ArcTpl<Weight>;
using Graph = fst::VectorFst<Arc>;

// Lexicographic weights are rounded to 1/1024 whatever step is asked for: costs are handed over so much larger that
// this is 2^-30. A power of two loses nothing.
constexpr double kScale = 0x1p20;

}  // namespace

FstOutcome determinise_and_minimise(FstGraph& graph, int max_states) {
  FLAGS_fst_error_fatal = false;  // its errors come back as a property, never as an exit
  Graph fst;
  for (std::int32_t s = 0; s < graph.num_states; ++s) fst.AddState();
  fst.SetStart(0);
  for (const auto& arc : graph.arcs)
    fst.AddArc(arc.from, Arc(arc.label, arc.label, Weight(arc.cost * kScale, arc.second * kScale), arc.to));
  for (const auto& end : graph.finals) fst.SetFinal(end.from, Weight(end.cost * kScale, end.second * kScale));
  fst::RmEpsilon(&fst);

  const fst::DeterminizeFst<Arc> on_demand(fst);
  int visited = 0;
  for (fst::StateIterator<fst::DeterminizeFst<Arc>> states(on_demand); !states.Done(); states.Next())
    if (++visited > max_states) return FstOutcome::TooLarge;
  Graph best(on_demand);
  fst::Minimize(&best, static_cast<Graph*>(nullptr), fst::kDelta);
  fst::Connect(&best);
  if (best.Properties(fst::kError, false) != 0 || !fst::TopSort(&best) || best.NumStates() == 0)
    return FstOutcome::Failed;

  graph = {};
  graph.num_states = best.NumStates();
  for (std::int32_t s = 0; s < graph.num_states; ++s) {
    for (fst::ArcIterator<Graph> arcs(best, s); !arcs.Done(); arcs.Next()) {
      const Arc& arc = arcs.Value();
      graph.arcs.push_back(
          {s, arc.nextstate, arc.ilabel, arc.weight.Value1().Value() / kScale, arc.weight.Value2().Value() / kScale});
    }
    if (const Weight end = best.Final(s); end != Weight::Zero())
      graph.finals.push_back({s, s, 0, end.Value1().Value() / kScale, end.Value2().Value() / kScale});
  }
  return FstOutcome::Done;
}

}  // namespace pipit
