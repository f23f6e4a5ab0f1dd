#include "audio/audio_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "audio/audio_file.h"
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
std::optional<std::size_t> cut_ogg_page(Bytes bytes) {
  constexpr std::string_view kMark = "OggS";
  constexpr std::size_t kHeader = 27;
  std::array<unsigned char, kHeader + 255> page;
  for (std::size_t at = 0; at < bytes.size();) {
    bytes.seek(static_cast<std::int64_t>(at), SEEK_SET);
    const std::size_t left = bytes.read(page.data(), page.size());
    if (at == 0 && left < kMark.size()) return std::nullopt;
    for (std::size_t k = 0; k < std::min(left, kMark.size()); ++k)
      if (static_cast<char>(page[k]) != kMark[k]) return std::nullopt;
    if (left < kHeader || left < kHeader + page[kHeader - 1]) return at;
    std::size_t size = kHeader + page[kHeader - 1];
    for (std::size_t k = kHeader, end = size; k < end; ++k) size += page[k];
    if (bytes.size() - at < size) return at;
    at += size;
  }
  return std::nullopt;
}

}  // namespace

struct AudioReader::Open {
  std::string name, content;  // content: of what is no plain file
  int fd = -1;
  std::unique_ptr<FrameSource> source = {};
  std::optional<Resampler> resampler = {};
  std::vector<float> frames = {}, mono = {};
  std::int64_t done = 0, longest = 0;  // frames of the file
  bool at_end = false;

  Open(std::string called, std::string whole) : name(std::move(called)), content(std::move(whole)) {}
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  ~Open() {
    source.reset();
    if (fd >= 0) ::close(fd);
  }

  Status begin(Bytes bytes) {
    if (bytes.size() == 0) return bad(name, "the file is empty, wanted audio");
    if (const auto page = cut_ogg_page(bytes))
      return bad(name, fmt::format("the Ogg file was cut short, in the page that begins at byte {}", *page));
    auto opened = looks_like_mp3(bytes) ? open_mp3(bytes) : open_sndfile(bytes);
    if (!opened)
      return bad(name,
                 fmt::format("not audio that can be read (wanted WAV, FLAC, Ogg or MP3): {}", opened.error().message));
    source = std::move(*opened);
    if (source->rate_hz < kLowestRate || source->rate_hz > kHighestRate)
      return Error{
          Code::Unsupported,
          fmt::format("{}: a sample rate of {} Hz, wanted {} to {}", name, source->rate_hz, kLowestRate, kHighestRate)};
    if (source->channels < 1) return bad(name, fmt::format("{} channels, wanted at least 1", source->channels));
    longest = static_cast<std::int64_t>(kLongest_s * source->rate_hz);
    if (source->num_frames && *source->num_frames > longest)
      return too_long(name, static_cast<double>(*source->num_frames) / source->rate_hz / 3600);
    if (source->rate_hz != kSampleRate) {
      auto made = Resampler::create(source->rate_hz, kSampleRate);
      if (!made) return named(made.error());
      resampler.emplace(std::move(*made));
    }
    constexpr std::size_t kBlock = 4096;  // frames
    frames.resize(kBlock * static_cast<std::size_t>(source->channels));
    mono.resize(kBlock);
    return Done{};
  }
  Error named(const Error& error) const { return {error.code, fmt::format("{}: {}", name, error.message)}; }

  Status finish(std::vector<float>& out) {
    at_end = true;
    if (const std::string why = source->error(); !why.empty())
      return bad(name, fmt::format("damaged after {} samples: {}", done, why));
    if (source->num_frames && done < *source->num_frames)
      return bad(name,
                 fmt::format("ends after {} of the {} samples that its header tells of", done, *source->num_frames));
    if (!resampler) return Done{};
    const Status finished = resampler->finish(out);
    return finished ? finished : Status(named(finished.error()));
  }
};

AudioReader::AudioReader(std::unique_ptr<Open> open) : open_(std::move(open)) {}
AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;
AudioReader::~AudioReader() = default;

Result<AudioReader> AudioReader::over(std::span<const std::byte> bytes, std::string_view name) {
  auto open = std::make_unique<Open>(std::string(name), "");
  if (const Status begun = open->begin(Bytes(bytes)); !begun) return begun.error();
  return AudioReader(std::move(open));
}

Result<AudioReader> AudioReader::open(const std::string& path) {
  struct stat info {};
  if (path == "-" || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    Result<std::string> content = read_file(path, kLargestFile);
    if (!content) return content.error();
    auto open = std::make_unique<Open>(path == "-" ? "standard input" : path, std::move(*content));
    if (const Status begun = open->begin(Bytes(std::as_bytes(std::span(open->content)))); !begun) return begun.error();
    return AudioReader(std::move(open));
  }
  if (const auto readable = InputFile::open(path); !readable) return readable.error();
  auto open = std::make_unique<Open>(path, "");
  open->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (open->fd < 0 || ::fstat(open->fd, &info) != 0) return Error{Code::Io, path + ": cannot open"};
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > kLargestFile)
    return Error{Code::Unsupported, fmt::format("{}: {} bytes, wanted at most {}", path, size, kLargestFile)};
  if (const Status begun = open->begin(Bytes(open->fd, size)); !begun) return begun.error();
  return AudioReader(std::move(open));
}

Result<bool> AudioReader::read(std::vector<float>& out) {
  Open& o = *open_;
  if (o.at_end) return false;
  const std::size_t n = o.source->read(o.frames);
  if (n == 0) {
    const std::size_t before = out.size();
    if (const Status finished = o.finish(out); !finished) return finished.error();
    return out.size() > before;
  }
  const auto channels = static_cast<std::size_t>(o.source->channels);
  if (const auto wrong = mix({o.frames.data(), n * channels}, channels, {o.mono.data(), n}))
    return bad(o.name,
               fmt::format("sample {} of channel {} is {}, wanted a number between -1 and 1",
                           o.done + static_cast<std::int64_t>(*wrong / channels),
                           *wrong % channels,
                           o.frames[*wrong]));
  o.done += static_cast<std::int64_t>(n);
  if (o.done > o.longest) return too_long(o.name, kLongest_s / 3600);
  if (!o.resampler) {
    out.insert(out.end(), o.mono.begin(), o.mono.begin() + static_cast<std::ptrdiff_t>(n));
  } else if (const Status pushed = o.resampler->push({o.mono.data(), n}, out); !pushed) {
    return o.named(pushed.error());
  }
  return true;
}

std::optional<double> AudioReader::seconds() const {
  if (!open_->source->num_frames) return std::nullopt;
  return static_cast<double>(*open_->source->num_frames) / open_->source->rate_hz;
}

}  // namespace pipit
