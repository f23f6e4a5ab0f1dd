#include "lattice/lattice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "lattice/posteriors.h"
#include "lattice/random_lattice.h"

namespace pipit {
namespace {

// Scores are sums of at most 6 numbers below 9: fp64 rounds them by less than 6 * 54 * 1.1e-16 = 4e-14, and exp of a
// difference of a few of them by a few times that.
constexpr double kRounding = 1e-12;
constexpr int kTrials = 300;
constexpr ScoreWeights kWeights = {0.7, 1.3};

TEST(Lattice, RandomOnesAreSound) {
  Random random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto fine = check(random_lattice(random));
    ASSERT_TRUE(fine) << fine.error().message;
  }
}

TEST(Lattice, CheckNamesWhatIsWrong) {
  const Lattice good = {{"A"}, {0, 3, 5}, {{0, 1, 0, -1, -1, 0, 3}, {1, 2, 0, -1, -1, 3, 5}}};
  ASSERT_TRUE(check(good));
  const auto refused = [&](auto&& damage) {
    Lattice bad = good;
    damage(bad);
    const auto status = check(bad);
    return status ? std::string("accepted") : status.error().message;
  };
  EXPECT_EQ(refused([](Lattice& l) { l = {}; }), "lattice: no states, want at least one");
  EXPECT_EQ(refused([](Lattice& l) { l.arcs[1].to = 1; }),
            "lattice: arc 1: from 1 to 1, want forwards, in order, within 3 states");
  EXPECT_EQ(refused([](Lattice& l) { l.arcs[1].word = 1; }), "lattice: arc 1: word 1, want -1 or less than 1");
  EXPECT_EQ(refused([](Lattice& l) { l.arcs[0].label = std::nan(""); }), "lattice: arc 0: a score is not finite");
  EXPECT_EQ(refused([](Lattice& l) { l.arcs[0].end_frame = -1; }), "lattice: arc 0: frames 0 to -1");
  EXPECT_EQ(refused([](Lattice& l) { l.arcs.pop_back(); }), "lattice: state 0 lies on no path from start to end");
  EXPECT_EQ(refused([](Lattice& l) { l.words[0] = "A B"; }), "lattice: word 0 is empty or has a space");
  EXPECT_EQ(refused([](Lattice& l) { l.frames[1] = -3; }), "lattice: state 1: frame -3, want 0 or more");
}

TEST(Posteriors, AreThoseOfAllPaths) {
  Random random(2);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Lattice lattice = random_lattice(random);
    const auto all = posteriors(lattice, kWeights);
    std::vector<double> arc(lattice.arcs.size());
    double sum = 0;
    for (const auto& path : all_paths(lattice, kWeights)) {
      double product = 1;
      for (const auto a : path.arcs) product *= all.follow[static_cast<std::size_t>(a)];
      const double posterior = std::exp(path.score - all.log_total);
      EXPECT_NEAR(product, posterior, kRounding);
      sum += posterior;
      for (const auto a : path.arcs) arc[static_cast<std::size_t>(a)] += posterior;
    }
    EXPECT_NEAR(sum, 1, kRounding);
    for (std::size_t a = 0; a < arc.size(); ++a) EXPECT_NEAR(all.arc[a], arc[a], kRounding);
  }
}

TEST(Paths, BestAndNBestAreThoseOfTheEnumeration) {
  Random random(3);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Lattice lattice = random_lattice(random);
    auto all = all_paths(lattice, kWeights);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    EXPECT_EQ(best_path(lattice, kWeights).arcs, all.front().arcs);
    const int n = static_cast<int>(random.below(all.size() + 3));
    const auto best = n_best(lattice, n, kWeights);
    ASSERT_EQ(best.size(), std::min(all.size(), static_cast<std::size_t>(n)));
    for (std::size_t k = 0; k < best.size(); ++k) {
      EXPECT_EQ(best[k].arcs, all[k].arcs);
      EXPECT_NEAR(best[k].score, all[k].score, kRounding);
    }
  }
}

TEST(Paths, OracleIsTheClosestOfAllPaths) {
  Random random(4);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Lattice lattice = random_lattice(random);
    constexpr std::string_view kSaid[] = {"A", "B", "C", "E"};
    std::vector<std::string_view> reference(random.below(6));
    for (auto& word : reference) word = kSaid[random.below(4)];
    const auto errors = [&](const LatticePath& path) {
      const std::string text = path_text(lattice, path.arcs);
      return align(reference, split_words(text)).counts.errors();
    };
    int fewest = std::numeric_limits<int>::max();
    for (const auto& path : all_paths(lattice)) fewest = std::min(fewest, errors(path));
    const auto found = oracle(lattice, reference);
    EXPECT_EQ(found.counts.errors(), fewest);
    EXPECT_EQ(errors(found.path), fewest);
  }
}

TEST(Prune, KeepsExactlyWhatTheRuleSays) {
  Random random(5);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Lattice lattice = random_lattice(random);
    const auto texts = [](const Lattice& l) {
      std::multiset<std::pair<double, std::string>> out;
      for (const auto& path : all_paths(l)) out.emplace(path.score, path_text(l, path.arcs));
      return out;
    };
    const auto before = texts(lattice);
    const double beam = random.uniform(0, 10);
    const Lattice narrow = prune_by_beam(lattice, beam), likely = prune_by_posterior(lattice, random.uniform());
    for (const auto* const pruned : {&narrow, &likely}) {
      ASSERT_TRUE(check(*pruned));
      const auto after = texts(*pruned);
      EXPECT_EQ(*after.rbegin(), *before.rbegin()) << "the best path stays";
      EXPECT_TRUE(std::includes(before.begin(), before.end(), after.begin(), after.end()));
    }
    const auto kept = texts(narrow);
    for (const auto& path : before) {
      if (path.first > before.rbegin()->first - beam + kRounding) {
        EXPECT_GE(kept.count(path), 1u);
      }
    }
    EXPECT_EQ(texts(prune_by_posterior(lattice, 0)), before);
    EXPECT_EQ(all_paths(prune_by_posterior(lattice, 1)).size(), 1u);
  }
}

TEST(Lattice, OneStateHoldsTheEmptyText) {
  const Lattice empty = {{}, {0}, {}};
  ASSERT_TRUE(check(empty));
  EXPECT_EQ(posteriors(empty).log_total, 0);
  EXPECT_TRUE(best_path(empty).arcs.empty());
  EXPECT_EQ(n_best(empty, 5).size(), 1u);
  const std::string_view said[] = {"A"};
  EXPECT_EQ(oracle(empty, said).counts, (EditCounts{0, 0, 0, 1}));
}

}  // namespace
}  // namespace pipit
