#include "lm/word_ngram.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"
#include "lm/shares.h"

namespace pipit {
namespace {

// A state: a context in the upper half, a node of the tree in the lower; or, with the highest bit set, the context that
// follows the word being spelled, and that word's last pieces, the newest in the lowest byte.
constexpr std::uint64_t kSpelled = std::uint64_t{1} << 63;
constexpr std::size_t kPiecesKept = 4;

std::uint64_t in_tree(std::uint32_t context, std::uint32_t node) { return std::uint64_t{context} << 32 | node; }
std::uint32_t context_of(std::uint64_t state) { return static_cast<std::uint32_t>(state >> 32) & 0x7fff'ffff; }

std::uint64_t in_spelling(std::uint32_t context, std::span<const std::int32_t> pieces) {
  std::uint32_t last = 0;
  for (const std::int32_t piece : pieces) last = last << 8 | static_cast<std::uint32_t>(piece);
  return kSpelled | std::uint64_t{context} << 32 | last;
}
std::vector<std::int32_t> pieces_of(std::uint64_t state) {
  std::vector<std::int32_t> pieces;
  for (std::size_t k = kPiecesKept; k-- > 0;)
    if (const auto piece = static_cast<std::int32_t>(state >> (8 * k) & 0xff); piece != 0) pieces.push_back(piece);
  return pieces;
}

}  // namespace

std::size_t WordNgramModel::bytes() const {
  return trie_.num_nodes() * 11 + before_.size() * 9 + word_.size() * 19 + entry_word_.size() * 3 + speller_.bytes();
}

void WordNgramModel::add_up_words() {
  before_.assign(1, 0);
  before_.reserve(word_share_.size() + 1);
  for (const std::uint8_t s : word_share_) before_.push_back(before_.back() + static_cast<double>(shares()[s]));
  for (double& sum : before_) sum /= before_.back();
}

// g(context): all of it where no word is listed.
double WordNgramModel::left(std::uint32_t context) const {
  const bool lists = first_entry_[context] != first_entry_[context + 1];
  return lists ? static_cast<double>(shares_of_odds()[left_over_[context]]) : 1;
}

// The context that is `word` longer; 0 where there is none.
std::uint32_t WordNgramModel::find(std::uint32_t context, std::uint32_t word) const {
  const auto begin = word_.begin() + first_child_[context], end = word_.begin() + first_child_[context + 1];
  const auto found = std::lower_bound(begin, end, word);
  return found == end || *found != word ? 0 : static_cast<std::uint32_t>(found - word_.begin());
}

// The longest context there is after one more word.
std::uint32_t WordNgramModel::after(std::uint32_t context, std::uint32_t word) const {
  std::array<std::uint32_t, 8> words{};
  std::size_t count = 0;
  for (; context != 0; context = parent_[context]) words[count++] = word_[context];  // the oldest first
  std::uint32_t longest = find(0, word);
  while (longest != 0 && count > 0) {
    const std::uint32_t longer = find(longest, words[--count]);
    if (longer == 0) break;
    longest = longer;
  }
  return longest;
}

WordNgramModel::Masses WordNgramModel::masses(std::uint32_t context, std::uint32_t node) const {
  const std::uint32_t low = trie_.first_word(node), high = trie_.first_word(trie_.end(node));
  const bool ends = trie_.ends_word(node);
  Masses out;
  for (std::uint32_t k = node + 1; k < trie_.end(node); k = trie_.end(k))
    out.below[static_cast<std::size_t>(trie_.piece(k))] =
        before_[trie_.first_word(trie_.end(k))] - before_[trie_.first_word(k)];
  if (ends) out.ends = before_[low + 1] - before_[low];
  out.unknown = before_[unknown() + 1] - before_[unknown()];

  std::array<std::uint32_t, 8> chain{};
  std::size_t length = 0;
  for (; context != 0; context = parent_[context]) chain[length++] = context;
  const auto& share = shares();
  while (length > 0) {
    const std::uint32_t c = chain[--length];
    const std::uint32_t first = first_entry_[c], last = first_entry_[c + 1];
    if (first == last) continue;
    const double left = this->left(c), scale = static_cast<double>(scale_[c]);
    for (std::uint32_t k = node + 1; k < trie_.end(node); k = trie_.end(k))
      out.below[static_cast<std::size_t>(trie_.piece(k))] *= left;
    out.ends *= left;
    out.unknown *= left;
    auto e = static_cast<std::uint32_t>(std::lower_bound(entry_word_.begin() + first, entry_word_.begin() + last, low) -
                                        entry_word_.begin());
    std::uint32_t k = node + 1;
    for (; e < last && entry_word_[e] < high; ++e) {
      const std::uint32_t word = entry_word_[e];
      const double more = scale * static_cast<double>(share[entry_share_[e]]);
      if (ends && word == low) {
        out.ends += more;
        continue;
      }
      while (trie_.first_word(trie_.end(k)) <= word) k = trie_.end(k);
      out.below[static_cast<std::size_t>(trie_.piece(k))] += more;
    }
    if (entry_word_[last - 1] == unknown()) out.unknown += scale * static_cast<double>(share[entry_share_[last - 1]]);
  }
  return out;
}

// out[0] = P(the spelled word ends | its pieces so far), out[p] = P(p is its next piece): a piece that begins a word
// does so, and a word has at least one piece.
void WordNgramModel::spell(std::span<const std::int32_t> pieces, Pieces& out) const {
  std::array<float, 256> probs{};
  speller_.probs(pieces, std::span(probs).first(begins_word_.size()));
  double sum = 0;
  for (std::size_t p = 0; p < begins_word_.size(); ++p) {
    const bool may_be = pieces.empty() ? p != 0 : begins_word_[p] == 0;
    out[p] = may_be ? static_cast<double>(probs[p]) : 0;
    sum += out[p];
  }
  for (double& p : out) p /= sum;
}

// Adds factor * P(piece begins the next word | context), for the pieces that begin words.
void WordNgramModel::first_pieces(std::uint32_t context, double factor, Pieces& out) const {
  const Masses m = masses(context, 0);
  Pieces first{};
  spell({}, first);
  double sum = 0;
  for (std::size_t p = 1; p < begins_word_.size(); ++p) {
    first[p] = begins_word_[p] != 0 ? m.below[p] + m.unknown * first[p] : 0;
    sum += first[p];
  }
  for (std::size_t p = 1; p < begins_word_.size(); ++p) out[p] += factor / sum * first[p];
}

std::uint64_t WordNgramModel::start() const { return in_tree(find(0, sentence_start()), 0); }

std::uint64_t WordNgramModel::next(std::uint64_t state, std::int32_t label) const {
  std::uint32_t context = context_of(state);
  const bool begins = begins_word_[static_cast<std::size_t>(label)] != 0;
  std::vector<std::int32_t> pieces;
  if ((state & kSpelled) != 0) {
    if (!begins) {
      pieces = pieces_of(state);
      pieces.push_back(label);
      return in_spelling(context, pieces);
    }
  } else {
    const auto node = static_cast<std::uint32_t>(state);
    const bool ends = begins && node != 0;
    if (const std::uint32_t child = ends ? 0 : trie_.child(node, label); child != 0) return in_tree(context, child);
    if (!ends) {
      pieces = trie_.path(node);
      pieces.push_back(label);
      return in_spelling(after(context, unknown()), pieces);
    }
    context = after(context, trie_.ends_word(node) ? trie_.first_word(node) : unknown());
  }
  if (const std::uint32_t child = trie_.child(0, label); child != 0) return in_tree(context, child);
  pieces = {label};
  return in_spelling(after(context, unknown()), pieces);
}

void WordNgramModel::log_probs_after(std::uint64_t state, std::span<float> out) const {
  expects(out.size() == begins_word_.size(), "WordNgramModel: one place for every token");
  const std::uint32_t context = context_of(state);
  Pieces p{}, speller{};
  double whole = 1;
  if ((state & kSpelled) != 0) {
    spell(pieces_of(state), p);
    first_pieces(context, p[0], p);
  } else {
    const auto node = static_cast<std::uint32_t>(state);
    const Masses m = masses(context, node);
    const std::vector<std::int32_t> path = trie_.path(node);
    double drawn = m.unknown;
    for (std::size_t k = 0; k < path.size(); ++k) {
      spell(std::span(path).first(k), speller);
      drawn *= speller[static_cast<std::size_t>(path[k])];
    }
    spell(path, speller);
    whole = drawn + m.ends;
    for (std::size_t k = 1; k < out.size(); ++k) {
      p[k] = m.below[k] + drawn * speller[k];
      whole += m.below[k];
    }
    if (node != 0)
      first_pieces(
          after(context, trie_.ends_word(node) ? trie_.first_word(node) : unknown()), m.ends + drawn * speller[0], p);
  }
  out[0] = -std::numeric_limits<float>::infinity();
  for (std::size_t k = 1; k < out.size(); ++k) out[k] = static_cast<float>(std::log(std::max(p[k], 1e-300) / whole));
}

double WordNgramModel::share(std::span<const std::int32_t> before, bool at_start, std::int32_t word) const {
  const auto w = static_cast<std::uint32_t>(word);
  double p = before_[w + 1] - before_[w];
  std::uint32_t context = 0;
  for (std::size_t length = 1; length <= before.size() + (at_start ? 1 : 0); ++length) {
    const std::uint32_t oldest =
        length > before.size() ? sentence_start() : static_cast<std::uint32_t>(before[before.size() - length]);
    context = find(context, oldest);
    if (context == 0) break;
    p *= left(context);
    for (std::uint32_t e = first_entry_[context]; e < first_entry_[context + 1]; ++e)
      if (entry_word_[e] == w) p += static_cast<double>(scale_[context] * shares()[entry_share_[e]]);
  }
  return p;
}

double WordNgramModel::spelled(std::span<const std::int32_t> pieces, bool ends) const {
  Pieces next{};
  double p = 1;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    spell(pieces.first(k), next);
    p *= next[static_cast<std::size_t>(pieces[k])];
  }
  if (!ends) return p;
  spell(pieces, next);
  return p * next[0];
}

}  // namespace pipit
