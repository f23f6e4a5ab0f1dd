#include "lattice/posteriors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lattice/paths.h"

namespace pipit {
namespace {

constexpr double kMinusInf = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return low == kMinusInf ? high : high + std::log1p(std::exp(low - high));
}
double best_of(double a, double b) { return std::max(a, b); }

/// Sums (in the semiring of `plus`) of what leads to each state and of what follows it.
template <class Plus>
std::pair<std::vector<double>, std::vector<double>> sweep(const Lattice& lattice,
                                                          const ScoreWeights& weights,
                                                          Plus plus) {
  std::vector<double> before(lattice.frames.size(), kMinusInf), after(lattice.frames.size(), kMinusInf);
  before.front() = after.back() = 0;
  for (const auto& arc : lattice.arcs) {
    double& sum = before[static_cast<std::size_t>(arc.to)];
    sum = plus(sum, before[static_cast<std::size_t>(arc.from)] + weights(arc));
  }
  for (auto arc = lattice.arcs.rbegin(); arc != lattice.arcs.rend(); ++arc) {
    double& sum = after[static_cast<std::size_t>(arc->from)];
    sum = plus(sum, weights(*arc) + after[static_cast<std::size_t>(arc->to)]);
  }
  return {std::move(before), std::move(after)};
}

}  // namespace

Posteriors posteriors(const Lattice& lattice, const ScoreWeights& weights) {
  const auto [before, after] = sweep(lattice, weights, log_add);
  Posteriors out;
  out.log_total = before.back();
  for (const auto& arc : lattice.arcs) {
    const auto from = static_cast<std::size_t>(arc.from), to = static_cast<std::size_t>(arc.to);
    const double rest = weights(arc) + after[to];
    out.arc.push_back(std::min(1.0, std::exp(before[from] + rest - out.log_total)));
    out.follow.push_back(std::min(1.0, std::exp(rest - after[from])));
  }
  return out;
}

Lattice prune_by_posterior(const Lattice& lattice, double least, const ScoreWeights& weights) {
  expects(least >= 0 && least <= 1, "prune_by_posterior: least must be in [0, 1]");
  const auto all = posteriors(lattice, weights);
  std::vector<bool> keep(lattice.arcs.size());
  for (std::size_t a = 0; a < keep.size(); ++a) keep[a] = all.arc[a] >= least;
  for (const auto a : best_path(lattice, weights).arcs) keep[static_cast<std::size_t>(a)] = true;
  return keep_arcs(lattice, keep);
}

Lattice prune_by_beam(const Lattice& lattice, double beam, const ScoreWeights& weights) {
  expects(beam >= 0, "prune_by_beam: beam must be at least 0");
  const auto [before, after] = sweep(lattice, weights, best_of);
  std::vector<bool> keep(lattice.arcs.size());
  for (std::size_t a = 0; a < keep.size(); ++a) {
    const auto& arc = lattice.arcs[a];
    const double through =
        before[static_cast<std::size_t>(arc.from)] + weights(arc) + after[static_cast<std::size_t>(arc.to)];
    keep[a] = through >= before.back() - beam;
  }
  for (const auto a : best_path(lattice, weights).arcs)
    keep[static_cast<std::size_t>(a)] = true;  // whatever rounding did
  return keep_arcs(lattice, keep);
}

}  // namespace pipit
