#include "lattice/lattice.h"

#include <cmath>

namespace pipit {
namespace {

Error bad(const std::string& what) { return Error{Code::BadFormat, "lattice: " + what}; }

/// Which states lie on a path from the first to the last, through kept arcs.
std::vector<bool> on_a_path(const Lattice& lattice, const std::vector<bool>& keep) {
  const auto num = static_cast<std::size_t>(lattice.num_states());
  std::vector<bool> reached(num), ends(num);
  reached.front() = ends.back() = true;
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
    const auto& arc = lattice.arcs[a];
    if (keep[a] && reached[static_cast<std::size_t>(arc.from)]) reached[static_cast<std::size_t>(arc.to)] = true;
  }
  for (std::size_t a = lattice.arcs.size(); a-- > 0;) {
    const auto& arc = lattice.arcs[a];
    if (keep[a] && ends[static_cast<std::size_t>(arc.to)]) ends[static_cast<std::size_t>(arc.from)] = true;
  }
  for (std::size_t s = 0; s < num; ++s) reached[s] = reached[s] && ends[s];
  return reached;
}

}  // namespace

Status check(const Lattice& lattice) {
  if (lattice.frames.empty()) return bad("no states, want at least one");
  for (std::size_t w = 0; w < lattice.words.size(); ++w)
    if (lattice.words[w].empty() || lattice.words[w].find_first_of(" \t\n\r") != std::string::npos)
      return bad("word " + std::to_string(w) + " is empty or has a space");
  for (std::size_t s = 0; s < lattice.frames.size(); ++s)
    if (lattice.frames[s] < 0)
      return bad("state " + std::to_string(s) + ": frame " + std::to_string(lattice.frames[s]) + ", want 0 or more");
  std::int32_t previous = 0;
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
    const auto& arc = lattice.arcs[a];
    const std::string name = "arc " + std::to_string(a) + ": ";
    if (arc.from < previous || arc.to <= arc.from || arc.to >= lattice.num_states())
      return bad(name + "from " + std::to_string(arc.from) + " to " + std::to_string(arc.to) +
                 ", want forwards, in order, within " + std::to_string(lattice.num_states()) + " states");
    previous = arc.from;
    if (arc.word < kNoWord || arc.word >= static_cast<std::int64_t>(lattice.words.size()))
      return bad(name + "word " + std::to_string(arc.word) + ", want -1 or less than " +
                 std::to_string(lattice.words.size()));
    if (!std::isfinite(arc.acoustic) || !std::isfinite(arc.label)) return bad(name + "a score is not finite");
    if (arc.start_frame < 0 || arc.end_frame < arc.start_frame)
      return bad(name + "frames " + std::to_string(arc.start_frame) + " to " + std::to_string(arc.end_frame));
  }
  const auto alive = on_a_path(lattice, std::vector<bool>(lattice.arcs.size(), true));
  for (std::size_t s = 0; s < alive.size(); ++s)
    if (!alive[s]) return bad("state " + std::to_string(s) + " lies on no path from start to end");
  return Done{};
}

Lattice keep_arcs(const Lattice& lattice, const std::vector<bool>& keep) {
  expects(keep.size() == lattice.arcs.size(), "keep_arcs: one flag for each arc");
  const auto alive = on_a_path(lattice, keep);
  expects(alive.front() && alive.back(), "keep_arcs: no complete path is kept");
  Lattice out;
  std::vector<std::int32_t> state(alive.size(), -1), word(lattice.words.size(), kNoWord);
  for (std::size_t s = 0; s < alive.size(); ++s) {
    if (!alive[s]) continue;
    state[s] = out.num_states();
    out.frames.push_back(lattice.frames[s]);
  }
  for (std::size_t a = 0; a < keep.size(); ++a) {
    LatticeArc arc = lattice.arcs[a];
    arc.from = state[static_cast<std::size_t>(arc.from)];
    arc.to = state[static_cast<std::size_t>(arc.to)];
    if (!keep[a] || arc.from < 0 || arc.to < 0) continue;
    if (arc.word != kNoWord) {
      auto& id = word[static_cast<std::size_t>(arc.word)];
      if (id == kNoWord) {
        id = static_cast<std::int32_t>(out.words.size());
        out.words.push_back(lattice.words[static_cast<std::size_t>(arc.word)]);
      }
      arc.word = id;
    }
    out.arcs.push_back(arc);
  }
  return out;
}

std::vector<std::size_t> first_arcs(const Lattice& lattice) {
  std::vector<std::size_t> first(lattice.frames.size() + 1, 0);
  for (const auto& arc : lattice.arcs) ++first[static_cast<std::size_t>(arc.from) + 1];
  for (std::size_t s = 1; s < first.size(); ++s) first[s] += first[s - 1];
  return first;
}

std::string path_text(const Lattice& lattice, std::span<const std::int32_t> arcs) {
  std::string text;
  for (const auto a : arcs) {
    const auto word = lattice.arcs[static_cast<std::size_t>(a)].word;
    if (word == kNoWord) continue;
    if (!text.empty()) text += ' ';
    text += lattice.words[static_cast<std::size_t>(word)];
  }
  return text;
}

}  // namespace pipit
