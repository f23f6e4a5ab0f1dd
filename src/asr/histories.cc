#include "asr/histories.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"

namespace pipit {
namespace {

// What any other way loses at least, so that the best way is the best alone.
constexpr double kLeastLoss = 1e-6;
constexpr double kMinusInf = -std::numeric_limits<double>::infinity();

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
std::int32_t size_of(const auto& items) { return static_cast<std::int32_t>(items.size()); }

}  // namespace

void Histories::clear() {
  nodes_.assign(1, {0, 0, 0, 0});
  ways_.clear();
}

std::int32_t Histories::add(
    std::int32_t parent, std::int32_t token, std::int32_t frame, double log_score, double label) {
  nodes_.push_back({token, size_of(ways_), 1, log_score});
  ways_.push_back({parent, frame, 0, label});
  return size_of(nodes_) - 1;
}

std::int32_t Histories::join(
    std::int32_t better, double better_score, std::int32_t worse, double worse_score, double score, bool same) {
  const std::int32_t first = size_of(ways_);
  const auto take = [&](Way way, double loss) {
    const bool best = size_of(ways_) == first;
    way.loss = best ? 0 : std::min(-kLeastLoss, way.loss + loss);
    if (way.loss < -limits_.beam) return;
    for (auto other = ways_.begin() + first; other != ways_.end(); ++other) {
      if (other->from != way.from) continue;
      if (other != ways_.begin() + first) {
        const double high = std::max(other->loss, way.loss), low = std::min(other->loss, way.loss);
        if (way.loss > other->loss) other->frame = way.frame;
        other->loss = std::min(-kLeastLoss, high + std::log1p(std::exp(low - high)));
      }
      return;
    }
    ways_.push_back(way);
  };
  for (std::int32_t k = 0; k < nodes_[at(better)].num_ways; ++k)
    take(ways_[at(nodes_[at(better)].first_way + k)], k == 0 ? 0 : better_score - score);
  // The same labels out of one hypothesis are one way already, unless the hypothesis has met others in between: the way
  // by its later form leads to them.
  for (std::int32_t k = same && parent(better) == parent(worse) ? 1 : 0; k < nodes_[at(worse)].num_ways; ++k)
    take(ways_[at(nodes_[at(worse)].first_way + k)], worse_score - score);
  std::stable_sort(ways_.begin() + first + 1, ways_.end(), [](const Way& a, const Way& b) { return a.loss > b.loss; });
  if (size_of(ways_) - first > limits_.most_ways) ways_.resize(at(first + limits_.most_ways));
  nodes_.push_back({nodes_[at(better)].token, first, size_of(ways_) - first, score});
  return size_of(nodes_) - 1;
}

std::int32_t Histories::parent(std::int32_t node) const {
  return node == 0 ? 0 : ways_[at(nodes_[at(node)].first_way)].from;
}

std::vector<Emission> Histories::emissions(std::int32_t node) const {
  std::vector<Emission> out;
  for (; node != 0; node = parent(node)) out.push_back({token(node), ways(at(node))[0].frame});
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<double> Histories::losses_after(std::span<const End> ends) const {
  std::vector<double> after(nodes_.size(), kMinusInf);
  double best = kMinusInf;
  for (const End& end : ends) best = std::max(best, end.log_score);
  for (const End& end : ends) after[at(*end.node)] = std::max(after[at(*end.node)], end.log_score - best);
  for (std::size_t n = nodes_.size(); n-- > 1;)
    for (const Way& way : ways(n))
      if (kept(way, after[n])) after[at(way.from)] = std::max(after[at(way.from)], after[n] + way.loss);
  return after;
}

// The best way stays wherever the node does: an end may lose more than the beam, and still needs its labels.
bool Histories::kept(const Way& way, double after) const {
  return after > kMinusInf && (way.loss == 0 || after + way.loss >= -limits_.beam);
}

void Histories::compact(std::span<const End> ends, std::int32_t frame) {
  const std::vector<double> after = losses_after(ends);
  // Nodes that old keep their best way alone; what only the others needed goes with them at the next tidying.
  std::vector<std::int32_t> place(nodes_.size(), 0);
  std::int32_t next = 1, next_way = 0;
  for (std::size_t n = 1; n < nodes_.size(); ++n) {
    if (after[n] == kMinusInf) continue;
    Node node = nodes_[n];
    const std::int32_t first = next_way;
    const bool old = ways(n)[0].frame < frame - limits_.max_frames;
    for (std::int32_t k = 0; k < node.num_ways; ++k) {
      Way way = ways_[at(node.first_way + k)];
      if (k > 0 && (old || !kept(way, after[n]))) continue;
      way.from = place[at(way.from)];
      ways_[at(next_way++)] = way;
    }
    node.first_way = first;
    node.num_ways = next_way - first;
    place[n] = next;
    nodes_[at(next++)] = node;
  }
  nodes_.resize(at(next));
  ways_.resize(at(next_way));
  for (const End& end : ends) *end.node = place[at(*end.node)];
}

LabelLattice Histories::lattice(std::span<const End> all) const {
  std::vector<End> ends;
  double best = kMinusInf;
  for (const End& end : all) best = std::max(best, end.log_score);
  for (const End& end : all)
    if (end.log_score >= best - limits_.beam) ends.push_back(end);
  const std::vector<double> after = losses_after(ends);
  LabelLattice out;
  std::vector<std::int32_t> state(nodes_.size(), -1);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (n > 0 && after[n] == kMinusInf) continue;
    state[n] = size_of(out.frames);
    out.frames.push_back(n == 0 ? 0 : ways(n)[0].frame);
    for (const Way& way : ways(n)) {
      if (!kept(way, after[n])) continue;
      const double score = nodes_[n].log_score + way.loss - nodes_[at(way.from)].log_score;
      out.arcs.push_back(
          {state[at(way.from)], state[n], nodes_[n].token, way.frame, score - way.label, way.label, way.loss});
    }
  }
  for (const End& end : ends)
    out.finals.push_back({state[at(*end.node)], end.log_score - nodes_[at(*end.node)].log_score});
  return out;
}

}  // namespace pipit
