#include "lattice/confusion.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <span>

#include "lattice/posteriors.h"

namespace pipit {
namespace {

class Bits {
 public:
  explicit Bits(std::size_t size) : words_((size + 63) / 64) {}
  void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  bool test(std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void operator|=(const Bits& other) {
    for (std::size_t k = 0; k < words_.size(); ++k) words_[k] |= other.words_[k];
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// Clusters of arcs with the order that the lattice's paths put them in, closed under transitivity.
class Clusters {
 public:
  Clusters(const Lattice& lattice, const std::vector<std::int32_t>& arcs)
      : parent_(arcs.size()), after_(arcs.size(), Bits(arcs.size())) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    std::vector<Bits> from_state(lattice.frames.size(), Bits(arcs.size()));  // arcs on some path that begins there
    std::size_t k = arcs.size();
    for (std::size_t a = lattice.arcs.size(); a-- > 0;) {
      const auto& arc = lattice.arcs[a];
      Bits& here = from_state[static_cast<std::size_t>(arc.from)];
      here |= from_state[static_cast<std::size_t>(arc.to)];
      if (arc.word == kNoWord) continue;
      after_[--k] = from_state[static_cast<std::size_t>(arc.to)];
      here.set(k);
    }
  }

  std::size_t find(std::size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }
  bool before(std::size_t a, std::size_t b) const { return after_[a].test(b); }

  void merge_if_free(std::size_t i, std::size_t j) {
    const std::size_t a = std::min(find(i), find(j)), b = std::max(find(i), find(j));
    if (a == b || before(a, b) || before(b, a)) return;
    Bits both = after_[a];
    both |= after_[b];
    parent_[b] = a;
    for (std::size_t c = 0; c < parent_.size(); ++c) {
      const bool precedes = before(c, a) || before(c, b);
      if (!precedes) continue;
      after_[c] |= both;
      after_[c].set(a);
      after_[c].set(b);
    }
    after_[a] = after_[b] = both;
  }

 private:
  std::vector<std::size_t> parent_;
  std::vector<Bits> after_;  // for each cluster's root and member: what comes later
};

struct Pair {
  double likeness;
  std::size_t a, b;
};

double overlap(const LatticeArc& a, const LatticeArc& b) {
  const auto end = [](const LatticeArc& arc) { return std::max(arc.end_frame, arc.start_frame + 1); };
  const double common = std::min(end(a), end(b)) - std::max(a.start_frame, b.start_frame);
  const double all = std::max(end(a), end(b)) - std::min(a.start_frame, b.start_frame);
  return std::max(0.0, common / all);
}

// The slots of a lattice, its words left out, and of its arcs the posteriors.
ConfusionNetwork slots_of(const Lattice& lattice, std::span<const double> probable) {
  std::vector<std::int32_t> arcs;  // those with a word
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a)
    if (lattice.arcs[a].word != kNoWord) arcs.push_back(static_cast<std::int32_t>(a));
  const auto arc = [&](std::size_t k) -> const LatticeArc& { return lattice.arcs[static_cast<std::size_t>(arcs[k])]; };
  const auto posterior = [&](std::size_t k) { return probable[static_cast<std::size_t>(arcs[k])]; };

  Clusters clusters(lattice, arcs);
  for (const bool same_word : {true, false}) {
    std::vector<Pair> pairs;
    for (std::size_t a = 0; a < arcs.size(); ++a)
      for (std::size_t b = a + 1; b < arcs.size(); ++b) {
        if ((arc(a).word == arc(b).word) != same_word) continue;
        const double common = overlap(arc(a), arc(b));
        if (common > 0) pairs.push_back({common * posterior(a) * posterior(b), a, b});
      }
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& x, const Pair& y) { return x.likeness > y.likeness; });
    for (const Pair& pair : pairs) clusters.merge_if_free(pair.a, pair.b);
  }

  struct Group {
    std::size_t root = 0;
    double weight = 0, start = 0, end = 0;
  };
  std::vector<Group> waiting;
  for (std::size_t k = 0; k < arcs.size(); ++k)
    if (clusters.find(k) == k) waiting.push_back({k, 0, 0, 0});
  for (std::size_t k = 0; k < arcs.size(); ++k) {
    const std::size_t root = clusters.find(k);
    auto& group = *std::find_if(waiting.begin(), waiting.end(), [&](const Group& g) { return g.root == root; });
    const double weight = std::max(posterior(k), 1e-300);
    group.weight += weight;
    group.start += weight * arc(k).start_frame;
    group.end += weight * arc(k).end_frame;
  }
  std::sort(waiting.begin(), waiting.end(), [](const Group& x, const Group& y) {
    const double a = x.start / x.weight, b = y.start / y.weight;
    return a != b ? a < b : x.root < y.root;
  });

  ConfusionNetwork out;
  out.arc_slot.assign(lattice.arcs.size(), -1);
  std::vector<std::int32_t> slot_of(arcs.size(), -1);  // by root
  while (!waiting.empty()) {                           // the earliest that nothing still waiting must come before
    const auto next = std::find_if(waiting.begin(), waiting.end(), [&](const Group& group) {
      return std::none_of(
          waiting.begin(), waiting.end(), [&](const Group& other) { return clusters.before(other.root, group.root); });
    });
    expects(next != waiting.end(), "confusion_network: the order of the clusters has a cycle");
    slot_of[next->root] = static_cast<std::int32_t>(out.slots.size());
    out.slots.push_back({{}, 0, next->start / next->weight, next->end / next->weight});
    waiting.erase(next);
  }

  for (std::size_t k = 0; k < arcs.size(); ++k) {
    const std::int32_t id = slot_of[clusters.find(k)];
    out.arc_slot[static_cast<std::size_t>(arcs[k])] = id;
    auto& entries = out.slots[static_cast<std::size_t>(id)].entries;
    const auto same =
        std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.word == arc(k).word; });
    if (same != entries.end())
      same->posterior += posterior(k);
    else
      entries.push_back({arc(k).word, posterior(k)});
  }
  for (auto& slot : out.slots) {
    double sum = 0;
    for (const auto& entry : slot.entries) sum += entry.posterior;
    slot.none = std::max(0.0, 1 - sum);
    if (sum > 1)
      for (auto& entry : slot.entries) entry.posterior /= sum;  // rounding only: no two arcs here share a path
    std::stable_sort(slot.entries.begin(), slot.entries.end(), [](const auto& a, const auto& b) {
      return a.posterior > b.posterior;
    });
  }
  return out;
}

}  // namespace

// States that every path goes through cut the lattice: arcs on both sides of one share a path and are never rivals.
ConfusionNetwork confusion_network(const Lattice& lattice, const ScoreWeights& weights) {
  const std::vector<double> probable = posteriors(lattice, weights).arc;
  ConfusionNetwork out;
  std::size_t begin = 0;
  std::int32_t farthest = 0;
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
    farthest = std::max(farthest, lattice.arcs[a].to);
    if (a + 1 < lattice.arcs.size() && lattice.arcs[a + 1].from < farthest) continue;
    const std::int32_t first = lattice.arcs[begin].from;
    Lattice part;
    part.frames.assign(lattice.frames.begin() + first, lattice.frames.begin() + farthest + 1);
    part.arcs.assign(lattice.arcs.begin() + static_cast<std::ptrdiff_t>(begin),
                     lattice.arcs.begin() + static_cast<std::ptrdiff_t>(a) + 1);
    for (LatticeArc& arc : part.arcs) arc.from -= first, arc.to -= first;
    ConfusionNetwork here = slots_of(part, std::span(probable).subspan(begin, a + 1 - begin));
    for (std::int32_t& slot : here.arc_slot)
      out.arc_slot.push_back(slot < 0 ? slot : slot + static_cast<std::int32_t>(out.slots.size()));
    std::move(here.slots.begin(), here.slots.end(), std::back_inserter(out.slots));
    begin = a + 1;
  }
  return out;
}

std::vector<double> word_confidence(const Lattice& lattice,
                                    const ConfusionNetwork& network,
                                    const LatticePath& path,
                                    const Calibration& calibration) {
  std::vector<double> out;
  for (const auto a : path.arcs) {
    const auto& arc = lattice.arcs[static_cast<std::size_t>(a)];
    if (arc.word == kNoWord) continue;
    const auto& entries =
        network.slots[static_cast<std::size_t>(network.arc_slot[static_cast<std::size_t>(a)])].entries;
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.word == arc.word; });
    out.push_back(calibration(std::min(1.0, entry->posterior)));
  }
  return out;
}

}  // namespace pipit
