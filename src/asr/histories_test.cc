#include "asr/histories.h"

#include <gtest/gtest.h>

#include <cmath>

#include "asr/word_lattice.h"
#include "lattice/paths.h"

namespace pipit {
namespace {

// Two hypotheses that end in label 3 meet: 1 3 with -2.5 and 2 3 with -4.5.
struct Met {
  explicit Met(const Histories::Limits& limits) : histories(limits) {
    const std::int32_t a = histories.add(0, 1, 0, -1, -0.5), b = histories.add(0, 2, 1, -3, -0.25);
    const std::int32_t c = histories.add(a, 3, 2, -2, -0.125), d = histories.add(b, 3, 3, -4, -1);
    node = histories.join(c, -2.5, d, -4.5, -2.5, false);
  }
  LabelLattice lattice(double log_score) {
    const Histories::End end{&node, log_score};
    return histories.lattice({&end, 1});
  }
  Histories histories;
  std::int32_t node = 0;
};

constexpr Histories::Limits kWide{.beam = 100, .most_ways = 100, .max_frames = 1000};

// By hand: at the end with -3 the better path has -3, the other the two less that it had when they met.
TEST(Histories, APathScoresAsItsHypothesisDid) {
  Met met(kWide);
  const LabelLattice lattice = met.lattice(-3);
  ASSERT_EQ(lattice.arcs.size(), 4u);
  ASSERT_EQ(lattice.finals.size(), 1u);
  double score[2] = {lattice.finals[0].log_score, lattice.finals[0].log_score}, label[2] = {};
  for (const auto& into_end : lattice.arcs) {
    if (into_end.token != 3) continue;
    for (const auto& first : lattice.arcs) {
      if (first.to != into_end.from) continue;
      const auto path = static_cast<std::size_t>(first.token - 1);
      score[path] += first.acoustic + first.label + into_end.acoustic + into_end.label;
      label[path] += first.label + into_end.label;
      EXPECT_EQ(into_end.frame, first.token + 1);
    }
  }
  EXPECT_NEAR(score[0], -3, 1e-12);
  EXPECT_NEAR(score[1], -5, 1e-12);
  EXPECT_NEAR(label[0], -0.625, 1e-12);
  EXPECT_NEAR(label[1], -1.25, 1e-12);
  const auto best = met.histories.emissions(met.node);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0].token, 1);
  EXPECT_EQ(best[1].frame, 2);
}

// Equal labels are one way, however many alignments they have; the times are those of the likelier.
TEST(Histories, EqualLabelsAreOneWay) {
  Histories histories(kWide);
  const std::int32_t a = histories.add(0, 1, 0, -1, 0), again = histories.add(0, 1, 5, -2, 0);
  std::int32_t node = histories.join(a, -1, again, -2, std::log(std::exp(-1) + std::exp(-2)), true);
  const Histories::End end{&node, -1};
  const LabelLattice lattice = histories.lattice({&end, 1});
  ASSERT_EQ(lattice.arcs.size(), 1u);
  EXPECT_EQ(lattice.arcs[0].frame, 0);
  EXPECT_NEAR(lattice.arcs[0].acoustic + lattice.finals[0].log_score, -1, 1e-12);
}

TEST(Histories, TidyingKeepsThePathsAndForgetsWhatIsOld) {
  Met met(kWide), old(kWide);
  const auto tidy = [](Met& it, std::int32_t frame) {
    const Histories::End end{&it.node, -3};
    it.histories.compact({&end, 1}, frame);
  };
  const LabelLattice before = met.lattice(-3);
  met.histories.add(met.node, 1, 4, -9, 0);  // nobody needs it
  tidy(met, 500);
  EXPECT_EQ(met.histories.size(), 4u);
  const LabelLattice after = met.lattice(-3);
  ASSERT_EQ(after.arcs.size(), before.arcs.size());
  for (std::size_t k = 0; k < after.arcs.size(); ++k) {
    EXPECT_EQ(after.arcs[k].token, before.arcs[k].token);
    EXPECT_EQ(after.arcs[k].acoustic, before.arcs[k].acoustic);
  }
  tidy(old, 5000);
  EXPECT_EQ(old.lattice(-3).arcs.size(), 2u);
  EXPECT_EQ(old.histories.emissions(old.node)[0].token, 1);
  tidy(old, 5000);
  EXPECT_EQ(old.histories.size(), 3u);
}

TEST(Histories, NoMoreWaysThanTheLimitsAllow) {
  Met narrow({.beam = 1, .most_ways = 100, .max_frames = 1000}), one({.beam = 100, .most_ways = 1, .max_frames = 1000});
  EXPECT_EQ(narrow.lattice(-3).arcs.size(), 2u);
  EXPECT_EQ(one.lattice(-3).arcs.size(), 2u);
}

// One word in two spellings that both end the sound: one arc, with the better score. A mark alone is no word.
TEST(WordLattice, KeepsTheBetterOfTwoSpellings) {
  const char* const pieces[] = {"",
                                "\xe2\x96\x81"
                                "AB",
                                "C",
                                "\xe2\x96\x81"
                                "ABC",
                                "\xe2\x96\x81"};
  LabelLattice labels;
  labels.frames = {0, 1, 4, 3, 6};
  labels.arcs = {{0, 1, 1, 1, -1, -0.5, 0}, {1, 2, 2, 4, -1, -0.5, 0}, {0, 3, 3, 3, -6, -1, 0}, {2, 4, 4, 6, -2, 0, 0}};
  labels.finals = {{2, -0.25}, {3, -0.25}, {4, -7}};
  const Lattice lattice = word_lattice(labels, [&](std::int32_t token) { return std::string_view(pieces[token]); });
  ASSERT_TRUE(check(lattice));
  EXPECT_EQ(lattice.words, std::vector<std::string>{"ABC"});
  const LatticePath best = best_path(lattice);
  ASSERT_EQ(best.arcs.size(), 1u);
  const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(best.arcs[0])];
  EXPECT_NEAR(best.score, -3.25, 1e-12);
  EXPECT_NEAR(arc.label, -1, 1e-12);
  EXPECT_EQ(arc.start_frame, 1);
  EXPECT_EQ(arc.end_frame, 5);
  ASSERT_EQ(lattice.arcs.size(), 3u);  // the word to the end; the word, then the mark that says nothing
}

TEST(WordLattice, NothingHeardIsOneArcWithoutAWord) {
  LabelLattice labels;
  labels.frames = {0};
  labels.finals = {{0, -0.5}};
  const Lattice lattice = word_lattice(labels, [](std::int32_t) { return std::string_view(); });
  ASSERT_TRUE(check(lattice));
  EXPECT_EQ(best_path(lattice).score, -0.5);
  EXPECT_EQ(path_text(lattice, best_path(lattice).arcs), "");
}

}  // namespace
}  // namespace pipit
