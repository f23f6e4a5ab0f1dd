// Laws of the machine of turns on made-up speakers: random words, pauses, late labels, labels that change in silence.
#include "endpoint/turn_machine.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace pipit {
namespace {

std::vector<TurnTick> speaker(Random& random, int spells) {
  std::vector<TurnTick> out;
  TurnTick tick;
  std::uint64_t next_labels = 0;
  int silent = 0, stable = 0;
  for (int spell = 0; spell < spells; ++spell) {
    const bool talks = spell % 2 == 1;
    const auto ticks = 1 + static_cast<int>(random.below(talks ? 60 : 150));
    for (int k = 0; k < ticks; ++k) {
      tick.voice = talks;
      silent = talks ? 0 : silent + 1;
      ++stable;
      if (random.below(talks ? 15 : 80) == 0) {
        tick.labels = ++next_labels;
        tick.any_label = true;
        stable = 0;
      }
      tick.evidence[kSilence] = 0.01F * static_cast<float>(silent);
      tick.evidence[kStable] = 0.01F * static_cast<float>(stable);
      tick.evidence[kSentenceEnd] = static_cast<float>(tick.labels % 5) - 2;
      out.push_back(tick);
    }
  }
  return out;
}

EndWeights mixed() {
  EndWeights out;
  out.per_unit[kStable] = 0.4, out.per_unit[kSentenceEnd] = 0.1;
  return out;
}

std::vector<TurnSignals> run(const std::vector<TurnTick>& ticks, const EndOptions& options, const EndWeights& weights) {
  TurnMachine machine(weights, options);
  std::vector<TurnSignals> out;
  for (const TurnTick& tick : ticks) out.push_back(machine.step(tick));
  out.push_back(machine.finish(ticks.back()));
  return out;
}

TEST(TurnMachine, WhatIsFinalIsWhatASingleEndPointerSays) {
  Random random(1);
  int finals = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const auto ticks = speaker(random, 12);
    EndOptions both, single;
    both.patience_s = single.patience_s = random.uniform(0.2, 1.2);
    both.lead_s = random.uniform(0, 0.5), single.lead_s = 0;
    const auto a = run(ticks, both, mixed()), b = run(ticks, single, mixed());
    for (std::size_t t = 0; t < a.size(); ++t) {
      ASSERT_EQ(a[t].final, b[t].final) << "tick " << t;
      EXPECT_FALSE(b[t].speculative || b[t].revised) << "nobody guesses";
      finals += a[t].final ? 1 : 0;
    }
  }
  EXPECT_GT(finals, 600);
}

TEST(TurnMachine, GuessesStandOrAreTakenBackBeforeTheFinal) {
  Random random(2);
  int confirmed = 0, withdrawn = 0;
  for (int trial = 0; trial < 300; ++trial) {
    auto ticks = speaker(random, 12);
    EndOptions options;
    options.patience_s = random.uniform(0.2, 1.2);
    const auto signals = run(ticks, options, mixed());
    ticks.push_back(ticks.back());  // that of finish()
    int standing = -1, next = 0;
    std::uint64_t labels = 0;
    for (std::size_t t = 0; t < signals.size(); ++t) {
      const TurnSignals& s = signals[t];
      const bool doubt = t + 1 < signals.size() && ticks[t].voice;
      const bool must_go = standing >= 0 && (doubt || ticks[t].labels != labels);
      ASSERT_EQ(s.revised, must_go) << "at once, and never without a reason";
      if (s.revised) {
        EXPECT_EQ(s.withdrawn, standing);
        standing = -1;
        ++withdrawn;
      }
      if (s.speculative) {
        ASSERT_EQ(standing, -1) << "one that stands is not said again";
        EXPECT_FALSE(s.final) << "no guess where it is certain";
        EXPECT_EQ(s.speculation, next);
        standing = next++;
        labels = ticks[t].labels;
      }
      EXPECT_EQ(s.speculation, standing);
      if (!s.final) continue;
      if (standing >= 0) ++confirmed;
      standing = -1, next = 0;
    }
  }
  EXPECT_GT(confirmed, 100);
  EXPECT_GT(withdrawn, 100);
}

TEST(TurnMachine, TheGuessLeadsByItsLead) {
  TurnMachine machine({}, {.patience_s = 0.7, .lead_s = 0.2});
  TurnTick tick{.labels = 1, .any_label = true};
  int guessed = -1, final = -1;
  for (int t = 1; t < 200 && final < 0; ++t) {
    tick.evidence[kSilence] = 0.01F * static_cast<float>(t);
    const TurnSignals s = machine.step(tick);
    if (s.speculative) guessed = t;
    if (s.final) final = t;
  }
  EXPECT_NEAR(final, 70, 1);
  EXPECT_NEAR(final - guessed, 20, 1);
}

TEST(TurnMachine, NothingEndsBeforeSomethingWasHeard) {
  TurnMachine machine({}, {});
  TurnTick tick;
  for (int t = 0; t < 1000; ++t) {
    tick.evidence[kSilence] = 0.01F * static_cast<float>(t);
    const TurnSignals s = machine.step(tick);
    ASSERT_FALSE(s.final || s.speculative || s.revised);
  }
  EXPECT_FALSE(machine.finish(tick).final);
  tick.any_label = true;
  EXPECT_TRUE(machine.finish(tick).final);
}

TEST(TurnMachine, ASpeakerWhoGoesOnInTimeIsNotCut) {
  TurnMachine machine({}, {.patience_s = 0.7, .lead_s = 0.2});
  TurnTick tick{.labels = 1, .any_label = true};
  std::vector<TurnSignals> said;
  const auto be = [&](double silence_s, bool voice) {
    tick.evidence[kSilence] = static_cast<float>(silence_s);
    tick.voice = voice;
    said.push_back(machine.step(tick));
    return said.back();
  };
  EXPECT_TRUE(be(0.55, false).speculative);
  EXPECT_FALSE(be(0.6, false).speculative);
  const TurnSignals back = be(0, true);
  EXPECT_TRUE(back.revised);
  EXPECT_EQ(back.withdrawn, 0);
  tick.labels = 2;
  EXPECT_EQ(be(0.55, false).speculation, 1) << "the next guess has the next number";
  const TurnSignals over = be(0.71, false);
  EXPECT_TRUE(over.final);
  EXPECT_EQ(over.speculation, 1);
  for (const TurnSignals& s : said) EXPECT_EQ(s.final, &s == &said.back());
}

}  // namespace
}  // namespace pipit
