// lattice/random_lattice.h — for tests: small lattices, and all of their paths.
#pragma once
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "lattice/lattice.h"
#include "lattice/paths.h"

namespace pipit {

/// 2 to 7 states, every one on a path, extra arcs (some parallel, some without a word), words A to D, frames that rise.
inline Lattice random_lattice(Random& random, double silent = 0.1) {
  Lattice out;
  out.words = {"A", "B", "C", "D"};
  const auto num = static_cast<std::int32_t>(2 + random.below(6));
  for (std::int32_t s = 0, frame = 0; s < num; ++s) {
    out.frames.push_back(frame);
    frame += static_cast<std::int32_t>(random.below(4));
  }
  std::vector<std::pair<std::int32_t, std::int32_t>> ends;
  for (std::int32_t s = 0; s + 1 < num; ++s) {
    ends.emplace_back(s, s + 1 + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(num - s - 1))));
    ends.emplace_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(s) + 1)), s + 1);
    if (random.below(3) == 0) ends.push_back(ends.back());
  }
  std::sort(ends.begin(), ends.end());
  for (const auto& [from, to] : ends) {
    const auto word = random.uniform() < silent ? kNoWord : static_cast<std::int32_t>(random.below(4));
    out.arcs.push_back({from,
                        to,
                        word,
                        random.uniform(-6, 0),
                        random.uniform(-3, 0),
                        out.frames[static_cast<std::size_t>(from)],
                        out.frames[static_cast<std::size_t>(to)]});
  }
  return out;
}

inline std::vector<LatticePath> all_paths(const Lattice& lattice, const ScoreWeights& weights = {}) {
  std::vector<LatticePath> out;
  LatticePath path;
  const std::function<void(std::int32_t)> from = [&](std::int32_t state) {
    if (state == lattice.num_states() - 1) {
      out.push_back(path);
      return;
    }
    for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
      if (lattice.arcs[a].from != state) continue;
      const LatticePath before = path;
      path.arcs.push_back(static_cast<std::int32_t>(a));
      path.score += weights(lattice.arcs[a]);
      from(lattice.arcs[a].to);
      path = before;
    }
  };
  from(0);
  return out;
}

}  // namespace pipit
