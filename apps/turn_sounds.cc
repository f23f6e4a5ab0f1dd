#include "turn_sounds.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "audio/log_mel.h"
#include "base/random.h"
#include "statistics.h"

namespace pipit {
namespace {

constexpr double kFrame_s = 0.01;

std::vector<double> levels(std::span<const float> samples) {
  const std::vector<float> mel = log_mel(samples);
  std::vector<double> raw, out;
  for (std::size_t t = 0; t < mel.size() / kNumBands; ++t) {
    double sum = 0;
    for (std::size_t b = 0; b < kNumBands; ++b) sum += static_cast<double>(mel[t * kNumBands + b]);
    raw.push_back(sum / kNumBands);
  }
  for (std::size_t t = 0; t < raw.size(); ++t)
    out.push_back((raw[t] + raw[t == 0 ? 0 : t - 1] + raw[std::min(t + 1, raw.size() - 1)]) / 3);
  return out;
}

std::vector<bool> voiced(const std::vector<double>& level) {
  const std::vector<double> ascending = sorted(level);
  const double floor = quantile(ascending, 0.03), loud = quantile(ascending, 0.9);
  std::vector<bool> above, out(level.size());
  for (const double v : level) above.push_back(v > floor + 0.3 * (loud - floor));
  for (std::size_t t = 2; t < above.size(); ++t)
    if (above[t] && above[t - 1] && above[t - 2]) out[t] = out[t - 1] = out[t - 2] = true;
  return out;
}

// Noise that sounds like the quietest 200 ms of a clip.
class Floor {
 public:
  Floor(std::span<const float> samples, const std::vector<double>& level, Random& random) : random_(random) {
    const std::size_t n = std::min<std::size_t>(20, level.size());
    std::size_t at = 0;
    double quietest = 1e300;
    for (std::size_t t = 0; t + n <= level.size(); ++t) {
      double sum = 0;
      for (std::size_t k = t; k < t + n; ++k) sum += level[k];
      if (sum < quietest) quietest = sum, at = t;
    }
    quiet_ = samples.subspan(at * kHop_samples);
    quiet_ = quiet_.first(std::min<std::size_t>(quiet_.size(), n * kHop_samples));
  }
  std::vector<float> make(double seconds) {
    constexpr std::size_t kGrain = 320;
    std::vector<float> out(static_cast<std::size_t>(seconds * kSampleRate) + kGrain);
    for (std::size_t at = 0; at + kGrain <= out.size(); at += kGrain / 2) {
      const std::size_t from = random_.below(quiet_.size() - kGrain);
      const float sign = random_.below(2) == 0 ? -1.0F : 1.0F;
      for (std::size_t k = 0; k < kGrain; ++k)
        out[at + k] += sign * quiet_[from + k] *
                       static_cast<float>(std::sin(std::numbers::pi * (static_cast<double>(k) + 0.5) / kGrain));
    }
    out.resize(out.size() - kGrain);
    return out;
  }

 private:
  Random& random_;
  std::span<const float> quiet_;
};

// Appends with a cross-fade of 5 ms, so that no click is heard.
void append(std::vector<float>& to, std::span<const float> more) {
  const std::size_t fade = std::min({std::size_t{80}, to.size(), more.size()});
  for (std::size_t k = 0; k < fade; ++k) {
    const float w = (static_cast<float>(k) + 0.5F) / static_cast<float>(fade);
    float& v = to[to.size() - fade + k];
    v = v * (1 - w) + more[k] * w;
  }
  to.insert(to.end(), more.begin() + static_cast<std::ptrdiff_t>(fade), more.end());
}

// With the middle of every pause longer than `longest_s` taken out.
std::vector<float> shortened(std::span<const float> samples, double longest_s) {
  const std::vector<bool> voice = voiced(levels(samples));
  const auto longest = static_cast<std::size_t>(longest_s / kFrame_s);
  std::vector<float> out;
  std::size_t from = 0, run = 0;  // the first sample not yet taken; frames of silence up to here
  bool spoken = false;
  for (std::size_t t = 0; t < voice.size(); ++t) {
    if (!voice[t]) {
      ++run;
      continue;
    }
    if (spoken && run > longest) {
      const std::size_t begin = (t - run + longest / 2) * kHop_samples, end = begin + (run - longest) * kHop_samples;
      append(out, samples.subspan(from, begin - from));
      from = end;
    }
    run = 0;
    spoken = true;
  }
  append(out, samples.subspan(from));
  return out;
}

// Whether the frames around `t` have voice within 100 ms on both sides.
bool inside_speech(const std::vector<bool>& voice, std::size_t t) {
  const auto any = [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < std::min(end, voice.size()); ++k)
      if (voice[k]) return true;
    return false;
  };
  return t >= 10 && any(t - 10, t) && any(t + 1, t + 11);
}

}  // namespace

TurnSound make_turn_sound(const Transducer& model,
                          const Clip& clip,
                          const Audio& audio,
                          const TurnSoundOptions& options) {
  TurnSound out;
  std::vector<float> clean;
  std::span<const float> samples = audio.samples;
  if (std::isfinite(options.own_s)) samples = clean = shortened(samples, options.own_s);
  const std::vector<AlignedWord> words = align_words(model, samples, clip.text);
  const std::vector<double> level = levels(samples);
  if (words.empty() || level.size() < 40) return out;
  const std::vector<bool> voice = voiced(level);
  const double step_s = static_cast<double>(model.sizes().stack) * kFrame_s;
  const auto end_of = [&](const AlignedWord& word) { return (word.last_frame + 1) * step_s; };

  out.aligned_end_s = end_of(words.back());
  std::size_t first = voice.size(), last = 0;
  for (std::size_t t = 0; t < voice.size(); ++t)
    if (voice[t]) first = std::min(first, t), last = t;
  if (first >= last) return out;
  if (static_cast<double>(last) * kFrame_s > out.aligned_end_s + 0.4) {
    out.by_alignment = true;
    const auto latest = static_cast<std::size_t>((out.aligned_end_s + 0.2) / kFrame_s);
    for (last = std::min(latest, voice.size() - 1); last > first && !voice[last];) --last;
  }

  // Where pauses may go, in frames; then some of them, in order.
  std::vector<std::size_t> places;
  for (std::size_t k = 0; k + 1 < words.size(); ++k) {
    const auto middle = static_cast<std::ptrdiff_t>(end_of(words[k]) / kFrame_s);
    const auto begin = static_cast<std::size_t>(std::max<std::ptrdiff_t>(middle - 12, 0));
    const std::size_t end = std::min({static_cast<std::size_t>(middle) + 12,
                                      static_cast<std::size_t>(end_of(words[k + 1]) / kFrame_s),
                                      level.size()});
    if (begin >= end) continue;
    const auto quietest = static_cast<std::size_t>(std::min_element(level.begin() + static_cast<std::ptrdiff_t>(begin),
                                                                    level.begin() + static_cast<std::ptrdiff_t>(end)) -
                                                   level.begin());
    if (quietest > first && quietest < last && inside_speech(voice, quietest) &&
        (places.empty() || quietest > places.back() + 20))
      places.push_back(quietest);
  }
  std::uint64_t seed = options.seed;
  for (const char c : clip.id) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // each clip its own
  Random random(seed);
  while (places.size() > static_cast<std::size_t>(options.pauses))
    places.erase(places.begin() + static_cast<std::ptrdiff_t>(random.below(places.size())));

  Floor floor(samples, level, random);
  double added_s = 0;
  std::size_t from = 0;  // samples already taken
  const auto own_pauses = [&](std::size_t begin, std::size_t end) {
    std::size_t run = 0;
    for (std::size_t t = std::max(begin, first); t < std::min(end, last + 1); ++t) {
      if (!voice[t]) {
        ++run;
        continue;
      }
      if (run >= 20)
        out.pauses.push_back({static_cast<double>(t - run) * kFrame_s + added_s, static_cast<double>(run) * kFrame_s});
      run = 0;
    }
  };
  std::size_t frame = 0;
  for (const std::size_t place : places) {
    const std::size_t at = std::min(place * kHop_samples + kWindow_samples / 2, samples.size());
    append(out.samples, samples.subspan(from, at - from));
    own_pauses(frame, place);
    const double length_s = random.uniform(options.shortest_s, options.longest_s);
    out.pauses.push_back({static_cast<double>(place) * kFrame_s + added_s, length_s, true});
    append(out.samples, floor.make(length_s));
    added_s += length_s - 0.01;  // two cross-fades
    from = at, frame = place;
  }
  append(out.samples, samples.subspan(from));
  own_pauses(frame, voice.size());
  append(out.samples, floor.make(options.silence_s));
  out.start_s = static_cast<double>(first) * kFrame_s;
  out.end_s = static_cast<double>(last + 1) * kFrame_s + added_s;
  out.aligned_end_s += added_s;
  return out;
}

}  // namespace pipit
