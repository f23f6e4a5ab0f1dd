// The trained model of models/ hears a made-up voice: what must hold whatever it makes of it.
#include "asr/recogniser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "asr/test_voice.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"

namespace pipit {
namespace {

std::vector<float> silence(std::size_t n) { return std::vector<float>(n); }

Transcript heard(Recogniser& recogniser, std::span<const float> samples) {
  recogniser.push(samples);
  recogniser.finish();
  return recogniser.best();
}

void expect_same(const Transcript& a, const Transcript& b) {
  ASSERT_EQ(a.text(), b.text());
  EXPECT_EQ(a.log_score, b.log_score);
  for (std::size_t k = 0; k < a.words.size(); ++k) {
    EXPECT_EQ(a.words[k].start_s, b.words[k].start_s);
    EXPECT_EQ(a.words[k].end_s, b.words[k].end_s);
    EXPECT_EQ(a.words[k].confidence, b.words[k].confidence);
  }
}

TEST(Recogniser, AnyPiecesGiveTheSameWords) {
  const std::vector<float> sound = voice(1, 6);
  Recogniser recogniser(model(), {});
  const Transcript whole = heard(recogniser, sound);
  const Lattice whole_lattice = recogniser.lattice();
  ASSERT_GE(whole.words.size(), 2u) << "the voice must say something, or this test says nothing";
  Random random(7);
  for (int trial = 0; trial < 20; ++trial) {
    recogniser.reset();
    const std::size_t most = trial % 2 == 0 ? 500 : 30000;
    for (std::size_t at = 0; at < sound.size();) {
      const std::size_t n = std::min(random.below(most), sound.size() - at);  // some are empty
      recogniser.push(std::span(sound).subspan(at, n));
      at += n;
    }
    recogniser.finish();
    expect_same(recogniser.best(), whole);
    EXPECT_TRUE(recogniser.lattice() == whole_lattice);
  }
}

// The best path of the lattice is the beam's best: words, times and score; it passes check() at any time; posteriors of
// what leaves the start sum to 1.
TEST(Recogniser, TheLatticesBestPathIsTheBeams) {
  for (const std::uint64_t seed : {1, 2, 3, 4})
    for (const int beam : {1, 8, 32}) {
      const std::vector<float> sound = voice(seed, 5);
      Recogniser recogniser(model(), {{.beam = beam}});
      for (std::size_t at = 0; at <= sound.size(); at += 16000) {
        const Transcript best = recogniser.best();
        const Lattice lattice = recogniser.lattice();
        const Status fine = check(lattice);
        ASSERT_TRUE(fine) << fine.error().message;
        const LatticePath path = best_path(lattice);
        EXPECT_EQ(path_text(lattice, path.arcs), best.text());
        EXPECT_NEAR(path.score, best.log_score, 1e-9);
        std::size_t k = 0;
        for (const std::int32_t a : path.arcs) {
          const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(a)];
          if (arc.word == kNoWord) continue;
          EXPECT_NEAR(arc.start_frame * 0.06, best.words[k].start_s, 1e-9);
          EXPECT_NEAR(arc.end_frame * 0.06, best.words[k++].end_s, 1e-9);
        }
        const Posteriors all = posteriors(lattice);
        double sum = 0;
        for (std::size_t a = 0; a < lattice.arcs.size(); ++a) sum += lattice.arcs[a].from == 0 ? all.arc[a] : 0;
        EXPECT_NEAR(sum, 1, 1e-9);
        recogniser.push(std::span(sound).subspan(at, std::min<std::size_t>(16000, sound.size() - at)));
      }
    }
}

// The second look changes scores and nothing else: it is second_look() on the lattice without one and on phones().
TEST(Recogniser, SettlesOnWhatItsPhonesSay) {
  int changed = 0, unsure = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const std::vector<float> sound = voice(seed, 5);
    RecogniserOptions options;
    Recogniser once(model(), options);
    options.lexicon = &lexicon();
    options.second_look.weight = 1;
    Recogniser twice(model(), options);
    const Transcript first = heard(once, sound);
    EXPECT_EQ(heard(twice, sound).text(), first.text()) << "best() is the search's";
    EXPECT_EQ(once.settled().text(), first.text());
    EXPECT_EQ(once.phones(), twice.phones());
    EXPECT_EQ(twice.phones().size(), static_cast<std::size_t>(twice.steps()) * kPhoneFrames * model().sizes().phones);
    const Lattice seen =
        second_look(once.lattice(), once.phones(), model().sizes().phones, lexicon(), options.second_look);
    EXPECT_EQ(twice.lattice(), seen);
    EXPECT_EQ(twice.settled().text(), path_text(seen, best_path(seen).arcs));
    EXPECT_EQ(twice.search_lattice(), once.lattice()) << "the search's own, whatever the second look says";
    EXPECT_EQ(twice.n_best(3)[0].text(), twice.settled().text());
    for (const Word& word : twice.settled().words) {
      EXPECT_GT(word.confidence, 0);
      EXPECT_LE(word.confidence, 1);
      unsure += word.confidence < 0.99;
    }
    changed += twice.settled().text() != first.text();
    // However the sound is cut, and in a second turn on end.
    Recogniser cut(model(), options);
    Random random(seed);
    for (int turn = 0; turn < 2; ++turn) {
      for (std::size_t at = 0; at < sound.size();) {
        const std::size_t n = std::min<std::size_t>(1 + random.below(3000), sound.size() - at);
        cut.push(std::span(sound).subspan(at, n));
        at += n;
      }
      cut.finish();
      if (turn == 0) {
        EXPECT_EQ(cut.lattice(), seen);
      }
      EXPECT_EQ(cut.phones().size(), twice.phones().size()) << "of this turn alone";
      cut.start_turn();
    }
  }
  EXPECT_GT(changed, 0) << "or this test says nothing";
  EXPECT_GT(unsure, 0);
}

// A turn longer than alternatives are remembered for is left as the search had it.
TEST(Recogniser, ALongTurnGetsNoSecondLook) {
  RecogniserOptions options;
  options.lattice_frames = 20;
  options.lexicon = &lexicon();
  Recogniser recogniser(model(), options);
  const Transcript best = heard(recogniser, voice(1, 5));
  EXPECT_TRUE(recogniser.phones().empty());
  EXPECT_EQ(recogniser.settled().text(), best.text());
}

// Whatever was said, a wider lattice is no farther from it, and none is farther than the best path.
TEST(Recogniser, AWiderLatticeHasNoWorseOracle) {
  Random random(11);
  bool better = false;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const std::vector<float> sound = voice(seed, 5);
    std::vector<Lattice> lattices;
    for (const float beam : {0.0F, 2.0F, 4.0F, 8.0F}) {
      Recogniser recogniser(model(), {{.lattice_beam = beam, .most_ways = 1000}});
      heard(recogniser, sound);
      lattices.push_back(recogniser.lattice());
    }
    const auto& words = lattices.back().words;
    ASSERT_FALSE(words.empty());
    for (int trial = 0; trial < 20; ++trial) {
      std::vector<std::string_view> said;
      for (int k = 0; k < 8; ++k) said.push_back(words[random.below(words.size())]);
      int before = oracle(lattices[0], said).counts.errors();
      for (const Lattice& lattice : lattices) {
        const int here = oracle(lattice, said).counts.errors();
        EXPECT_LE(here, before);
        better = better || here < before;
        before = here;
      }
    }
  }
  EXPECT_TRUE(better);
}

TEST(Recogniser, TimesAscendAndConfidenceIsAShare) {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const int beam : {1, 8}) {
      const std::vector<float> sound = voice(seed, 5);
      Recogniser recogniser(model(), {{.beam = beam}});
      const Transcript best = heard(recogniser, sound);
      double before_s = 0;
      for (const Word& word : best.words) {
        EXPECT_FALSE(word.text.empty());
        EXPECT_GE(word.start_s, before_s);
        EXPECT_GT(word.end_s, word.start_s);
        EXPECT_GE(word.confidence, 0);
        EXPECT_LE(word.confidence, 1);
        if (beam == 1) {
          EXPECT_EQ(word.confidence, 1);
        }
        before_s = word.start_s;
      }
      EXPECT_LE(best.words.empty() ? 0 : best.words.back().end_s, static_cast<double>(sound.size()) / 16000);
      EXPECT_LE(recogniser.seconds_decoded(), static_cast<double>(sound.size()) / 16000);
      EXPECT_LE(best.log_score, 0);
      const std::vector<Transcript> all = recogniser.n_best(100);
      ASSERT_FALSE(all.empty());
      EXPECT_LE(all.size(), 100u);
      EXPECT_EQ(all[0].text(), best.text());
      std::set<std::string> texts;
      for (std::size_t k = 0; k < all.size(); ++k) {
        EXPECT_TRUE(texts.insert(all[k].text()).second) << "one text twice";
        if (k > 0) {
          EXPECT_LE(all[k].log_score, all[k - 1].log_score);
        }
      }
    }
}

// What is told while more is to come is the best as soon as that says something, and now and then a word before it.
TEST(Recogniser, AFirstWordIsToldNoLaterThanItIsBest) {
  int sooner = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    const std::vector<float> sound = voice(seed, 3);
    Recogniser recogniser(model(), {});
    for (std::size_t at = 0; at + 960 <= sound.size(); at += 960) {
      recogniser.push(std::span(sound).subspan(at, 960));
      const Transcript best = recogniser.best(), partial = recogniser.partial();
      if (best.words.empty())
        sooner += partial.words.empty() ? 0 : 1;
      else
        expect_same(partial, best);
    }
  }
  EXPECT_GT(sooner, 0);
}

TEST(Recogniser, ResetForgets) {
  const std::vector<float> sound = voice(2, 4), other = voice(3, 4);
  Recogniser recogniser(model(), {});
  const Transcript first = heard(recogniser, sound);
  recogniser.reset();
  EXPECT_EQ(recogniser.seconds_decoded(), 0);
  EXPECT_TRUE(recogniser.best().words.empty());
  heard(recogniser, other);
  recogniser.reset();
  recogniser.push(std::span(other).first(12345));  // no finish
  recogniser.reset();
  expect_same(heard(recogniser, sound), first);
}

// What was heard before stays as context: the same sound is heard again, from time 0, as if a voice had gone on.
TEST(Recogniser, ATurnStartsWithWhatWasHeardBefore) {
  const std::vector<float> first = voice(2, 4.02), second = voice(1, 4);
  Recogniser whole(model(), {}), turns(model(), {});
  turns.push(first);
  turns.start_turn();
  EXPECT_EQ(turns.steps(), 0);
  EXPECT_TRUE(turns.best().words.empty());
  const Transcript after = heard(turns, second);
  whole.push(first);
  const double at_s = whole.seconds_decoded();
  EXPECT_NEAR(turns.seconds_decoded() + at_s, heard(whole, second).words.empty() ? 0 : whole.seconds_decoded(), 1e-9);
  ASSERT_FALSE(after.words.empty());
  EXPECT_LE(after.words.back().end_s, turns.seconds_decoded() + 1e-9);

  // After finish another recording follows: nothing of the first one's last samples is in its frames, and yet it is not
  // heard as by new ears.
  turns.reset();
  heard(turns, first);
  turns.start_turn();
  const Transcript next = heard(turns, second);
  Recogniser fresh(model(), {});
  const Transcript alone = heard(fresh, second);
  EXPECT_EQ(turns.seconds_decoded(), fresh.seconds_decoded());
  EXPECT_NE(next.log_score, alone.log_score);
  turns.reset();
  expect_same(heard(turns, second), alone);
}

TEST(Recogniser, InterleavedStreamsEqualSeparateOnes) {
  const std::vector<float> sound_a = voice(1, 4), sound_b = voice(4, 4);
  Recogniser alone_a(model(), {}), alone_b(model(), {}), a(model(), {}), b(model(), {});
  const std::size_t most = std::max(sound_a.size(), sound_b.size());
  for (std::size_t at = 0; at < most; at += 777) {
    if (at < sound_a.size()) a.push(std::span(sound_a).subspan(at, std::min<std::size_t>(777, sound_a.size() - at)));
    if (at < sound_b.size()) b.push(std::span(sound_b).subspan(at, std::min<std::size_t>(777, sound_b.size() - at)));
  }
  a.finish(), b.finish();
  expect_same(a.best(), heard(alone_a, sound_a));
  expect_same(b.best(), heard(alone_b, sound_b));
}

TEST(Recogniser, NothingAndSilenceAreHeardAsNothing) {
  for (const std::size_t n : {0, 1, 399, 400, 1200, 80000}) {
    Recogniser recogniser(model(), {});
    const Transcript best = heard(recogniser, silence(n));
    EXPECT_EQ(best.text(), "") << n << " samples";
    EXPECT_EQ(recogniser.n_best(5).at(0).text(), "");
    EXPECT_LE(recogniser.seconds_decoded(), static_cast<double>(n) / 16000);
  }
}

TEST(Recogniser, LoudAndBrokenSamplesDoNoHarm) {
  std::vector<float> loud = voice(1, 2);
  for (std::size_t k = 0; k < loud.size(); k += 1000) loud[k] = k % 2000 == 0 ? 1e6f : -1e6f;
  loud[5000] = std::numeric_limits<float>::infinity(), loud[9000] = std::numeric_limits<float>::quiet_NaN();
  Recogniser recogniser(model(), {});
  const Transcript best = heard(recogniser, loud);
  EXPECT_TRUE(std::isfinite(best.log_score));
}

}  // namespace
}  // namespace pipit
