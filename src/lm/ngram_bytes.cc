// A model in bytes: tokens, levels; then of each level the numbers of nodes and entries, and its arrays as they are in
// memory.
#include "lm/checks.h"
#include "lm/ngram.h"

namespace pipit {

void NgramModel::write(std::string& out) const {
  put(out, static_cast<std::uint32_t>(num_tokens_));
  put(out, static_cast<std::uint32_t>(levels_.size()));
  for (const Level& l : levels_) {
    put(out, static_cast<std::uint32_t>(l.token.size()));
    put(out, static_cast<std::uint32_t>(l.entry_token.size()));
    put_all(out, l.first_child);
    put_all(out, l.first_entry);
    put_all(out, l.token);
    put_all(out, l.left_over);
    put_all(out, l.entry_token);
    put_all(out, l.entry_share);
  }
}

// What probs reads without looking: indices that stay inside, tokens that exist.
bool NgramModel::sound() const {
  for (std::size_t d = 0; d < levels_.size(); ++d) {
    const Level& l = levels_[d];
    const std::size_t children = d + 1 < levels_.size() ? levels_[d + 1].token.size() : 0;
    if (!are_starts(l.first_child.all(), 0, children) || !are_starts(l.first_entry.all(), 0, l.entry_token.size()))
      return false;
    if (greatest(l.entry_token.all()) >= num_tokens_) return false;
    if (greatest(l.left_over.all()) == 255) return false;  // every token has a chance
  }
  return levels_[0].token.size() == 1;
}

bool NgramModel::read(ByteReader& in) {
  std::uint32_t tokens = 0, levels = 0;
  if (!in.take(tokens) || !in.take(levels) || tokens < 2 || tokens > 256 || levels < 1 || levels > 8) return false;
  num_tokens_ = static_cast<int>(tokens);
  levels_.clear();
  levels_.resize(levels);
  for (Level& l : levels_) {
    std::uint32_t nodes = 0, entries = 0;
    if (!in.take(nodes) || !in.take(entries) || !in.take(l.first_child, std::uint64_t{nodes} + 1) ||
        !in.take(l.first_entry, std::uint64_t{nodes} + 1) || !in.take(l.token, nodes) || !in.take(l.left_over, nodes) ||
        !in.take(l.entry_token, entries) || !in.take(l.entry_share, entries))
      return false;
  }
  return sound();
}

}  // namespace pipit
