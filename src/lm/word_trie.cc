#include "lm/word_trie.h"

#include <algorithm>
#include <array>

#include "base/contract.h"

namespace pipit {

WordTrie::WordTrie(std::span<const std::vector<std::int32_t>> words) {
  expects(words.size() <= kMostWords, "WordTrie: 65,533 words at most");
  std::vector<std::uint8_t> piece = {0};
  std::vector<std::uint32_t> parent = {0}, end = {0};
  std::vector<std::uint16_t> first_word = {0, 0};
  std::vector<std::uint32_t> open = {0};  // the nodes from the root to the last one
  const auto close = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back()) end[open.back()] = static_cast<std::uint32_t>(piece.size());
  };
  const std::vector<std::int32_t>* before = nullptr;
  for (const auto& word : words) {
    expects(!word.empty() && word.size() <= kLongest, "WordTrie: words of 1 to 24 pieces");
    expects(before == nullptr || *before < word, "WordTrie: words sorted, each once");
    std::size_t same = 0;
    while (before != nullptr && same < before->size() && (*before)[same] == word[same]) ++same;
    for (std::size_t k = same; k < word.size(); ++k) {
      expects(word[k] >= 1 && word[k] < 256, "WordTrie: pieces in [1, 256)");
      close(k + 1);
      parent.push_back(open.back());
      open.push_back(static_cast<std::uint32_t>(piece.size()));
      piece.push_back(static_cast<std::uint8_t>(word[k]));
      end.push_back(0);
      first_word.push_back(static_cast<std::uint16_t>(first_word.back() + (k + 1 == word.size() ? 1 : 0)));
    }
    before = &word;
  }
  close(0);
  piece_ = Stored(std::move(piece));
  parent_ = Stored(std::move(parent));
  end_ = Stored(std::move(end));
  first_word_ = Stored(std::move(first_word));
}

std::vector<std::int32_t> WordTrie::path(std::uint32_t node) const {
  std::vector<std::int32_t> out;
  for (; node != 0; node = parent_[node]) out.push_back(piece_[node]);
  std::reverse(out.begin(), out.end());
  return out;
}

void WordTrie::write(std::string& out) const {
  put(out, num_nodes());
  put_all(out, parent_);
  put_all(out, end_);
  put_all(out, first_word_);
  put_all(out, piece_);
}

// Whether nodes, parents and ends are those of one walk, children by piece and each once, no twig that leads to no
// word, no word too long.
bool WordTrie::sound(int tokens) const {
  if (end_[0] != num_nodes() || first_word_[0] != 0 || first_word_[1] != 0) return false;
  std::array<std::uint32_t, kLongest + 1> open{};  // the nodes from the root to the last one
  std::size_t depth = 0;
  for (std::uint32_t k = 1; k < num_nodes(); ++k) {
    std::int32_t piece_before = 0;  // of the child before, of the same parent
    for (; end_[open[depth]] == k; --depth) piece_before = piece_[open[depth]];  // not the root, which ends last
    const std::uint32_t parent = open[depth];
    const int ends = first_word_[k + 1] - first_word_[k];
    if (depth == kLongest || parent_[k] != parent || end_[k] <= k || end_[k] > end_[parent]) return false;
    if (piece_[k] <= piece_before || piece_[k] >= tokens) return false;
    if (ends < 0 || ends > 1 || (ends == 0 && end_[k] == k + 1)) return false;
    open[++depth] = k;
  }
  return num_words() <= kMostWords;
}

bool WordTrie::read(ByteReader& in, int tokens) {
  std::uint32_t nodes = 0;
  return in.take(nodes) && nodes >= 1 && in.take(parent_, nodes) && in.take(end_, nodes) &&
         in.take(first_word_, std::uint64_t{nodes} + 1) && in.take(piece_, nodes) && sound(tokens);
}

}  // namespace pipit
