// The trained model of models/ hears a made-up voice: what must hold whatever it makes of it.
#include "asr/recogniser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "asr/test_voice.h"
#include "base/random.h"

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
  }
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
      EXPECT_LE(all.size(), static_cast<std::size_t>(beam));
      EXPECT_EQ(all[0].text(), best.text());
      for (std::size_t k = 1; k < all.size(); ++k) EXPECT_LE(all[k].log_score, all[k - 1].log_score);
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
