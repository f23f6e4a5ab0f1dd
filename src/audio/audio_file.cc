#include "audio/audio_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>

#include "audio/frame_source.h"
#include "audio/resample.h"
#include "base/file.h"

namespace pipit {
namespace {

constexpr std::size_t kLargestFile = std::size_t{4} << 30;
constexpr double kLongest_s = 24 * 3600.0;
constexpr int kLowestRate = 1000, kHighestRate = 768000;  // Hz
constexpr float kLoudest = 1e6f;  // float files scaled as 16-bit integers pass; powers of it stay finite in fp32

Error bad(std::string_view name, std::string_view what) { return {Code::BadFormat, fmt::format("{}: {}", name, what)}; }

Error too_long(std::string_view name, double hours) {
  return {Code::Unsupported,
          fmt::format("{}: {:.1f} hours or more of audio, wanted at most {:.0f}", name, hours, kLongest_s / 3600)};
}

// Mean of the channels of each frame. The bad sample's place in `frames`, if there is one.
std::optional<std::size_t> mix(std::span<const float> frames, std::size_t channels, std::span<float> mono) {
  for (std::size_t i = 0; i < mono.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const float x = frames[i * channels + c];
      if (!(std::abs(x) <= kLoudest)) return i * channels + c;
      sum += static_cast<double>(x);
    }
    mono[i] = static_cast<float>(sum / static_cast<double>(channels));
  }
  return std::nullopt;
}

// Where the page begins that an Ogg file ends in the middle of (RFC 3533, sec. 6): libsndfile gives what stands before
// it and says nothing. Bytes that are no page end the walk: what they are is the decoder's business.
std::optional<std::size_t> cut_ogg_page(std::span<const std::byte> bytes) {
  constexpr std::string_view kMark = "OggS";
  constexpr std::size_t kHeader = 27;
  const auto byte = [&](std::size_t k) { return std::to_integer<std::size_t>(bytes[k]); };
  if (bytes.size() < kMark.size()) return std::nullopt;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t left = bytes.size() - at, marks = std::min(left, kMark.size());
    for (std::size_t k = 0; k < marks; ++k)
      if (static_cast<char>(byte(at + k)) != kMark[k]) return std::nullopt;
    if (left < kHeader || left < kHeader + byte(at + kHeader - 1)) return at;
    std::size_t size = kHeader + byte(at + kHeader - 1);
    for (std::size_t k = at + kHeader, end = at + size; k < end; ++k) size += byte(k);
    if (left < size) return at;
    at += size;
  }
  return std::nullopt;
}

}  // namespace

Result<Audio> decode_audio(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.empty()) return bad(name, "the file is empty, wanted audio");
  if (const auto page = cut_ogg_page(bytes))
    return bad(name, fmt::format("the Ogg file was cut short, in the page that begins at byte {}", *page));
  auto opened = looks_like_mp3(bytes) ? open_mp3(bytes) : open_sndfile(bytes);
  if (!opened)
    return bad(name,
               fmt::format("not audio that can be read (wanted WAV, FLAC, Ogg or MP3): {}", opened.error().message));
  FrameSource& source = **opened;
  if (source.rate_hz < kLowestRate || source.rate_hz > kHighestRate)
    return Error{
        Code::Unsupported,
        fmt::format("{}: a sample rate of {} Hz, wanted {} to {}", name, source.rate_hz, kLowestRate, kHighestRate)};
  if (source.channels < 1) return bad(name, fmt::format("{} channels, wanted at least 1", source.channels));
  const auto longest = static_cast<std::int64_t>(kLongest_s * source.rate_hz);
  if (source.num_frames && *source.num_frames > longest)
    return too_long(name, static_cast<double>(*source.num_frames) / source.rate_hz / 3600);

  std::optional<Resampler> resampler;
  if (source.rate_hz != kSampleRate) {
    auto made = Resampler::create(source.rate_hz, kSampleRate);
    if (!made) return Error{made.error().code, fmt::format("{}: {}", name, made.error().message)};
    resampler.emplace(std::move(*made));
  }
  constexpr std::size_t kBlock = 4096;  // frames
  const auto channels = static_cast<std::size_t>(source.channels);
  std::vector<float> frames(kBlock * channels), mono(kBlock);
  Audio audio;
  std::int64_t done = 0;
  while (const std::size_t n = source.read(frames)) {
    if (const auto wrong = mix({frames.data(), n * channels}, channels, {mono.data(), n}))
      return bad(name,
                 fmt::format("sample {} of channel {} is {}, wanted a number between -1 and 1",
                             done + static_cast<std::int64_t>(*wrong / channels),
                             *wrong % channels,
                             frames[*wrong]));
    done += static_cast<std::int64_t>(n);
    if (done > longest) return too_long(name, kLongest_s / 3600);
    if (!resampler) {
      audio.samples.insert(audio.samples.end(), mono.begin(), mono.begin() + static_cast<std::ptrdiff_t>(n));
    } else if (const Status pushed = resampler->push({mono.data(), n}, audio.samples); !pushed) {
      return Error{pushed.error().code, fmt::format("{}: {}", name, pushed.error().message)};
    }
  }
  if (const std::string why = source.error(); !why.empty())
    return bad(name, fmt::format("damaged after {} samples: {}", done, why));
  if (source.num_frames && done < *source.num_frames)
    return bad(name, fmt::format("ends after {} of the {} samples that its header tells of", done, *source.num_frames));
  if (resampler) {
    if (const Status finished = resampler->finish(audio.samples); !finished)
      return Error{finished.error().code, fmt::format("{}: {}", name, finished.error().message)};
  }
  return audio;
}

Result<Audio> read_audio(const std::string& path) {
  const Result<std::string> content = read_file(path, kLargestFile);
  if (!content) return content.error();
  return decode_audio(std::as_bytes(std::span(*content)), path == "-" ? "standard input" : path);
}

}  // namespace pipit
