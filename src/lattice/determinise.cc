#include "lattice/determinise.h"

#include <algorithm>
#include <limits>
#include <map>

#include "lattice/fst_graph.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

FstGraph to_graph(const Lattice& lattice, const ScoreWeights& weights) {
  FstGraph graph;
  graph.num_states = lattice.num_states();
  for (const auto& arc : lattice.arcs)
    graph.arcs.push_back({arc.from, arc.to, arc.word + 1, -weights(arc), -arc.acoustic});
  graph.finals.push_back({lattice.num_states() - 1, 0, 0, 0, 0});
  return graph;
}

/// The graph as a lattice with one end, to which the final costs lead without a word.
Lattice to_lattice(const FstGraph& graph, const Lattice& source, const ScoreWeights& weights) {
  Lattice out;
  out.words = source.words;
  const FstArc& end = graph.finals.back();
  const bool one_end = graph.finals.size() == 1 && end.cost == 0 && end.second == 0;
  out.frames.assign(at(graph.num_states + (one_end ? 0 : 1)), 0);
  const auto add = [&](const FstArc& arc, std::int32_t to, std::int32_t word) {
    const double acoustic = 0 - arc.second;
    out.arcs.push_back(
        {arc.from, to, word, acoustic, (0 - arc.cost - weights.acoustic * acoustic) / weights.label, 0, 0});
  };
  for (const auto& arc : graph.arcs) add(arc, arc.to, arc.label - 1);
  if (!one_end)
    for (const auto& final : graph.finals) add(final, graph.num_states, kNoWord);
  std::stable_sort(
      out.arcs.begin(), out.arcs.end(), [](const LatticeArc& a, const LatticeArc& b) { return a.from < b.from; });
  return out;
}

/// Gives states and arcs of `out` the times of the best paths of `source` that say the same.
void add_times(Lattice& out, const Lattice& source, const ScoreWeights& weights) {
  std::vector<double> after(source.frames.size(), -std::numeric_limits<double>::infinity());
  after.back() = 0;
  for (auto arc = source.arcs.rbegin(); arc != source.arcs.rend(); ++arc)
    after[at(arc->from)] = std::max(after[at(arc->from)], weights(*arc) + after[at(arc->to)]);
  const auto first = first_arcs(source);
  using Reached = std::map<std::int32_t, double>;  // states of `source` with the best score that leads there
  const auto offer = [](Reached& reached, std::int32_t state, double score) {
    const auto [place, fresh] = reached.emplace(state, score);
    if (!fresh) place->second = std::max(place->second, score);
  };
  const auto through_silent = [&](Reached& reached) {
    for (auto place = reached.begin(); place != reached.end(); ++place)  // ever later states: the map grows ahead of us
      for (auto a = first[at(place->first)]; a < first[at(place->first) + 1]; ++a)
        if (source.arcs[a].word == kNoWord) offer(reached, source.arcs[a].to, place->second + weights(source.arcs[a]));
  };

  std::vector<Reached> reached(out.frames.size());
  reached.front() = {{0, 0.0}};
  out.frames.front() = source.frames.front();
  std::int32_t state = -1;
  for (auto& arc : out.arcs) {
    for (; state < arc.from; ++state) through_silent(reached[at(state + 1)]);
    const auto& here = reached[at(arc.from)];
    auto& frame = out.frames[at(arc.to)];
    if (arc.word == kNoWord) {
      arc.start_frame = arc.end_frame = out.frames[at(arc.from)];
      frame = std::max(frame, arc.end_frame);
      continue;
    }
    double best = -std::numeric_limits<double>::infinity();
    for (const auto& [from, score] : here)
      for (auto a = first[at(from)]; a < first[at(from) + 1]; ++a) {
        const auto& candidate = source.arcs[a];
        if (candidate.word != arc.word) continue;
        const double here_score = score + weights(candidate);
        offer(reached[at(arc.to)], candidate.to, here_score);
        if (here_score + after[at(candidate.to)] <= best) continue;
        best = here_score + after[at(candidate.to)];
        arc.start_frame = candidate.start_frame;
        arc.end_frame = candidate.end_frame;
      }
    frame = std::max(frame, arc.end_frame);
  }
}

}  // namespace

Result<Lattice> determinise(const Lattice& lattice, const ScoreWeights& weights, int max_states) {
  expects(weights.label != 0, "determinise: the weight of the label score must not be 0");
  expects(max_states >= 1, "determinise: max_states must be at least 1");
  FstGraph graph = to_graph(lattice, weights);
  switch (determinise_and_minimise(graph, max_states)) {
    case FstOutcome::Done:
      break;
    case FstOutcome::TooLarge:
      return Error{Code::Unsupported,
                   "lattice: determinised, it has more than " + std::to_string(max_states) + " states: prune it first"};
    case FstOutcome::Failed:
      return Error{Code::Unsupported, "lattice: OpenFst could not determinise it"};
  }
  Lattice out = to_lattice(graph, lattice, weights);
  add_times(out, lattice, weights);
  out = keep_arcs(out, std::vector<bool>(out.arcs.size(), true));
  if (const Status fine = check(out); !fine) return fine.error();
  return out;
}

}  // namespace pipit
