// asr/search.h — the most likely words, frame by frame: time-synchronous beam search for a transducer.
// Source: Graves (2012), sec. 2.5; papers.md B1.   Legend: e one frame of the encoder, g the prediction network's
// answer to the last tokens, label: any token but the blank.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "asr/scorer.h"
#include "base/contract.h"
#include "lm/label_prior.h"

namespace pipit {

struct SearchOptions {
  int beam = 16;              ///< hypotheses kept after each frame, >= 1; 1 follows the best one alone
  int labels_per_frame = 3;   ///< at most, >= 1
  float threshold = 8;        ///< hypotheses that much less likely than the best are dropped, natural log
  float sure_blank = 0.001F;  ///< a frame whose blank leaves no more than this for all labels is taken as silence
  /// Added to a label's score: lm_weight * log P(label | labels before) + label_bonus. Null: no language model.
  const LabelPrior* lm = nullptr;
  float lm_weight = 0.35F;
  float label_bonus = 1.4F;  ///< makes up for what a language model takes off every label
};

/// A token and the frame that it was emitted in.
struct Emission {
  std::int32_t token = 0, frame = 0;
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

/// Hypotheses of one stream. Label sequences that meet are merged: their probabilities add up, and of their times those
/// of the likelier one stay.
///
/// Memory    grows with the labels of the hypotheses alive, 12 bytes for each node of their tree; forgotten nodes are
///           used again.   Cost per frame: at most beam * labels_per_frame calls of log_probs, most often beam.
template <TransducerScorer S>
class BeamSearch {
 public:
  BeamSearch(const S& scorer, const SearchOptions& options) : scorer_(scorer), options_(options) {
    expects(options.beam >= 1 && options.labels_per_frame >= 1, "BeamSearch: beam and labels_per_frame are at least 1");
    scores_.resize(static_cast<std::size_t>(scorer.tokens()));
    window_.resize(static_cast<std::size_t>(scorer.context()));
    expects(options.lm == nullptr || options.lm->tokens() == static_cast<int>(scorer.tokens()),
            "BeamSearch: the language model has other tokens");
    reset();
  }

  void reset() {
    nodes_.clear();
    predictions_.clear();
    priors_.clear();
    alive_.assign(1, Item{});
    if (options_.lm != nullptr) alive_[0].text = options_.lm->start();
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
        merge(done_, waits);
        if (k == options_.labels_per_frame || scores_[0] > -options_.sure_blank) continue;
        const std::span<const float> prior = this->prior(item.text);
        const double least = best_score(done_) - options_.threshold;
        for (std::size_t token = 1; token < scores_.size(); ++token) {
          const double score = item.log_score + scores_[token] + (prior.empty() ? 0 : prior[token]);
          if (score < least) continue;
          grown_.push_back({item.node,
                            static_cast<std::int32_t>(token),
                            extend(item.hash, static_cast<std::int32_t>(token)),
                            item.text,
                            score});
        }
      }
      keep_best(grown_);
      active_.clear();
      for (const Item& item : grown_) {
        Item taken = item;
        taken.node = add_node(item.node, item.token);
        if (options_.lm != nullptr) taken.text = options_.lm->next(item.text, item.token);
        active_.push_back(taken);
      }
    }
    keep_best(done_);
    alive_.swap(done_);
    ++frame_;
    if (nodes_.size() > compact_at_) compact();
  }

  int frame() const { return frame_; }

  /// All that are alive, in no set order.
  void alive(std::vector<Alive>& out) const {
    out.clear();
    for (const Item& item : alive_)
      out.push_back(
          {item.log_score, item.node < 0 ? -1 : nodes_[static_cast<std::size_t>(item.node)].frame, item.hash});
  }

  /// The likeliest `most`, best first.
  std::vector<Hypothesis> best(int most = 1) const {
    std::vector<Item> sorted = alive_;
    std::stable_sort(
        sorted.begin(), sorted.end(), [](const Item& a, const Item& b) { return a.log_score > b.log_score; });
    std::vector<Hypothesis> out;
    for (const Item& item : sorted) {
      if (static_cast<int>(out.size()) == most) break;
      Hypothesis& hypothesis = out.emplace_back();
      hypothesis.log_score = item.log_score;
      for (std::int32_t node = item.node; node >= 0; node = nodes_[static_cast<std::size_t>(node)].parent)
        hypothesis.emissions.push_back(
            {nodes_[static_cast<std::size_t>(node)].token, nodes_[static_cast<std::size_t>(node)].frame});
      std::reverse(hypothesis.emissions.begin(), hypothesis.emissions.end());
    }
    return out;
  }

 private:
  struct Node {
    std::int32_t parent, token, frame;
  };
  struct Item {
    std::int32_t node = -1, token = 0;  // the token is not yet a node
    std::uint64_t hash = 0;             // of the label sequence
    std::uint64_t text = 0;             // where the language model stands
    double log_score = 0;
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
  static void merge(std::vector<Item>& items, const Item& item) {
    for (Item& other : items) {
      if (other.hash != item.hash) continue;
      const double high = std::max(other.log_score, item.log_score), low = std::min(other.log_score, item.log_score);
      if (item.log_score > other.log_score) other.node = item.node;
      other.log_score = high + std::log1p(std::exp(low - high));
      return;
    }
    items.push_back(item);
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
  std::int32_t add_node(std::int32_t parent, std::int32_t token) {
    nodes_.push_back({parent, token, frame_});
    return static_cast<std::int32_t>(nodes_.size()) - 1;
  }

  // The last tokens before and at a node, the newest last, blanks before the start; yields their hash.
  std::uint64_t look_back(std::int32_t node, std::vector<std::int32_t>& window) const {
    std::uint64_t key = 1;
    for (auto token = window.rbegin(); token != window.rend(); ++token) {
      *token = node >= 0 ? nodes_[static_cast<std::size_t>(node)].token : 0;
      key = extend(key, *token);
      if (node >= 0) node = nodes_[static_cast<std::size_t>(node)].parent;
    }
    return key;
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

  // Forgets the nodes that no hypothesis needs.
  void compact() {
    std::vector<std::int32_t> place(nodes_.size(), -1);
    for (const Item& item : alive_)
      for (std::int32_t node = item.node; node >= 0 && place[static_cast<std::size_t>(node)] < 0;
           node = nodes_[static_cast<std::size_t>(node)].parent)
        place[static_cast<std::size_t>(node)] = 0;
    std::int32_t next = 0;
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      if (place[k] < 0) continue;
      Node node = nodes_[k];
      if (node.parent >= 0) node.parent = place[static_cast<std::size_t>(node.parent)];
      place[k] = next;
      nodes_[static_cast<std::size_t>(next++)] = node;
    }
    nodes_.resize(static_cast<std::size_t>(next));
    for (Item& item : alive_)
      if (item.node >= 0) item.node = place[static_cast<std::size_t>(item.node)];
    compact_at_ = std::max<std::size_t>(kCompactFrom, 2 * nodes_.size());
  }

  static constexpr std::size_t kMostRemembered = 4096, kCompactFrom = 4096;
  const S& scorer_;
  SearchOptions options_;
  std::vector<Node> nodes_;
  std::vector<Item> alive_, active_, grown_, done_;
  std::vector<float> scores_;
  std::vector<std::int32_t> window_;
  Memory predictions_, priors_;
  std::size_t compact_at_ = kCompactFrom;
  std::int32_t frame_ = 0;
};

}  // namespace pipit
