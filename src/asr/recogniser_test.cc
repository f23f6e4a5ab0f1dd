// The trained model of models/ hears a made-up voice: what must hold whatever it makes of it.
#include "asr/recogniser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "base/random.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"

namespace pipit {
namespace {

const Transducer& model() {
  static const Transducer* const loaded = [] {
    const auto file = ModelFile::open(PIPIT_SOURCE_DIR "/models/pipit-en-small.pipit");
    if (!file) std::abort();
    auto got = Transducer::load(*file, Arithmetic::Int8);
    return got ? new Transducer(std::move(*got)) : nullptr;
  }();
  return *loaded;
}

/// Pulses of a throat through three resonances that move from vowel to vowel, hisses and pauses between: near enough to
/// speech for a model to hear words in it.
std::vector<float> voice(std::uint64_t seed, double seconds) {
  constexpr double kRate = 16000, kVowels[][3] = {{730, 1090, 2440},
                                                  {270, 2290, 3010},
                                                  {530, 1840, 2480},
                                                  {570, 840, 2410},
                                                  {300, 870, 2240},
                                                  {660, 1720, 2410}};
  constexpr double kWidth_hz[] = {80, 100, 150};
  Random random(seed);
  std::vector<float> out;
  double formant[3] = {500, 1500, 2500}, y1[3] = {}, y2[3] = {}, phase = 0;
  while (static_cast<double>(out.size()) < seconds * kRate) {
    const auto kind = random.below(8);  // 0 a pause, 1 or 2 a hiss, else a vowel
    const auto& vowel = kVowels[random.below(6)];
    const double pitch_hz = random.uniform(90, 140);
    const auto n = static_cast<int>(kRate * random.uniform(0.06, 0.16));
    for (int i = 0; i < n; ++i) {
      double source = 0;
      if ((phase += pitch_hz / kRate) >= 1) phase -= 1, source = kind > 2 ? 1 : 0;
      if (kind == 1 || kind == 2) source = 0.05 * random.normal();
      double sum = 0;
      for (int f = 0; f < 3; ++f) {
        formant[f] += ((kind > 2 ? vowel[f] : 1500.0 + 1500 * f) - formant[f]) * 0.002;
        const double r = std::exp(-std::numbers::pi * kWidth_hz[f] / kRate);
        const double y = source + 2 * r * std::cos(2 * std::numbers::pi * formant[f] / kRate) * y1[f] - r * r * y2[f];
        y2[f] = y1[f], y1[f] = y;
        sum += y / (1 + f);
      }
      out.push_back(static_cast<float>(0.03 * sum + 0.0005 * random.normal()));
    }
  }
  return out;
}

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
      Recogniser recogniser(model(), {.beam = beam});
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

// Whatever was said, a wider lattice is no farther from it, and none is farther than the best path.
TEST(Recogniser, AWiderLatticeHasNoWorseOracle) {
  Random random(11);
  bool better = false;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const std::vector<float> sound = voice(seed, 5);
    std::vector<Lattice> lattices;
    for (const float beam : {0.0F, 2.0F, 4.0F, 8.0F}) {
      Recogniser recogniser(model(), {.lattice_beam = beam, .most_ways = 1000});
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
      Recogniser recogniser(model(), {.beam = beam});
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
