// asr/test_voice.h — for tests: the model of models/, and a made-up voice that it hears words in.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <vector>

#include "base/random.h"
#include "nn/transducer.h"
#include "phones/lexicon.h"

namespace pipit {

inline const Transducer& model() {
  static const Transducer* const loaded = [] {
    const auto file = ModelFile::open(PIPIT_SOURCE_DIR "/models/pipit-en-small.pipit");
    if (!file) std::abort();
    auto got = Transducer::load(*file, Arithmetic::Int8);
    return got ? new Transducer(std::move(*got)) : nullptr;
  }();
  return *loaded;
}

/// How the words are said that this model's language model knows.
inline const Lexicon& lexicon() {
  static const Lexicon* const read = [] {
    auto got = Lexicon::open(PIPIT_SOURCE_DIR "/models/pipit-en-small.lexicon", model().phone_names());
    if (!got) std::abort();
    return new Lexicon(std::move(*got));
  }();
  return *read;
}

/// Pulses of a throat through three resonances that move from vowel to vowel, hisses and pauses between: near enough to
/// speech for a model to hear words in it.
inline std::vector<float> voice(std::uint64_t seed, double seconds) {
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

}  // namespace pipit
