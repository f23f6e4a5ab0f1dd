// scene/pair_set.h — which pairs of view and point were there already: 16 to 32 bytes for each.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace pipit {

class PairSet {
 public:
  /// False when the pair is in already. Needs both at least 0.
  bool insert(std::int32_t view, std::int32_t point) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    const bool fresh = put((static_cast<std::uint64_t>(view) << 32 | static_cast<std::uint64_t>(point)) + 1);
    size_ += fresh ? 1 : 0;
    return fresh;
  }

 private:
  bool put(std::uint64_t key) {
    std::size_t at = mixed(key) & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) & (slots_.size() - 1);
    return std::exchange(slots_[at], key) == 0;
  }
  void grow() {
    const std::vector<std::uint64_t> old =
        std::exchange(slots_, std::vector<std::uint64_t>(slots_.empty() ? 64 : 2 * slots_.size()));
    for (const std::uint64_t key : old)
      if (key != 0) put(key);
  }
  /// Steele et al., Fast splittable pseudorandom number generators (2014): every bit of the key changes half of all.
  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  std::vector<std::uint64_t> slots_;  // a pair's number and one; 0 is free; a power of two, at most half of it taken
  std::size_t size_ = 0;
};

}  // namespace pipit
