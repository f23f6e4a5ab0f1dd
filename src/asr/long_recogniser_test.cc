// Sound without end: what must hold of its segments, with the model of models/ and a made-up voice.
#include "asr/long_recogniser.h"

#include <gtest/gtest.h>

#include "asr/test_voice.h"
#include "base/clock.h"

namespace pipit {
namespace {

const SegmentOptions kShort{.least_s = 2, .most_s = 5, .pause_s = 0.3};

std::vector<Transcript> segments(std::span<const float> sound, const SegmentOptions& options, std::uint64_t seed = 0) {
  std::vector<Transcript> out;
  LongRecogniser recogniser(model(), {{.beam = 4}}, options, [&](double begin_s, const Recogniser& r) {
    if (Transcript words = r.best(); !words.words.empty()) out.push_back(later(std::move(words), begin_s));
  });
  Random random(seed);
  for (std::size_t at = 0; at < sound.size();) {
    const std::size_t n = seed == 0 ? sound.size() : std::min<std::size_t>(random.below(9000), sound.size() - at);
    recogniser.push(sound.subspan(at, n));
    at += n;
  }
  recogniser.finish();
  return out;
}

TEST(LongRecogniser, AShortSoundIsHeardAsByAPlainRecogniser) {
  const std::vector<float> sound = voice(1, 6);
  Recogniser plain(model(), {{.beam = 4}});
  plain.push(sound);
  plain.finish();
  const auto all = segments(sound, {});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].text(), plain.best().text());
  EXPECT_EQ(all[0].log_score, plain.best().log_score);
}

TEST(LongRecogniser, SegmentsDoNotDependOnHowSoundIsCut) {
  const std::vector<float> sound = voice(3, 30);
  const auto whole = segments(sound, kShort);
  ASSERT_GE(whole.size(), 5u);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto cut = segments(sound, kShort, seed);
    ASSERT_EQ(cut.size(), whole.size());
    for (std::size_t k = 0; k < cut.size(); ++k) {
      EXPECT_EQ(cut[k].text(), whole[k].text());
      EXPECT_EQ(cut[k].words[0].start_s, whole[k].words[0].start_s);
    }
  }
}

TEST(LongRecogniser, TimesAscendOverAllSegmentsAndNoneIsTooLong) {
  const std::vector<float> sound = voice(2, 40);
  double before_s = 0;
  for (const Transcript& segment : segments(sound, kShort)) {
    EXPECT_LE(segment.words.back().end_s - segment.words[0].start_s, kShort.most_s + 1e-9);
    for (const Word& word : segment.words) {
      EXPECT_GE(word.start_s, before_s);
      EXPECT_GT(word.end_s, word.start_s);
      before_s = word.start_s;
    }
  }
  EXPECT_GT(before_s, 30) << "something is said to the end";
  EXPECT_LE(before_s, 40);
}

// Silence has no words, costs no memory, and what follows is heard at its time.
TEST(LongRecogniser, SilenceBeforeSpeechOnlyMovesIt) {
  std::vector<float> sound(16000 * 70);
  const std::vector<float> speech = voice(1, 6);
  sound.insert(sound.end(), speech.begin(), speech.end());
  const auto all = segments(sound, {});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_GE(all[0].words[0].start_s, 69.5);
  EXPECT_LE(all[0].words.back().end_s, 76);
}

// Eight minutes: after the first ones no more memory. (Sanitizers keep memory of their own: there it is not asked.)
TEST(LongRecogniser, MemoryStaysFlat) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr bool kAsked = false;
#else
  constexpr bool kAsked = true;
#endif
  const std::vector<float> sound = voice(4, 60);
  std::size_t words = 0;
  LongRecogniser recogniser(
      model(), {{.beam = 2}}, {}, [&](double, const Recogniser& r) { words += r.best().words.size(); });
  for (int minute = 0; minute < 2; ++minute) recogniser.push(sound);
  const std::size_t early = words;
  const bool known = reset_peak_rss() && kAsked;
  const double before_mb = peak_rss_mb();
  for (int minute = 2; minute < 8; ++minute) recogniser.push(sound);
  EXPECT_GT(words, 3 * early);
  if (known) {
    EXPECT_LE(peak_rss_mb(), before_mb + 1);
  }
  EXPECT_NEAR(recogniser.seconds_decoded(), 8 * static_cast<double>(sound.size()) / 16000, 0.1);
}

}  // namespace
}  // namespace pipit
