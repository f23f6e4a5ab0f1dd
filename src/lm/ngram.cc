#include "lm/ngram.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/contract.h"
#include "lm/shares.h"

namespace pipit {
std::size_t NgramModel::bytes() const {
  std::size_t sum = 0;
  for (const Level& l : levels_)
    sum += l.token.size() * 2 + (l.first_child.size() + l.first_entry.size()) * 4 + l.entry_token.size() * 2;
  return sum;
}

std::size_t NgramModel::num_entries() const {
  std::size_t sum = 0;
  for (const Level& l : levels_) sum += l.entry_token.size();
  return sum;
}

void NgramModel::probs(std::span<const std::int32_t> sequence, std::span<float> out) const {
  expects(out.size() == static_cast<std::size_t>(num_tokens_), "NgramModel: one place for every token");
  const auto& share = shares();
  std::fill(out.begin(), out.end(), 1.0F / static_cast<float>(num_tokens_));
  std::uint32_t node = 0;
  for (std::size_t depth = 0; depth < levels_.size(); ++depth) {
    const Level& level = levels_[depth];
    const float left = share[level.left_over[node]];
    for (float& p : out) p *= left;
    for (std::uint32_t e = level.first_entry[node]; e < level.first_entry[node + 1]; ++e)
      out[level.entry_token[e]] += share[level.entry_share[e]];
    if (depth + 1 == levels_.size()) break;
    const auto token = static_cast<std::uint8_t>(depth < sequence.size() ? sequence[sequence.size() - 1 - depth] : 0);
    const auto& tokens = levels_[depth + 1].token;
    const auto begin = tokens.begin() + level.first_child[node], end = tokens.begin() + level.first_child[node + 1];
    const auto found = std::lower_bound(begin, end, token);
    if (found == end || *found != token) break;
    node = static_cast<std::uint32_t>(found - tokens.begin());
  }
  float sum = 0;  // shares are rounded: what they add up to is not quite one
  for (const float p : out) sum += p;
  for (float& p : out) p /= sum;
}

NgramBuilder::NgramBuilder(const NgramOptions& options) : options_(options) {
  expects(options.tokens >= 2 && options.tokens <= 256, "NgramBuilder: 2 to 256 tokens");
  expects(options.context >= 1 && options.context <= 7, "NgramBuilder: a context of 1 to 7 tokens");
  expects(!options.least_count.empty() && options.discount > 0 && options.discount < 1,
          "NgramBuilder: counts and discount");
}

void NgramBuilder::add(std::span<const std::int32_t> sequence) {
  std::uint64_t context = 0;  // the newest token in the highest byte
  for (const std::int32_t token : sequence) {
    expects(token >= 1 && token < options_.tokens, "NgramBuilder: no such token");
    positions_.push_back((context & ~std::uint64_t{0xff}) | static_cast<std::uint64_t>(token));
    context = (context >> 8) | (static_cast<std::uint64_t>(token) << 56);
  }
  positions_.push_back(context & ~std::uint64_t{0xff});  // and there it ends
}

NgramModel NgramBuilder::build() {
  const auto depths = static_cast<std::size_t>(options_.context) + 1;
  // What lies beyond the longest context does not count.
  const std::uint64_t mask =
      options_.context == 7 ? ~std::uint64_t{0} : (~std::uint64_t{0} << (8 * (8 - options_.context))) | 0xff;
  for (std::uint64_t& position : positions_) position &= mask;
  std::sort(positions_.begin(), positions_.end());

  struct Level {
    std::vector<std::uint8_t> token, left_over;
    std::vector<std::uint32_t> first_child, first_entry;
    std::vector<std::uint8_t> entry_token, entry_share;
  };
  std::vector<Level> levels(depths);
  // Of every depth the node that is being counted: how often each token followed, and (for Kneser and Ney) after how
  // many contexts that are one token longer. A node stands before its children's parent is complete, so that nodes are
  // collected in order of completion, which is that of their keys.
  struct Open {
    std::array<std::uint32_t, 256> count{}, contexts{};
    std::uint32_t first_child = 0;
  };
  std::vector<Open> open(depths);
  const auto close = [&](std::size_t depth, std::uint8_t token) {
    Open& node = open[depth];
    Level& level = levels[depth];
    const bool longest = depth + 1 == depths;
    const int least = options_.least_count[std::min(depth, options_.least_count.size() - 1)];
    double total = 0, kept = 0;
    for (int w = 0; w < options_.tokens; ++w) total += longest ? node.count[w] : node.contexts[w];
    const std::size_t before = level.entry_token.size();
    for (int w = 0; w < options_.tokens; ++w) {
      const double n = longest ? node.count[w] : node.contexts[w];
      if (static_cast<int>(node.count[w]) < least || n <= 0) continue;
      const double share = (n - options_.discount) / total;
      level.entry_token.push_back(static_cast<std::uint8_t>(w));
      level.entry_share.push_back(quantise_share(share));
      kept += share;
    }
    const bool has_children = !longest && levels[depth + 1].token.size() > node.first_child;
    if (depth == 0 || has_children || level.entry_token.size() > before) {
      level.token.push_back(token);
      level.left_over.push_back(quantise_share(std::max(1 - kept, 1e-6)));
      level.first_child.push_back(node.first_child);
      level.first_entry.push_back(static_cast<std::uint32_t>(before));
    }
    if (depth > 0)
      for (int w = 0; w < options_.tokens; ++w)
        if (node.count[w] > 0) ++open[depth - 1].contexts[w];
    node.count.fill(0);
    node.contexts.fill(0);
  };
  const auto begin_at = [&](std::size_t depth) {
    if (depth + 1 < depths) open[depth].first_child = static_cast<std::uint32_t>(levels[depth + 1].token.size());
  };
  for (std::size_t d = 0; d < depths; ++d) begin_at(d);
  for (std::size_t k = 0; k < positions_.size(); ++k) {
    const std::uint64_t position = positions_[k];
    for (std::size_t d = 0; d < depths; ++d) ++open[d].count[position & 0xff];
    const bool last = k + 1 == positions_.size();
    const std::uint64_t differs = last ? ~std::uint64_t{0} : position ^ positions_[k + 1];
    // Depth d goes on as long as the d newest tokens of the context are the same.
    std::size_t same = 0;
    while (!last && same + 1 < depths && (differs >> (56 - 8 * same) & 0xff) == 0) ++same;
    for (std::size_t d = depths - 1; d > same; --d)
      close(d, static_cast<std::uint8_t>(position >> (64 - 8 * d) & 0xff));
    for (std::size_t d = same + 1; d < depths; ++d) begin_at(d);
  }
  close(0, 0);
  NgramModel model;
  model.num_tokens_ = options_.tokens;
  model.levels_.resize(depths);
  for (std::size_t d = 0; d < depths; ++d) {
    Level& level = levels[d];
    NgramModel::Level& kept = model.levels_[d];
    // From the shortest on: the level below has not been moved away yet.
    level.first_child.push_back(d + 1 < depths ? static_cast<std::uint32_t>(levels[d + 1].token.size()) : 0);
    level.first_entry.push_back(static_cast<std::uint32_t>(level.entry_token.size()));
    kept.token = Stored(std::move(level.token));
    kept.left_over = Stored(std::move(level.left_over));
    kept.first_child = Stored(std::move(level.first_child));
    kept.first_entry = Stored(std::move(level.first_entry));
    kept.entry_token = Stored(std::move(level.entry_token));
    kept.entry_share = Stored(std::move(level.entry_share));
  }
  return model;
}

}  // namespace pipit
