#include "lm/word_trie.h"

#include <algorithm>

#include "base/contract.h"

namespace pipit {

// One more node below the last one of depth - 1. open: the nodes from the root to the last one.
void WordTrie::add(std::size_t depth, std::uint8_t piece, bool ends_word, std::vector<std::uint32_t>& open) {
  for (; open.size() > depth; open.pop_back()) end_[open.back()] = num_nodes();
  parent_.push_back(open.back());
  open.push_back(num_nodes());
  piece_.push_back(piece);
  end_.push_back(0);
  first_word_.push_back(first_word_.back() + (ends_word ? 1 : 0));
}

void WordTrie::close(std::vector<std::uint32_t>& open) {
  for (; !open.empty(); open.pop_back()) end_[open.back()] = num_nodes();
}

WordTrie::WordTrie(std::span<const std::vector<std::int32_t>> words) {
  std::vector<std::uint32_t> open = {0};
  const std::vector<std::int32_t>* before = nullptr;
  for (const auto& word : words) {
    expects(!word.empty() && word.size() <= kLongest, "WordTrie: words of 1 to 24 pieces");
    expects(before == nullptr || *before < word, "WordTrie: words sorted, each once");
    std::size_t same = 0;
    while (before != nullptr && same < before->size() && (*before)[same] == word[same]) ++same;
    for (std::size_t k = same; k < word.size(); ++k) {
      expects(word[k] >= 1 && word[k] < 256, "WordTrie: pieces in [1, 256)");
      add(k + 1, static_cast<std::uint8_t>(word[k]), k + 1 == word.size(), open);
    }
    before = &word;
  }
  close(open);
}

std::vector<std::int32_t> WordTrie::path(std::uint32_t node) const {
  std::vector<std::int32_t> out;
  for (; node != 0; node = parent_[node]) out.push_back(piece_[node]);
  std::reverse(out.begin(), out.end());
  return out;
}

void WordTrie::write(std::string& out) const {
  put(out, num_nodes());
  std::vector<std::uint8_t> depth(num_nodes(), 0);
  for (std::uint32_t k = 1; k < num_nodes(); ++k) {
    depth[k] = static_cast<std::uint8_t>(depth[parent_[k]] + 1);
    put(out, piece_[k]);
    put(out, static_cast<std::uint8_t>(depth[k] << 1 | (ends_word(k) ? 1 : 0)));
  }
}

bool WordTrie::read(ByteReader& in, int tokens) {
  *this = WordTrie();
  std::uint32_t nodes = 0;
  if (!in.take(nodes) || nodes < 1) return false;
  std::vector<std::uint32_t> open = {0};
  for (std::uint32_t k = 1; k < nodes; ++k) {
    std::uint8_t piece = 0, depth = 0;
    if (!in.take(piece) || !in.take(depth)) return false;
    const std::size_t level = depth >> 1;
    if (piece < 1 || piece >= tokens || level < 1 || level > std::min(open.size(), kLongest)) return false;
    // Children by piece, each once, and no twig that leads to no word.
    if (level < open.size() && piece <= piece_[open[level]]) return false;
    if (level < open.size() && !ends_word(k - 1)) return false;
    add(level, piece, (depth & 1) != 0, open);
  }
  close(open);
  return nodes == 1 || ends_word(nodes - 1);
}

}  // namespace pipit
