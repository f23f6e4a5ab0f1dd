// asr/search.h — the most likely words, frame by frame: time-synchronous beam search for a transducer.
// Source: Graves (2012), sec. 2.5; papers.md B1, B2.   Legend: e one frame of the encoder, g the prediction network's
// answer to the last tokens, label: any token but the blank.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "asr/histories.h"
#include "asr/scorer.h"
#include "base/contract.h"
#include "lm/label_prior.h"

namespace pipit {

struct SearchOptions {
  int beam = 64;              ///< hypotheses kept after each frame, >= 1; 1 follows the best one alone
  int labels_per_frame = 3;   ///< at most, >= 1
  float threshold = 8;        ///< hypotheses that much less likely than the best are dropped, natural log
  float sure_blank = 0.001F;  ///< a frame whose blank leaves no more than this for all labels is taken as silence
  /// Added to a label's score: lm_weight * log P(label | labels before) + label_bonus. Null: no language model.
  const LabelPrior* lm = nullptr;
  float lm_weight = 0.6F;
  float label_bonus = 1.2F;  ///< makes up for what a language model takes off every label
  /// Where a language model is used, so much of what the transducer says without sound is taken off (own_text.h).
  float own_text_weight = 0.3F;
  /// Hypotheses that have the same future (last context() labels, place in the language model) go on as one, the
  /// likeliest; the others stay in the lattice. Without it only equal label sequences meet.
  bool recombine = true;
  float lattice_beam = 12;      ///< paths that much less likely than the best are no part of the lattice, natural log
  int most_ways = 8;            ///< into one state of the lattice, >= 1
  int lattice_frames = 10'000;  ///< alternatives are remembered for so long (10 min), the best path for ever
};

struct Hypothesis {
  std::vector<Emission> emissions;
  /// log P of this label sequence, over the alignments that the beam has kept; with a language model's share in it.
  double log_score = 0;
};

/// What an end-pointer asks of a hypothesis that is alive.
struct Alive {
  double log_score = 0;
  std::int32_t last_frame = -1;  ///< that it emitted a label in; -1: none yet
  std::uint64_t labels = 0;      ///< a hash of its label sequence
};

/// Hypotheses of one stream. Equal label sequences that meet are merged: their probabilities add up, and of their times
/// those of the likelier one stay. Different ones with the same future are merged too: the likelier one's probability
/// stays, as in Viterbi's algorithm, and the lattice remembers the other.
///
/// Memory    some 60 bytes for each label of the hypotheses alive, and of the lattice for lattice_frames.
/// Cost      per frame: at most beam * labels_per_frame calls of log_probs, most often beam.
template <TransducerScorer S>
class BeamSearch {
 public:
  BeamSearch(const S& scorer, const SearchOptions& options)
      : scorer_(scorer),
        options_(options),
        histories_({options.lattice_beam, options.most_ways, options.lattice_frames}) {
    expects(options.beam >= 1 && options.labels_per_frame >= 1, "BeamSearch: beam and labels_per_frame are at least 1");
    expects(options.most_ways >= 1 && options.lattice_beam >= 0 && scorer.context() >= 1,
            "BeamSearch: most_ways and context() are at least 1, lattice_beam at least 0");
    scores_.resize(static_cast<std::size_t>(scorer.tokens()));
    window_.resize(static_cast<std::size_t>(scorer.context()));
    expects(options.lm == nullptr || options.lm->tokens() == static_cast<int>(scorer.tokens()),
            "BeamSearch: the language model has other tokens");
    reset();
  }

  void reset() {
    histories_.clear();
    predictions_.clear();
    priors_.clear();
    alive_.assign(1, Item{});
    if (options_.lm != nullptr) alive_[0].text = options_.lm->start();
    alive_[0].future = future(alive_[0]);
    compact_at_ = kCompactFrom;
    frame_ = 0;
  }

  void step(std::span<const float> e) {
    done_.clear();
    active_ = alive_;
    for (int k = 0; k <= options_.labels_per_frame && !active_.empty(); ++k) {
      grown_.clear();
      for (const Item& item : active_) {
        scorer_.log_probs(e, prediction(item.node), scores_);
        Item waits = item;
        waits.log_score += scores_[0];
        merge(waits);
        if (k == options_.labels_per_frame || scores_[0] > -options_.sure_blank) continue;
        const std::span<const float> prior = this->prior(item.text);
        const double least = best_score(done_) - options_.threshold;
        for (std::size_t token = 1; token < scores_.size(); ++token) {
          const float label = prior.empty() ? 0 : prior[token];
          const double score = item.log_score + scores_[token] + label;
          if (score < least) continue;
          Item& next = grown_.emplace_back(item);
          next.token = static_cast<std::int32_t>(token);
          next.hash = extend(item.hash, next.token);
          next.log_score = score;
          next.label = label;
        }
      }
      keep_best(grown_);
      active_.clear();
      for (const Item& item : grown_) {
        Item& taken = active_.emplace_back(item);
        taken.node = histories_.add(item.node, item.token, frame_, item.log_score, item.label);
        if (options_.lm != nullptr) taken.text = options_.lm->next(item.text, item.token);
        taken.future = future(taken);
      }
    }
    keep_best(done_);
    alive_.swap(done_);
    ++frame_;
    if (histories_.size() > compact_at_) compact();
  }

  int frame() const { return frame_; }

  /// All that are alive, in no set order.
  void alive(std::vector<Alive>& out) const {
    out.clear();
    for (const Item& item : alive_) out.push_back({item.log_score, histories_.frame(item.node), item.hash});
  }

  /// The likeliest `most` of those alive, best first.
  std::vector<Hypothesis> best(int most = 1) const {
    std::vector<Item> sorted = alive_;
    std::stable_sort(
        sorted.begin(), sorted.end(), [](const Item& a, const Item& b) { return a.log_score > b.log_score; });
    if (static_cast<std::size_t>(most) < sorted.size()) sorted.resize(static_cast<std::size_t>(most));
    std::vector<Hypothesis> out;
    for (const Item& item : sorted) out.push_back({histories_.emissions(item.node), item.log_score});
    return out;
  }

  /// What may have been heard so far. Law: its best path is best()[0], labels, frames and score.
  LabelLattice lattice() const {
    std::vector<Item> items = alive_;
    return histories_.lattice(ends(items));
  }

 private:
  struct Item {
    std::int32_t node = 0, token = 0;  // the token is not yet a node
    std::uint64_t hash = 0;            // of the label sequence
    std::uint64_t future = 0;          // of what its future depends on
    std::uint64_t text = 0;            // where the language model stands
    double log_score = 0;
    double label = 0;  // what the language model gave the token
  };

  static std::uint64_t extend(std::uint64_t hash, std::int32_t token) {
    std::uint64_t z = (hash ^ static_cast<std::uint64_t>(token)) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  static double best_score(const std::vector<Item>& items) {
    double best = -std::numeric_limits<double>::infinity();
    for (const Item& item : items) best = std::max(best, item.log_score);
    return best;
  }
  void merge(const Item& item) {
    for (Item& other : done_) {
      if (options_.recombine ? other.future != item.future : other.hash != item.hash) continue;
      const Item &better = item.log_score > other.log_score ? item : other, &worse = &better == &item ? other : item;
      const bool same = better.hash == worse.hash;
      const double score = better.log_score + (same ? std::log1p(std::exp(worse.log_score - better.log_score)) : 0.0);
      const std::int32_t node =
          histories_.join(better.node, better.log_score, worse.node, worse.log_score, score, same);
      other.hash = better.hash;
      other.node = node;
      other.log_score = score;
      return;
    }
    done_.push_back(item);
  }
  void keep_best(std::vector<Item>& items) {
    const auto better = [](const Item& a, const Item& b) {
      return a.log_score != b.log_score ? a.log_score > b.log_score : a.hash < b.hash;
    };
    const auto size = std::min(items.size(), static_cast<std::size_t>(options_.beam));
    std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(size), items.end(), better);
    items.resize(size);
    while (!items.empty() && items.back().log_score < items.front().log_score - options_.threshold) items.pop_back();
  }

  // The last tokens before and at a node, the newest last, blanks before the start; yields their hash.
  std::uint64_t look_back(std::int32_t node, std::vector<std::int32_t>& window) const {
    std::uint64_t key = 1;
    for (auto token = window.rbegin(); token != window.rend(); ++token, node = histories_.parent(node))
      key = extend(key, *token = histories_.token(node));
    return key;
  }
  std::uint64_t future(const Item& item) {
    const std::uint64_t window = look_back(item.node, window_);
    return extend(window ^ (item.text * 0x9fb21c651e98df25u), 0);
  }

  // What the prediction network says after a node; computed once for each window.
  std::span<const float> prediction(std::int32_t node) {
    auto& g = remembered(predictions_, look_back(node, window_));
    if (g.empty()) {
      g.resize(static_cast<std::size_t>(scorer_.joint_dim()));
      scorer_.predict(window_, g);
    }
    return g;
  }

  // What the language model adds to each label; empty without one.
  std::span<const float> prior(std::uint64_t text) {
    if (options_.lm == nullptr) return {};
    auto& added = remembered(priors_, text);
    if (added.empty()) {
      added.resize(scores_.size());
      options_.lm->log_probs_after(text, added);
      for (float& v : added) v = options_.lm_weight * v + options_.label_bonus;
    }
    return added;
  }

  using Memory = std::unordered_map<std::uint64_t, std::vector<float>>;
  static std::vector<float>& remembered(Memory& memory, std::uint64_t key) {
    if (memory.size() > kMostRemembered) memory.clear();
    return memory[key];
  }

  static std::vector<Histories::End> ends(std::vector<Item>& items) {
    std::vector<Histories::End> out;
    for (Item& item : items) out.push_back({&item.node, item.log_score});
    return out;
  }
  void compact() {
    histories_.compact(ends(alive_), frame_);
    compact_at_ = std::max<std::size_t>(kCompactFrom, 2 * histories_.size());
  }

  static constexpr std::size_t kMostRemembered = 4096, kCompactFrom = 16384;
  const S& scorer_;
  SearchOptions options_;
  Histories histories_;
  std::vector<Item> alive_, active_, grown_, done_;
  std::vector<float> scores_;
  std::vector<std::int32_t> window_;
  Memory predictions_, priors_;
  std::size_t compact_at_ = kCompactFrom;
  std::int32_t frame_ = 0;
};

}  // namespace pipit
