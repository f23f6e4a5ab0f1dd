#include "lattice/paths.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace pipit {
namespace {

constexpr double kMinusInf = -std::numeric_limits<double>::infinity();

double score_of(const Lattice& lattice, const LatticePath& path, const ScoreWeights& weights) {
  double score = 0;
  for (const auto a : path.arcs) score += weights(lattice.arcs[static_cast<std::size_t>(a)]);
  return score;
}

}  // namespace

LatticePath best_path(const Lattice& lattice, const ScoreWeights& weights) {
  std::vector<double> best(lattice.frames.size(), kMinusInf);
  std::vector<std::int32_t> by(lattice.frames.size(), -1);
  best.front() = 0;
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
    const auto& arc = lattice.arcs[a];
    const double score = best[static_cast<std::size_t>(arc.from)] + weights(arc);
    if (score > best[static_cast<std::size_t>(arc.to)]) {
      best[static_cast<std::size_t>(arc.to)] = score;
      by[static_cast<std::size_t>(arc.to)] = static_cast<std::int32_t>(a);
    }
  }
  LatticePath path;
  for (auto state = lattice.frames.size() - 1; state > 0;) {
    const auto a = by[state];
    expects(a >= 0, "best_path: the lattice does not pass check()");
    path.arcs.push_back(a);
    state = static_cast<std::size_t>(lattice.arcs[static_cast<std::size_t>(a)].from);
  }
  std::reverse(path.arcs.begin(), path.arcs.end());
  path.score = best.back();
  return path;
}

std::vector<LatticePath> n_best(const Lattice& lattice, int n, const ScoreWeights& weights) {
  expects(n >= 0, "n_best: n must be at least 0");
  std::vector<double> after(lattice.frames.size(), kMinusInf);
  after.back() = 0;
  for (auto arc = lattice.arcs.rbegin(); arc != lattice.arcs.rend(); ++arc) {
    double& best = after[static_cast<std::size_t>(arc->from)];
    best = std::max(best, weights(*arc) + after[static_cast<std::size_t>(arc->to)]);
  }
  struct Step {
    std::int32_t arc, parent;  // parent: index of the step before, -1 at the start
  };
  struct Open {
    double estimate, score;
    std::int32_t state, step;
    bool operator<(const Open& other) const {
      return estimate != other.estimate ? estimate < other.estimate : step > other.step;
    }
  };
  const auto first = first_arcs(lattice);
  std::vector<Step> steps;
  std::priority_queue<Open> open;
  open.push({after.front(), 0, 0, -1});
  std::vector<LatticePath> found;
  while (!open.empty() && found.size() < static_cast<std::size_t>(n)) {
    const Open top = open.top();
    open.pop();
    if (top.state == lattice.num_states() - 1) {
      LatticePath path;
      for (auto step = top.step; step >= 0; step = steps[static_cast<std::size_t>(step)].parent)
        path.arcs.push_back(steps[static_cast<std::size_t>(step)].arc);
      std::reverse(path.arcs.begin(), path.arcs.end());
      path.score = top.score;
      found.push_back(std::move(path));
      continue;
    }
    const auto state = static_cast<std::size_t>(top.state);
    for (auto a = first[state]; a < first[state + 1]; ++a) {
      const auto& arc = lattice.arcs[a];
      const double score = top.score + weights(arc);
      steps.push_back({static_cast<std::int32_t>(a), top.step});
      open.push({score + after[static_cast<std::size_t>(arc.to)],
                 score,
                 arc.to,
                 static_cast<std::int32_t>(steps.size() - 1)});
    }
  }
  return found;
}

Oracle oracle(const Lattice& lattice, std::span<const std::string_view> reference, const ScoreWeights& weights) {
  // cost[state][i]: fewest errors of a partial path to the state against the first i reference words.
  const std::size_t width = reference.size() + 1;
  constexpr int kFar = std::numeric_limits<int>::max() / 2;
  constexpr std::int32_t kSkip = -1;  // a reference word was left out
  struct Cell {
    int cost = kFar;
    std::int32_t arc = kSkip;
    bool uses_reference = false;
  };
  std::vector<Cell> cells(lattice.frames.size() * width);
  const auto first = first_arcs(lattice);
  cells[0].cost = 0;
  for (std::size_t state = 0; state < lattice.frames.size(); ++state) {
    Cell* const here = &cells[state * width];
    for (std::size_t i = 1; i < width; ++i)
      if (here[i - 1].cost + 1 < here[i].cost) here[i] = {here[i - 1].cost + 1, kSkip, true};
    for (auto a = first[state]; a < first[state + 1]; ++a) {
      const auto& arc = lattice.arcs[a];
      Cell* const there = &cells[static_cast<std::size_t>(arc.to) * width];
      const auto offer = [&](Cell& cell, int cost, bool uses_reference) {
        if (cost < cell.cost) cell = {cost, static_cast<std::int32_t>(a), uses_reference};
      };
      for (std::size_t i = 0; i < width; ++i) {
        if (arc.word == kNoWord) {
          offer(there[i], here[i].cost, false);
          continue;
        }
        const bool more = i + 1 < width;
        if (more) {
          const bool same = lattice.words[static_cast<std::size_t>(arc.word)] == reference[i];
          offer(there[i + 1], here[i].cost + (same ? 0 : 1), true);
        }
        offer(there[i], here[i].cost + 1, false);
      }
    }
  }
  Oracle out;
  std::vector<std::string_view> said;
  for (std::size_t state = lattice.frames.size() - 1, i = reference.size(); state > 0 || i > 0;) {
    const Cell& cell = cells[state * width + i];
    if (cell.uses_reference) --i;
    if (cell.arc == kSkip) continue;
    out.path.arcs.push_back(cell.arc);
    const auto& arc = lattice.arcs[static_cast<std::size_t>(cell.arc)];
    if (arc.word != kNoWord) said.emplace_back(lattice.words[static_cast<std::size_t>(arc.word)]);
    state = static_cast<std::size_t>(arc.from);
  }
  std::reverse(out.path.arcs.begin(), out.path.arcs.end());
  std::reverse(said.begin(), said.end());
  out.path.score = score_of(lattice, out.path, weights);
  out.counts = align(reference, said).counts;
  return out;
}

}  // namespace pipit
