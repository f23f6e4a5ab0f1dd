#include "lattice/confusion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "lattice/posteriors.h"
#include "lattice/random_lattice.h"

namespace pipit {
namespace {

constexpr double kRounding = 1e-12;  // as in lattice_test.cc

TEST(Confusion, SlotsSumToOneAndRiseAlongEveryPath) {
  Random random(6);
  for (int trial = 0; trial < 400; ++trial) {
    const Lattice lattice = random_lattice(random);
    const auto network = confusion_network(lattice);
    const double log_total = posteriors(lattice).log_total;
    std::vector<double> used(network.slots.size());
    for (const auto& path : all_paths(lattice)) {
      std::int32_t previous = -1;
      for (const auto a : path.arcs) {
        const auto slot = network.arc_slot[static_cast<std::size_t>(a)];
        ASSERT_EQ(slot < 0, lattice.arcs[static_cast<std::size_t>(a)].word == kNoWord);
        if (slot < 0) continue;
        EXPECT_GT(slot, previous);
        previous = slot;
        used[static_cast<std::size_t>(slot)] += std::exp(path.score - log_total);
      }
    }
    for (std::size_t s = 0; s < network.slots.size(); ++s) {
      const auto& slot = network.slots[s];
      double sum = slot.none;
      for (const auto& entry : slot.entries) sum += entry.posterior;
      EXPECT_NEAR(sum, 1, kRounding);
      EXPECT_NEAR(1 - slot.none, used[s], kRounding);
      for (std::size_t e = 1; e < slot.entries.size(); ++e)
        EXPECT_GE(slot.entries[e - 1].posterior, slot.entries[e].posterior);
      EXPECT_LE(slot.start_frame, slot.end_frame);
    }
  }
}

// A state that all paths go through cuts the network in two, each as it would be alone.
TEST(Confusion, LatticesInARowGiveSlotsInARow) {
  Random random(16);
  for (int trial = 0; trial < 100; ++trial) {
    const Lattice a = random_lattice(random), b = random_lattice(random);
    Lattice both = a;
    both.frames.insert(both.frames.end(), b.frames.begin() + 1, b.frames.end());
    for (LatticeArc arc : b.arcs) {
      arc.from += a.num_states() - 1, arc.to += a.num_states() - 1;
      both.arcs.push_back(arc);
    }
    const auto got = confusion_network(both), first = confusion_network(a), second = confusion_network(b);
    ASSERT_EQ(got.slots.size(), first.slots.size() + second.slots.size());
    for (std::size_t s = 0; s < got.slots.size(); ++s) {
      const ConfusionSlot& want = s < first.slots.size() ? first.slots[s] : second.slots[s - first.slots.size()];
      ASSERT_EQ(got.slots[s].entries.size(), want.entries.size());
      EXPECT_NEAR(got.slots[s].none, want.none, kRounding);
      EXPECT_NEAR(got.slots[s].start_frame, want.start_frame, kRounding);
    }
  }
}

TEST(Confusion, CompetingWordsShareASlot) {
  // THE (0-3), then CAT or BAT (3-8), the first of them also one frame later, then SAT.
  const Lattice lattice = {{"THE", "CAT", "BAT", "SAT"},
                           {0, 3, 4, 8, 12},
                           {{0, 1, 0, -1, 0, 0, 3},
                            {0, 2, 0, -2, 0, 0, 4},
                            {1, 3, 1, -1, 0, 3, 8},
                            {1, 3, 2, -2, 0, 3, 8},
                            {2, 3, 1, -1, 0, 4, 8},
                            {3, 4, 3, 0, 0, 8, 12}}};
  ASSERT_TRUE(check(lattice));
  const auto network = confusion_network(lattice);
  ASSERT_EQ(network.slots.size(), 3u);
  EXPECT_EQ(network.slots[1].entries.size(), 2u);
  const double cat = std::exp(-2) + std::exp(-3), bat = std::exp(-3);
  EXPECT_NEAR(network.slots[1].entries[0].posterior, cat / (cat + bat), kRounding);
  const auto sure = word_confidence(lattice, network, best_path(lattice));
  ASSERT_EQ(sure.size(), 3u);
  EXPECT_NEAR(sure[0], 1, kRounding);
  EXPECT_NEAR(sure[1], cat / (cat + bat), kRounding);
  EXPECT_NEAR(sure[2], 1, kRounding);
}

TEST(Calibration, FitIsCalibratedWhereTheScoreIsNot) {
  // Right with probability p^2 at posterior p. 20,000 words: a bin of 2,000 has a standard error of at most 0.011.
  Random random(7);
  constexpr std::size_t kWords = 20000;
  std::vector<double> posterior(kWords);
  const auto right = std::make_unique<bool[]>(kWords);
  for (std::size_t i = 0; i < kWords; ++i) {
    posterior[i] = random.uniform();
    right[i] = random.uniform() < posterior[i] * posterior[i];
  }
  const auto map = Calibration::fit(posterior, {right.get(), kWords});
  double last = 0;
  for (double p = 0; p <= 1; p += 1.0 / 64) {
    EXPECT_GE(map(p), last);
    last = map(p);
    EXPECT_NEAR(map(p), p * p, 0.08) << p;  // an isotonic block of ~500 words: 3 standard errors are 0.067
  }
}

TEST(Calibration, Tables) {
  const auto map = Calibration::from_table({{0.2, 0.1}, {0.6, 0.5}, {1, 0.9}});
  ASSERT_TRUE(map);
  EXPECT_DOUBLE_EQ((*map)(0), 0.1);
  EXPECT_DOUBLE_EQ((*map)(0.4), 0.3);
  EXPECT_DOUBLE_EQ((*map)(1), 0.9);
  EXPECT_EQ(Calibration()(0.37), 0.37);
  EXPECT_FALSE(Calibration::from_table({{0.2, 0.5}, {0.6, 0.4}}));
  EXPECT_FALSE(Calibration::from_table({{0.2, 0.5}, {0.2, 0.6}}));
  EXPECT_FALSE(Calibration::from_table({{0.2, std::nan("")}}));
  const double same[] = {0.5, 0.5, 0.5, 0.5};
  const bool right[] = {true, false, true, true};
  EXPECT_DOUBLE_EQ(Calibration::fit(same, right)(0.5), 0.75);
}

}  // namespace
}  // namespace pipit
