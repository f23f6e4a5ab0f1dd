#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"
#include "lm/shares.h"
#include "lm/word_ngram.h"

namespace pipit {
namespace {

constexpr std::uint64_t kNothing = 0xffff;  // stands in a key where there was no word
constexpr double kListCost = 1.5;           // a context takes as many bytes as so many listed words

std::uint64_t oldest(std::uint64_t key, int length) { return key >> (64 - 16 * length) & 0xffff; }

// Calls group(first, last) for every run of grams whose keys agree in `mask`.
template <class G, class F>
void for_groups(std::vector<G>& grams, std::uint64_t mask, F group) {
  for (std::size_t first = 0, last = 0; first < grams.size(); first = last) {
    while (last < grams.size() && ((grams[last].key ^ grams[first].key) & mask) == 0) ++last;
    group(first, last);
  }
}

}  // namespace

WordNgramBuilder::WordNgramBuilder(std::vector<std::uint8_t> begins_word,
                                   std::span<const std::vector<std::int32_t>> words,
                                   const WordNgramOptions& options)
    : options_(options), begins_word_(std::move(begins_word)), trie_(words), speller_([&] {
        NgramOptions spelling = options.spelling;
        spelling.tokens = static_cast<int>(begins_word_.size());
        return spelling;
      }()) {
  expects(options.context >= 1 && options.context <= 3, "WordNgramBuilder: a context of 1 to 3 words");
  expects(options.spelling.context <= 4, "WordNgramBuilder: the speller looks at 4 pieces at most");
  expects(options.least_gain.size() >= static_cast<std::size_t>(options.context),
          "WordNgramBuilder: a least gain for every length of context");
  expects(begins_word_.size() <= 256, "WordNgramBuilder: 256 tokens at most");
  for (const auto& word : words)
    for (std::size_t k = 0; k < word.size(); ++k)
      expects((begins_word_[static_cast<std::size_t>(word[k])] != 0) == (k == 0),
              "WordNgramBuilder: the first piece of a word begins it");
}

void WordNgramBuilder::add(std::span<const std::int32_t> sentence, double weight) {
  auto of = std::find_if(positions_.begin(), positions_.end(), [&](const auto& p) { return p.first == weight; });
  if (of == positions_.end()) of = positions_.insert(of, {weight, {}});
  std::uint64_t context = ~std::uint64_t{0xffff} >> 16 | std::uint64_t{trie_.num_words() + 1} << 48;
  for (const std::int32_t word : sentence) {
    expects(word >= 0 && static_cast<std::uint32_t>(word) <= trie_.num_words(), "WordNgramBuilder: no such word");
    of->second.push_back((context & ~std::uint64_t{0xffff}) | static_cast<std::uint64_t>(word));
    context = context >> 16 | static_cast<std::uint64_t>(word) << 48;
  }
}

// Sorted, and the counts of one key in one place.
void WordNgramBuilder::merge(std::vector<Gram>& grams) {
  std::sort(grams.begin(), grams.end(), [](const Gram& a, const Gram& b) { return a.key < b.key; });
  std::size_t size = 0;
  for (std::size_t k = 0; k < grams.size(); ++k) {
    if (size > 0 && grams[size - 1].key == grams[k].key) {
      grams[size - 1].count += grams[k].count;
      grams[size - 1].rest += grams[k].rest;
    } else {
      grams[size++] = grams[k];
    }
  }
  grams.resize(size);
}

std::vector<WordNgramBuilder::Gram> WordNgramBuilder::counted() {
  const std::uint64_t kept = mask(options_.context);
  std::vector<Gram> grams;
  for (auto& [weight, keys] : positions_) {
    for (std::uint64_t& key : keys) key &= kept;
    std::sort(keys.begin(), keys.end());
    for (std::size_t first = 0, last = 0; first < keys.size(); first = last) {
      while (last < keys.size() && keys[last] == keys[first]) ++last;
      const auto count = static_cast<float>(weight * static_cast<double>(last - first));
      grams.push_back({keys[first], static_cast<double>(count), count});
    }
    std::vector<std::uint64_t>().swap(keys);
  }
  positions_.clear();
  merge(grams);
  return grams;
}

// Lists the words that are worth it after contexts of `length` words, and leaves in `shorter` what they have not
// explained: all of a word's count where it is not listed, else what was taken off (so that the marginal of the whole
// stays that of the text, which is what Kneser and Ney ask for).
std::vector<WordNgramBuilder::Kept> WordNgramBuilder::keep(std::vector<Gram>& grams,
                                                           std::vector<Gram>& shorter,
                                                           int length) const {
  const double discount = options_.discount, least = options_.least_gain[static_cast<std::size_t>(length) - 1];
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  std::vector<std::size_t> of_shorter(std::size_t{1} << 16);
  std::vector<double> gain;
  std::vector<Kept> kept;
  std::size_t s = 0;
  const std::uint64_t word_bits = 0xffff, context = mask(length) & ~word_bits, less = mask(length - 1) & ~word_bits;
  for_groups(grams, less, [&](std::size_t begin, std::size_t end) {
    const std::uint64_t key = grams[begin].key & less;
    while ((shorter[s].key & less) < key) ++s;
    double total_shorter = 0;
    for (; s < shorter.size() && (shorter[s].key & less) == key; ++s) {
      of_shorter[shorter[s].key & word_bits] = s;
      total_shorter += static_cast<double>(shorter[s].count);
    }
    for (std::size_t first = begin, last = begin; first < end; first = last) {
      double total = 0, rest = 0;
      while (last < end && ((grams[last].key ^ grams[first].key) & context) == 0) {
        total += static_cast<double>(grams[last].count);
        rest += grams[last].rest;
        ++last;
      }
      // What each word would save by being listed, and all of them by having a list.
      const double left = std::min(discount * static_cast<double>(last - first) / total, 1.0);
      gain.assign(last - first, kNever);
      double saved = 0;
      for (std::size_t k = first; k < last && oldest(grams[first].key, length) != kNothing; ++k) {
        if (grams[k].rest <= discount) continue;
        const auto n = static_cast<double>(grams[k].count);
        const double p_shorter =
            static_cast<double>(shorter[of_shorter[grams[k].key & word_bits]].count) / total_shorter;
        gain[k - first] = n * std::log(std::max(n - discount, 0.0) / total / p_shorter + left) - least;
        if (gain[k - first] >= 0) saved += gain[k - first];
      }
      for (std::size_t k = first; k < last; ++k) {
        const bool listed = gain[k - first] >= 0 && saved >= kListCost * least;
        if (listed) kept.push_back({grams[k].key, (grams[k].rest - discount) / rest});
        shorter[of_shorter[grams[k].key & word_bits]].rest += listed ? discount : grams[k].rest;
      }
    }
  });
  return kept;
}

WordNgramModel WordNgramBuilder::build() {
  const auto lengths = static_cast<std::size_t>(options_.context) + 1;
  std::vector<Gram> grams = counted(), shorter;
  std::vector<std::vector<Kept>> kept(lengths);
  for (std::size_t length = lengths - 1; length >= 1; --length) {
    shorter = grams;
    for (Gram& g : shorter) g.key &= mask(static_cast<int>(length) - 1), g.rest = 0;
    merge(shorter);
    kept[length] = keep(grams, shorter, static_cast<int>(length));
    grams.swap(shorter);
  }
  std::vector<double> share(trie_.num_words() + 1, 0.1);  // no word is without a chance
  double total = 0;
  for (const Gram& g : grams) share[g.key] = std::max(share[g.key], g.rest);
  for (const double n : share) total += n;
  std::vector<std::uint8_t> word_share;
  for (const double n : share) word_share.push_back(quantise_share(n / total));
  WordNgramModel model;
  model.begins_word_ = Stored(std::move(begins_word_));
  model.trie_ = std::move(trie_);
  model.speller_ = speller_.build();
  model.word_share_ = Stored(std::move(word_share));
  model.add_up_words();
  lay_out(kept, model);
  return model;
}

void WordNgramBuilder::lay_out(const std::vector<std::vector<Kept>>& kept, WordNgramModel& m) const {
  // Every context that lists a word, and with it those that are one word shorter at either end: the way back, and the
  // way to it from word to word.
  std::vector<std::vector<std::uint64_t>> contexts(kept.size());
  contexts[0] = {0};
  for (std::size_t length = kept.size() - 1; length >= 1; --length) {
    auto& here = contexts[length];
    for (const Kept& k : kept[length]) here.push_back(k.key & ~std::uint64_t{0xffff});
    std::sort(here.begin(), here.end());
    here.erase(std::unique(here.begin(), here.end()), here.end());
    if (length == 1) break;
    for (const std::uint64_t key : here) {
      contexts[length - 1].push_back(key & mask(static_cast<int>(length) - 1) & ~std::uint64_t{0xffff});
      contexts[length - 1].push_back(key << 16);
    }
  }
  std::vector<std::uint16_t> word = {0}, entry_word;
  std::vector<std::uint32_t> parents = {0}, first_entry = {0};
  std::vector<std::uint8_t> left_over = {255}, entry_share;
  std::vector<float> scale = {0};
  std::size_t above = 0;  // the first context of one word less
  for (std::size_t length = 1; length < kept.size(); ++length) {
    const std::uint64_t less = mask(static_cast<int>(length) - 1) & ~std::uint64_t{0xffff};
    std::size_t parent = 0, k = 0;
    const std::size_t first = word.size();
    for (const std::uint64_t key : contexts[length]) {
      while (contexts[length - 1][parent] != (key & less)) ++parent;
      word.push_back(static_cast<std::uint16_t>(oldest(key, static_cast<int>(length))));
      parents.push_back(static_cast<std::uint32_t>(above + parent));
      first_entry.push_back(static_cast<std::uint32_t>(entry_word.size()));
      double sum = 0, rounded_sum = 0;
      for (; k < kept[length].size() && (kept[length][k].key & ~std::uint64_t{0xffff}) == key; ++k) {
        entry_word.push_back(static_cast<std::uint16_t>(kept[length][k].key & 0xffff));
        entry_share.push_back(quantise_share(kept[length][k].share));
        sum += kept[length][k].share;
        rounded_sum += static_cast<double>(shares()[entry_share.back()]);
      }
      left_over.push_back(quantise_odds(1 - sum));
      // The double that the rounded odds stand for, not the float that the model keeps of it.
      scale.push_back(rounded_sum > 0 ? static_cast<float>((1 - share_of_odds(left_over.back())) / rounded_sum) : 0);
    }
    above = first;
  }
  first_entry.push_back(static_cast<std::uint32_t>(entry_word.size()));
  std::vector<std::uint32_t> first_child;
  std::uint32_t child = 1;
  for (std::uint32_t c = 0; c <= word.size(); ++c) {
    first_child.push_back(child);
    while (child < word.size() && parents[child] == c) ++child;
  }
  m.word_ = Stored(std::move(word));
  m.parent_ = Stored(std::move(parents));
  m.first_child_ = Stored(std::move(first_child));
  m.first_entry_ = Stored(std::move(first_entry));
  m.left_over_ = Stored(std::move(left_over));
  m.scale_ = Stored(std::move(scale));
  m.entry_word_ = Stored(std::move(entry_word));
  m.entry_share_ = Stored(std::move(entry_share));
}

}  // namespace pipit
