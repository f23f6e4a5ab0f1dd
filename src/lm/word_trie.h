// lm/word_trie.h — the pieces that words are made of, as a tree. Words are numbered in the order in which a walk meets
// them, a node before its children and children by piece, so that the words below any node are one interval of numbers.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lm/bytes.h"

namespace pipit {

/// Nodes lie in the order of that walk: node 0 is the root, the first child of k is k + 1, what follows everything
/// below k is end(k).
class WordTrie {
 public:
  static constexpr std::size_t kLongest = 24;        ///< pieces of a word
  static constexpr std::size_t kMostWords = 65'533;  ///< 16 bits number them, and two more have room

  /// Without words.
  WordTrie() : WordTrie(std::span<const std::vector<std::int32_t>>()) {}
  /// Needs   at most kMostWords words, sorted (as vectors are), each once, of 1 to kLongest pieces in [1, 256).
  explicit WordTrie(std::span<const std::vector<std::int32_t>> words);

  std::uint32_t num_nodes() const { return static_cast<std::uint32_t>(piece_.size()); }
  std::uint32_t num_words() const { return first_word_.back(); }
  std::int32_t piece(std::uint32_t node) const { return piece_[node]; }
  std::uint32_t parent(std::uint32_t node) const { return parent_[node]; }
  std::uint32_t end(std::uint32_t node) const { return end_[node]; }
  /// The words at and below a node are first_word(node) to first_word(end(node)) - 1; one that ends at it is the first.
  std::uint32_t first_word(std::uint32_t node) const { return first_word_[node]; }
  bool ends_word(std::uint32_t node) const { return first_word_[node + 1] != first_word_[node]; }
  /// 0 where there is none.
  std::uint32_t child(std::uint32_t node, std::int32_t piece) const {
    for (std::uint32_t k = node + 1; k < end_[node]; k = end_[k])
      if (piece_[k] == piece) return k;
    return 0;
  }
  /// The pieces from the root to a node.
  std::vector<std::int32_t> path(std::uint32_t node) const;

  void write(std::string& out) const;
  /// False where the bytes are no such tree, or a piece is not in [1, tokens). They are read where they lie, and must
  /// stay there.
  bool read(ByteReader& in, int tokens);

 private:
  bool sound(int tokens) const;

  Stored<std::uint8_t> piece_;          // [nodes]
  Stored<std::uint32_t> parent_, end_;  // [nodes]
  Stored<std::uint16_t> first_word_;    // [nodes + 1]
};

}  // namespace pipit
