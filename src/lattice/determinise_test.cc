#include "lattice/determinise.h"

#include <gtest/gtest.h>

#include <map>

#include "lattice/random_lattice.h"

namespace pipit {
namespace {

struct Best {
  double score, acoustic;
};

std::map<std::string, Best> best_of_texts(const Lattice& lattice, const ScoreWeights& weights, bool each_once) {
  std::map<std::string, Best> out;
  for (const auto& path : all_paths(lattice, weights)) {
    double acoustic = 0;
    for (const auto a : path.arcs) acoustic += lattice.arcs[static_cast<std::size_t>(a)].acoustic;
    const auto [place, fresh] = out.emplace(path_text(lattice, path.arcs), Best{path.score, acoustic});
    EXPECT_TRUE(fresh || !each_once) << "two paths say " << place->first;
    if (!fresh && path.score > place->second.score) place->second = {path.score, acoustic};
  }
  return out;
}

TEST(Determinise, SameTextsSameBestScoresEachOnce) {
  Random random(10);
  std::size_t arcs_before = 0, arcs_after = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const Lattice lattice = random_lattice(random);
    const ScoreWeights weights = {0.8, 1.2};
    const auto smaller = determinise(lattice, weights);
    ASSERT_TRUE(smaller) << smaller.error().message;
    ASSERT_TRUE(check(*smaller));
    const auto before = best_of_texts(lattice, weights, false), after = best_of_texts(*smaller, weights, true);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [text, best] : before) {
      ASSERT_TRUE(after.contains(text)) << text;
      // at most 7 arcs (an end without a word among them), each rounded twice by at most 2^-31: 6.6e-9
      EXPECT_NEAR(after.at(text).score, best.score, 1e-8);
      EXPECT_NEAR(after.at(text).acoustic, best.acoustic, 1e-8);
    }
    arcs_before += lattice.arcs.size();
    arcs_after += smaller->arcs.size();
    for (const auto& arc : smaller->arcs) {
      if (arc.word == kNoWord) continue;
      const auto same = [&](const LatticeArc& other) {
        return other.start_frame == arc.start_frame && other.end_frame == arc.end_frame && other.word != kNoWord &&
               lattice.words[static_cast<std::size_t>(other.word)] ==
                   smaller->words[static_cast<std::size_t>(arc.word)];
      };
      EXPECT_TRUE(std::any_of(lattice.arcs.begin(), lattice.arcs.end(), same)) << "times of no arc with this word";
    }
  }
  EXPECT_GT(arcs_before, 0u);
  RecordProperty("arcs_before", static_cast<int>(arcs_before));
  RecordProperty("arcs_after", static_cast<int>(arcs_after));
}

TEST(Determinise, Edges) {
  const Lattice empty = {{}, {0}, {}};
  const auto same = determinise(empty);
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->num_states(), 1);
  Random random(11);
  Lattice large = random_lattice(random);
  while (large.num_states() < 5) large = random_lattice(random);
  const auto refused = determinise(large, {}, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unsupported);
}

}  // namespace
}  // namespace pipit
