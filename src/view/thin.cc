#include "view/thin.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace pipit {
namespace {

double squared_distance(const Spot& a, const Spot& b) { return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y); }

std::vector<Spot> by_distance(const std::vector<Spot>& line, double least) {
  std::vector<Spot> out{line.front()};
  for (std::size_t i = 1; i + 1 < line.size(); ++i)
    if (squared_distance(line[i], out.back()) >= least * least) out.push_back(line[i]);
  out.push_back(line.back());
  return out;
}

/// First, lowest, highest and last spot of each half-pixel column, in their order.
std::vector<Spot> by_column(const std::vector<Spot>& line) {
  std::vector<Spot> out;
  for (std::size_t begin = 0; begin < line.size();) {
    const double column = std::floor(line[begin].x * 2);
    std::size_t end = begin, low = begin, high = begin;
    for (; end < line.size() && std::floor(line[end].x * 2) == column; ++end) {
      if (line[end].y < line[low].y) low = end;
      if (line[end].y > line[high].y) high = end;
    }
    std::size_t keep[] = {begin, std::min(low, high), std::max(low, high), end - 1};
    for (int k = 0; k < 4; ++k)
      if (k == 0 || keep[k] != keep[k - 1]) out.push_back(line[keep[k]]);
    begin = end;
  }
  return out;
}

/// Places on the page are clamped to +-20000 px before they come here: 17 bits at 0.5 px or coarser.
std::uint64_t cell_of(const Spot& s, double size) {
  const auto index = [size](double v) {
    return static_cast<std::uint64_t>(std::llround(v / size) + (1 << 16)) & 0x1ffff;
  };
  return index(s.x) << 17 | index(s.y);
}

struct PairOfCells {
  std::uint64_t a, b;
  bool operator==(const PairOfCells&) const = default;
};

/// The keys met so far, in one flat table with linear probing.
class Seen {
 public:
  explicit Seen(std::size_t num_keys) : slots_(std::bit_ceil(2 * num_keys + 2), kFree) {}
  /// False when the key was there before.
  bool insert(const PairOfCells& key) {
    std::uint64_t at = (key.a * 0x9e3779b97f4a7c15u) ^ (key.b * 0xbf58476d1ce4e5b9u);
    for (at ^= at >> 29;; ++at) {
      PairOfCells& slot = slots_[at & (slots_.size() - 1)];
      if (slot == key) return false;
      if (slot == kFree) return slot = key, true;
    }
  }

 private:
  static constexpr PairOfCells kFree{~std::uint64_t{0}, 0};  // no cell: those have 34 bits
  std::vector<PairOfCells> slots_;
};

/// The first item of each key, while the cells grow until the budget holds; beyond 32 px evenly spaced items.
template <class Item, class Key>
std::vector<Item> first_per_cell(const std::vector<Item>& items, std::size_t budget, const Key& key) {
  std::vector<Item> kept = items;
  for (double size = 0.5; size <= 32; size *= 2) {
    Seen seen(kept.size());
    std::vector<Item> next;
    for (const Item& item : kept)
      if (seen.insert(key(item, size))) next.push_back(item);
    kept = std::move(next);
    if (kept.size() <= budget) return kept;
  }
  std::vector<Item> out(budget);
  for (std::size_t i = 0; i < budget; ++i) out[i] = kept[i * kept.size() / budget];
  return out;
}

}  // namespace

std::vector<Spot> thin_line(const std::vector<Spot>& line, std::size_t budget) {
  if (line.size() <= 2) return line;
  const bool forward = std::is_sorted(line.begin(), line.end(), [](const Spot& a, const Spot& b) { return a.x < b.x; });
  std::vector<Spot> out = line;
  if (forward && line.size() > 8000) out = by_column(out);
  double least = 0.25;
  for (out = by_distance(out, least); out.size() > std::max<std::size_t>(budget, 2); out = by_distance(out, least))
    least *= 1.5;
  return out;
}

std::vector<Spot> thin_spots(const std::vector<Spot>& spots, std::size_t budget) {
  return first_per_cell(spots, budget, [](const Spot& s, double size) { return PairOfCells{cell_of(s, size), 0}; });
}

std::vector<Stroke> thin_strokes(const std::vector<Stroke>& strokes, std::size_t budget) {
  return first_per_cell(strokes, budget, [](const Stroke& s, double size) {
    const auto [a, b] = std::minmax({cell_of(s.a, size), cell_of(s.b, size)});  // of a list: by value
    return PairOfCells{a, b};
  });
}

}  // namespace pipit
