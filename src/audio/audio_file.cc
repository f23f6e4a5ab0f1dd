#include "audio/audio_file.h"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "audio/resample.h"
#include "base/file.h"

namespace pipit {
namespace {

constexpr std::size_t kLargestFile = std::size_t{4} << 30;
constexpr double kLongest_s = 24 * 3600.0;
constexpr int kLowestRate = 1000, kHighestRate = 768000;  // Hz
constexpr float kLoudest = 1e6f;  // float files scaled as 16-bit integers pass; powers of it stay finite in fp32

// A file that libsndfile reads from memory.
struct Memory {
  std::span<const std::byte> bytes;
  std::size_t at = 0;
};

sf_count_t length(void* user) { return static_cast<sf_count_t>(static_cast<Memory*>(user)->bytes.size()); }

sf_count_t tell(void* user) { return static_cast<sf_count_t>(static_cast<Memory*>(user)->at); }

sf_count_t seek(sf_count_t offset, int whence, void* user) {
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? tell(user) : length(user);
  if (offset < -base || offset > length(user) - base) return -1;
  static_cast<Memory*>(user)->at = static_cast<std::size_t>(base + offset);
  return base + offset;
}

sf_count_t read(void* to, sf_count_t count, void* user) {
  auto& memory = *static_cast<Memory*>(user);
  const std::size_t n =
      std::min(memory.bytes.size() - memory.at, static_cast<std::size_t>(std::max<sf_count_t>(count, 0)));
  if (n > 0) std::memcpy(to, memory.bytes.data() + memory.at, n);
  memory.at += n;
  return static_cast<sf_count_t>(n);
}

sf_count_t refuse_write(const void*, sf_count_t, void*) { return 0; }

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

// libsndfile ends its sentences with a stop and some with a new line: one line without is wanted.
std::string reason(SNDFILE* file) {
  std::string text = sf_strerror(file);
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

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

}  // namespace

Result<Audio> decode_audio(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.empty()) return bad(name, "the file is empty, wanted audio");
  Memory memory{bytes};
  SF_VIRTUAL_IO io{length, seek, read, refuse_write, tell};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, Close> file(sf_open_virtual(&io, SFM_READ, &info, &memory));
  if (!file)
    return bad(name, fmt::format("not audio that can be read (wanted WAV, FLAC, Ogg or MP3): {}", reason(nullptr)));
  if (info.samplerate < kLowestRate || info.samplerate > kHighestRate)
    return Error{
        Code::Unsupported,
        fmt::format("{}: a sample rate of {} Hz, wanted {} to {}", name, info.samplerate, kLowestRate, kHighestRate)};
  if (info.channels < 1) return bad(name, fmt::format("{} channels, wanted at least 1", info.channels));
  const bool length_known = info.frames >= 0 && info.frames < SF_COUNT_MAX;
  const auto longest = static_cast<sf_count_t>(kLongest_s * info.samplerate);
  if (length_known && info.frames > longest)
    return too_long(name, static_cast<double>(info.frames) / info.samplerate / 3600);

  std::optional<Resampler> resampler;
  if (info.samplerate != kSampleRate) {
    auto made = Resampler::create(info.samplerate, kSampleRate);
    if (!made) return Error{made.error().code, fmt::format("{}: {}", name, made.error().message)};
    resampler.emplace(std::move(*made));
  }
  constexpr std::size_t kBlock = 4096;  // frames
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> frames(kBlock * channels), mono(kBlock);
  Audio audio;
  sf_count_t done = 0;
  for (;;) {
    const sf_count_t got = sf_readf_float(file.get(), frames.data(), kBlock);
    if (got <= 0) break;
    const auto n = static_cast<std::size_t>(got);
    if (const auto wrong = mix({frames.data(), n * channels}, channels, {mono.data(), n}))
      return bad(name,
                 fmt::format("sample {} of channel {} is {}, wanted a number between -1 and 1",
                             done + static_cast<sf_count_t>(*wrong / channels),
                             *wrong % channels,
                             frames[*wrong]));
    done += got;
    if (done > longest) return too_long(name, kLongest_s / 3600);
    if (!resampler) {
      audio.samples.insert(audio.samples.end(), mono.begin(), mono.begin() + got);
    } else if (const Status pushed = resampler->push({mono.data(), n}, audio.samples); !pushed) {
      return Error{pushed.error().code, fmt::format("{}: {}", name, pushed.error().message)};
    }
  }
  if (sf_error(file.get()) != SF_ERR_NO_ERROR)
    return bad(name, fmt::format("damaged after {} samples: {}", done, reason(file.get())));
  // How long an MP3 is can be an estimate.
  if (length_known && done < info.frames && (info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG)
    return bad(name, fmt::format("ends after {} of the {} samples that its header tells of", done, info.frames));
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
