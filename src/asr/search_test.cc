#include "asr/search.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/random.h"

namespace pipit {
namespace {

// Log probabilities from a table: e names the frame, g the last two tokens.
class Table {
 public:
  static constexpr int kTokens = 4;
  Table(int frames, std::uint64_t seed) {
    Random random(seed);
    for (int row = 0; row < frames * kTokens * kTokens; ++row) {
      double sum = 0;
      std::array<double, kTokens> weight;
      for (double& w : weight) sum += w = std::exp(2 * random.normal());
      for (int k = 0; k < kTokens; ++k) table_.push_back(static_cast<float>(std::log(weight[k] / sum)));
    }
  }
  int tokens() const { return kTokens; }
  int context() const { return 2; }
  int joint_dim() const { return 1; }
  void predict(std::span<const std::int32_t> window, std::span<float> g) const {
    g[0] = static_cast<float>(window[0] * kTokens + window[1]);
  }
  void log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const {
    const auto row = static_cast<std::size_t>(e[0] * kTokens * kTokens + g[0]);
    std::copy_n(table_.begin() + static_cast<std::ptrdiff_t>(row * kTokens), kTokens, out.begin());
  }

 private:
  std::vector<float> table_;
};
static_assert(TransducerScorer<Table>);

// Probability of every label sequence, by walking through all alignments.
std::map<std::vector<std::int32_t>, double> enumerated(const Table& table, int frames, int labels_per_frame) {
  std::map<std::vector<std::int32_t>, double> out;
  const std::function<void(int, int, std::vector<std::int32_t>, double)> walk =
      [&](int t, int here, std::vector<std::int32_t> labels, double score) {
        if (t == frames) return void(out[labels] += std::exp(score));
        std::array<std::int32_t, 2> window{};
        for (std::size_t k = 0; k < std::min<std::size_t>(2, labels.size()); ++k)
          window[1 - k] = labels[labels.size() - 1 - k];
        float g = 0;
        std::array<float, Table::kTokens> scores;
        table.predict(window, {&g, 1});
        const auto e = static_cast<float>(t);
        table.log_probs({&e, 1}, {&g, 1}, scores);
        walk(t + 1, 0, labels, score + static_cast<double>(scores[0]));
        if (here == labels_per_frame) return;
        for (std::int32_t token = 1; token < Table::kTokens; ++token) {
          auto longer = labels;
          longer.push_back(token);
          walk(t, here + 1, longer, score + static_cast<double>(scores[static_cast<std::size_t>(token)]));
        }
      };
  walk(0, 0, {}, 0);
  return out;
}

std::vector<std::int32_t> tokens_of(const Hypothesis& hypothesis) {
  std::vector<std::int32_t> out;
  for (const Emission& emission : hypothesis.emissions) out.push_back(emission.token);
  return out;
}

std::vector<Hypothesis> decode(const Table& table, int frames, const SearchOptions& options, int most) {
  BeamSearch search(table, options);
  for (int t = 0; t < frames; ++t) {
    const auto e = static_cast<float>(t);
    search.step({&e, 1});
  }
  return search.best(most);
}

TEST(BeamSearch, WithoutPruningFindsEverySequenceAndItsProbability) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Table table(3, seed);
    const auto all = enumerated(table, 3, 2);
    const auto found =
        decode(table, 3, {.beam = 1'000'000, .labels_per_frame = 2, .threshold = 1e9F, .sure_blank = 0}, 1'000'000);
    ASSERT_EQ(found.size(), all.size());
    double before = 0;
    for (const Hypothesis& hypothesis : found) {
      EXPECT_LE(hypothesis.log_score, before);
      before = hypothesis.log_score;
      EXPECT_NEAR(hypothesis.log_score, std::log(all.at(tokens_of(hypothesis))), 1e-9);
      for (std::size_t k = 1; k < hypothesis.emissions.size(); ++k)
        EXPECT_LE(hypothesis.emissions[k - 1].frame, hypothesis.emissions[k].frame);
    }
  }
}

// What a beam has kept is part of all alignments: never more than the whole, and a wider one knows no less of the best.
TEST(BeamSearch, NeverBelievesInMoreThanThereIs) {
  double narrow = 0, wide = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Table table(4, seed);
    const auto all = enumerated(table, 4, 2);
    for (const int beam : {1, 2, 4, 8}) {
      const auto found = decode(table, 4, {.beam = beam, .labels_per_frame = 2}, beam);
      ASSERT_FALSE(found.empty());
      ASSERT_LE(static_cast<int>(found.size()), beam);
      for (const auto& hypothesis : found)
        EXPECT_LE(hypothesis.log_score, std::log(all.at(tokens_of(hypothesis))) + 1e-9);
      if (beam == 1) narrow += found[0].log_score;
      if (beam == 8) wide += found[0].log_score;
    }
  }
  EXPECT_GT(wide, narrow);
}

// Ten thousand labels and more: the tree is compacted on the way, and the times stay in order.
TEST(BeamSearch, LongSoundKeepsEveryLabel) {
  const Table table(1, 3);
  BeamSearch search(table, {.beam = 4, .labels_per_frame = 2, .sure_blank = 0});
  BeamSearch same(table, {.beam = 4, .labels_per_frame = 2, .sure_blank = 0});
  const float e = 0;
  for (int t = 0; t < 20'000; ++t) search.step({&e, 1});
  const auto found = search.best();
  EXPECT_EQ(search.frame(), 20'000);
  for (std::size_t k = 1; k < found[0].emissions.size(); ++k)
    ASSERT_LE(found[0].emissions[k - 1].frame, found[0].emissions[k].frame);
  for (int t = 0; t < 100; ++t) same.step({&e, 1});
  search.reset();
  for (int t = 0; t < 100; ++t) search.step({&e, 1});
  EXPECT_EQ(search.best()[0].log_score, same.best()[0].log_score);
  EXPECT_EQ(tokens_of(search.best()[0]), tokens_of(same.best()[0]));
}

}  // namespace
}  // namespace pipit
