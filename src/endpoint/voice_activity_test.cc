// Made-up energy: noise with bursts of voice.
#include "endpoint/voice_activity.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/random.h"

namespace pipit {
namespace {

constexpr int kBands = 8;

struct Sound {
  std::vector<std::vector<float>> frames;
  void add(Random& random, int count, double level, double spread = 0.4) {
    for (int t = 0; t < count; ++t) {
      std::vector<float> frame(kBands);
      for (float& v : frame) v = static_cast<float>(level + spread * random.normal());
      frames.push_back(frame);
    }
  }
};

TEST(VoiceActivity, CountsSilenceFromTheLastVoice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const double gain : {-6.0, 0.0, 6.0}) {
      Random random(seed);
      Sound sound;
      sound.add(random, 40, -12 + gain);
      for (int word = 0; word < 8; ++word) {
        sound.add(random, 15 + static_cast<int>(random.below(40)), -4 + gain);
        if (word < 7) sound.add(random, 5 + static_cast<int>(random.below(60)), -12 + gain);
      }
      const std::size_t spoken = sound.frames.size();
      sound.add(random, 200, -12 + gain);
      VoiceActivity voice;
      for (std::size_t t = 0; t < sound.frames.size(); ++t) {
        voice.push(sound.frames[t]);
        if (t < 40) {
          EXPECT_FALSE(voice.voice()) << t;
        }
        if (t + 1 == spoken) {
          EXPECT_TRUE(voice.voice());
        }
        if (t >= spoken + 5) {
          ASSERT_NEAR(voice.silence_s(), 0.01 * static_cast<double>(t + 1 - spoken), 0.021);
        }
      }
      EXPECT_TRUE(voice.any_voice());
    }
}

TEST(VoiceActivity, AClickIsNoVoice) {
  Random random(1);
  Sound sound;
  sound.add(random, 100, -12);
  sound.add(random, 1, -6);
  sound.add(random, 100, -12);
  VoiceActivity voice;
  for (const auto& frame : sound.frames) {
    voice.push(frame);
    EXPECT_FALSE(voice.voice());
  }
  EXPECT_FALSE(voice.any_voice());
  EXPECT_NEAR(voice.silence_s(), 2.01, 1e-9);
}

TEST(VoiceActivity, LearnsALouderNoise) {
  Random random(2);
  Sound sound;
  sound.add(random, 200, -14);
  sound.add(random, 600, -9);
  VoiceActivity voice;
  for (const auto& frame : sound.frames) voice.push(frame);
  EXPECT_FALSE(voice.voice());
  Sound word;
  word.add(random, 10, -2);
  for (const auto& frame : word.frames) voice.push(frame);
  EXPECT_TRUE(voice.voice());
}

TEST(VoiceActivity, ATurnForgetsTheVoiceAndKeepsTheFloor) {
  Random random(3);
  Sound sound;
  sound.add(random, 100, -12);
  sound.add(random, 50, -3);
  sound.add(random, 30, -6);
  sound.add(random, 50, -12);
  VoiceActivity voice;
  for (const auto& frame : sound.frames) voice.push(frame);
  EXPECT_GT(voice.fall(), 0.5F) << "it became quieter to its end";
  const float threshold = voice.threshold();
  voice.start_turn();
  EXPECT_EQ(voice.threshold(), threshold);
  EXPECT_FALSE(voice.any_voice());
  EXPECT_EQ(voice.silence_s(), 0);
  EXPECT_EQ(voice.fall(), 0);
}

TEST(VoiceActivity, BrokenFramesAreSilence) {
  Random random(4);
  Sound sound;
  sound.add(random, 100, -12);
  VoiceActivity voice;
  for (const auto& frame : sound.frames) voice.push(frame);
  for (const float v : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    voice.push(std::vector<float>(kBands, v));
    EXPECT_FALSE(voice.voice());
    EXPECT_TRUE(std::isfinite(voice.threshold()));
  }
  voice.push({});
  EXPECT_FALSE(voice.voice());
}

}  // namespace
}  // namespace pipit
