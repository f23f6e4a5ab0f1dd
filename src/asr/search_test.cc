#include "asr/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "asr/test_table.h"
#include "base/random.h"

namespace pipit {
namespace {

using Table = TestTable<4, 2>;

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
        decode(table,
               3,
               {.beam = 1'000'000, .labels_per_frame = 2, .threshold = 1e9F, .sure_blank = 0, .recombine = false},
               1'000'000);
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

// A language model of pairs, from a table; where the text stands is the last label.
class Pairs : public LabelPrior {
 public:
  explicit Pairs(std::uint64_t seed) {
    Random random(seed);
    for (float& v : table_) v = static_cast<float>(-3 * random.uniform());
  }
  int tokens() const override { return Table::kTokens; }
  std::uint64_t start() const override { return 0; }
  std::uint64_t next(std::uint64_t, std::int32_t label) const override { return static_cast<std::uint64_t>(label); }
  void log_probs_after(std::uint64_t state, std::span<float> out) const override {
    std::copy_n(table_.begin() + static_cast<std::ptrdiff_t>(state) * Table::kTokens, Table::kTokens, out.begin());
  }
  float operator()(std::int32_t before, std::int32_t label) const {
    return table_[static_cast<std::size_t>(before * Table::kTokens + label)];
  }

 private:
  std::array<float, Table::kTokens * Table::kTokens> table_;
};

struct Path {
  std::vector<Emission> emissions;
  double score = 0, label = 0;
};

std::vector<Path> all_paths(const LabelLattice& lattice) {
  std::vector<Path> out;
  const std::function<void(std::int32_t, Path)> back = [&](std::int32_t state, Path path) {
    if (state == 0) {
      std::reverse(path.emissions.begin(), path.emissions.end());
      return out.push_back(std::move(path));
    }
    for (const auto& arc : lattice.arcs) {
      if (arc.to != state) continue;
      Path longer = path;
      longer.emissions.push_back({arc.token, arc.frame});
      longer.score += arc.acoustic + arc.label;
      longer.label += arc.label;
      back(arc.from, std::move(longer));
    }
  };
  for (const auto& end : lattice.finals) back(end.state, {{}, end.log_score, 0});
  return out;
}

std::vector<std::int32_t> tokens_of(const Path& path) { return tokens_of(Hypothesis{path.emissions, 0}); }

// With nothing pruned: every label sequence is on a path; the best path is the beam's best in labels, frames and score,
// the others are worse; no path claims more than there is; each path's label score is what the language model says.
TEST(BeamSearch, TheLatticeHoldsWhatTheBeamMerged) {
  constexpr int kFrames = 3;
  for (const bool with_lm : {false, true})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const Table table(kFrames, seed);
      const Pairs pairs(seed);
      const SearchOptions options{.beam = 1'000'000,
                                  .labels_per_frame = 2,
                                  .threshold = 1e9F,
                                  .sure_blank = 0,
                                  .lm = with_lm ? &pairs : nullptr,
                                  .lm_weight = 0.5F,
                                  .label_bonus = 0.25F,
                                  .lattice_beam = 1e9F,
                                  .most_ways = 1'000'000};
      BeamSearch search(table, options);
      for (int t = 0; t < kFrames; ++t) {
        const auto e = static_cast<float>(t);
        search.step({&e, 1});
      }
      const LabelLattice lattice = search.lattice();
      for (const auto& arc : lattice.arcs) {
        EXPECT_LT(arc.from, arc.to);
        EXPECT_LE(arc.loss, 0);
      }
      std::map<std::vector<std::int32_t>, double> found;
      const Hypothesis best = search.best()[0];
      int num_best = 0;
      for (const Path& path : all_paths(lattice)) {
        const auto labels = tokens_of(path);
        const auto [place, added] = found.try_emplace(labels, path.score);
        if (!added) place->second = std::max(place->second, path.score);
        double label = 0;
        for (std::size_t k = 0; k < labels.size(); ++k)
          if (with_lm) label += 0.5 * static_cast<double>(pairs(k == 0 ? 0 : labels[k - 1], labels[k])) + 0.25;
        EXPECT_NEAR(path.label, label, 1e-5);
        if (path.score > best.log_score - 1e-9) {
          ++num_best;
          EXPECT_NEAR(path.score, best.log_score, 1e-9);
          ASSERT_EQ(labels, tokens_of(best));
          for (std::size_t k = 0; k < labels.size(); ++k) EXPECT_EQ(path.emissions[k].frame, best.emissions[k].frame);
        }
      }
      EXPECT_EQ(num_best, 1);
      const auto all = enumerated(table, kFrames, 2);
      EXPECT_EQ(found.size(), all.size());
      if (!with_lm) {
        EXPECT_LE(best.log_score, std::log(all.at(tokens_of(best))) + 1e-9);
      }
    }
}

// Two hypotheses with one future never both stay: there are as many as there are pairs of last labels, at most.
TEST(BeamSearch, RecombinationLeavesOneHypothesisForEachFuture) {
  const Table table(1, 5);
  BeamSearch search(table, {.beam = 1'000, .labels_per_frame = 2, .threshold = 1e9F, .sure_blank = 0});
  const float e = 0;
  for (int t = 0; t < 6; ++t) search.step({&e, 1});
  std::map<std::vector<std::int32_t>, int> seen;
  for (const Hypothesis& hypothesis : search.best(1'000)) {
    std::vector<std::int32_t> last = tokens_of(hypothesis);
    if (last.size() > 2) last.erase(last.begin(), last.end() - 2);
    EXPECT_EQ(++seen[last], 1);
  }
  EXPECT_EQ(seen.size(), 1u + 3 + 9);
}

// A wider beam for the lattice only adds paths.
TEST(BeamSearch, AWiderLatticeHoldsTheNarrowerOne) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Table table(4, seed);
    std::set<std::vector<std::int32_t>> before;
    std::size_t narrowest = 0;
    for (const float beam : {0.0F, 1.0F, 2.0F, 4.0F, 100.0F}) {
      BeamSearch search(table,
                        {.beam = 20, .labels_per_frame = 2, .sure_blank = 0, .lattice_beam = beam, .most_ways = 1000});
      for (int t = 0; t < 4; ++t) {
        const auto e = static_cast<float>(t);
        search.step({&e, 1});
      }
      std::set<std::vector<std::int32_t>> here;
      for (const Path& path : all_paths(search.lattice())) here.insert(tokens_of(path));
      for (const auto& labels : before) EXPECT_TRUE(here.contains(labels));
      if (beam == 0) {
        narrowest = here.size();
        EXPECT_EQ(here.count(tokens_of(search.best()[0])), 1u);
      }
      before = std::move(here);
    }
    EXPECT_GT(before.size(), narrowest);
  }
}

// Hours of sound: alternatives are remembered for a while only, the best path for ever.
TEST(BeamSearch, TheLatticeOfLongSoundStaysBounded) {
  const Table table(1, 3);
  BeamSearch search(
      table,
      {.beam = 4, .labels_per_frame = 2, .sure_blank = 0, .lattice_beam = 4, .most_ways = 3, .lattice_frames = 200});
  const float e = 0;
  std::size_t most_early = 0, most_late = 0;
  for (int t = 0; t < 40'000; ++t) {
    search.step({&e, 1});
    if (t % 500 != 499) continue;
    std::size_t alternatives = 0;
    for (const auto& arc : search.lattice().arcs) alternatives += arc.loss < 0 ? 1 : 0;
    (t < 20'000 ? most_early : most_late) = std::max(t < 20'000 ? most_early : most_late, alternatives);
  }
  EXPECT_GT(most_early, 0u);
  EXPECT_LE(most_late, 3 * most_early);
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
