// A model in bytes: tokens, levels; then of each level the numbers of nodes and entries, and its arrays: tokens and
// shares, and how many children and entries each node has.
#include "lm/ngram.h"

namespace pipit {
namespace {

// Where each node's begin, as how many each has; and back, false where there are more than 2^32.
std::vector<std::uint16_t> counts(const std::vector<std::uint32_t>& first) {
  std::vector<std::uint16_t> out;
  for (std::size_t k = 1; k < first.size(); ++k) out.push_back(static_cast<std::uint16_t>(first[k] - first[k - 1]));
  return out;
}
bool add_up(const std::vector<std::uint16_t>& counts, std::vector<std::uint32_t>& first) {
  std::uint64_t sum = 0;
  first.assign(1, 0);
  for (const std::uint16_t count : counts) first.push_back(static_cast<std::uint32_t>(sum += count));
  return sum <= 0xffff'ffff;
}

}  // namespace

void NgramModel::write(std::string& out) const {
  put(out, static_cast<std::uint32_t>(num_tokens_));
  put(out, static_cast<std::uint32_t>(levels_.size()));
  for (const Level& l : levels_) {
    put(out, static_cast<std::uint32_t>(l.token.size()));
    put(out, static_cast<std::uint32_t>(l.entry_token.size()));
    put_all(out, l.token);
    put_all(out, l.left_over);
    put_all(out, counts(l.first_child));
    put_all(out, counts(l.first_entry));
    put_all(out, l.entry_token);
    put_all(out, l.entry_share);
  }
}

// What probs reads without looking: indices that stay inside, tokens that exist.
bool NgramModel::sound() const {
  for (std::size_t d = 0; d < levels_.size(); ++d) {
    const Level& l = levels_[d];
    const std::size_t children = d + 1 < levels_.size() ? levels_[d + 1].token.size() : 0;
    if (l.first_child.back() != children || l.first_entry.back() != l.entry_token.size()) return false;
    for (const std::uint8_t token : l.entry_token)
      if (token >= num_tokens_) return false;
    for (const std::uint8_t left : l.left_over)
      if (left == 255) return false;  // every token has a chance
  }
  return levels_[0].token.size() == 1;
}

bool NgramModel::read(ByteReader& in) {
  std::uint32_t tokens = 0, levels = 0;
  if (!in.take(tokens) || !in.take(levels) || tokens < 2 || tokens > 256 || levels < 1 || levels > 8) return false;
  num_tokens_ = static_cast<int>(tokens);
  levels_.assign(levels, {});
  for (Level& l : levels_) {
    std::uint32_t nodes = 0, entries = 0;
    std::vector<std::uint16_t> children, own;
    if (!in.take(nodes) || !in.take(entries) || !in.take(l.token, nodes) || !in.take(l.left_over, nodes) ||
        !in.take(children, nodes) || !in.take(own, nodes) || !in.take(l.entry_token, entries) ||
        !in.take(l.entry_share, entries) || !add_up(children, l.first_child) || !add_up(own, l.first_entry))
      return false;
  }
  return sound();
}

}  // namespace pipit
