// audio/frame_source.h — inside audio: a decoder at work, whatever the format.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace pipit {

/// Frames (one sample for each channel) from front to back.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  /// Fills whole frames of `into`; yields how many frames, 0 at the end or at an error.
  virtual std::size_t read(std::span<float> into) = 0;
  /// Why reading stopped; empty at a plain end.
  virtual std::string error() const = 0;

  int rate_hz = 0, channels = 0;
  std::optional<std::int64_t> num_frames;  // where the file says for sure
};

/// A file that a C library reads by calls of its own.
struct Memory {
  std::span<const std::byte> bytes;
  std::size_t at = 0;

  std::size_t read(void* to, std::size_t count);
  /// The new place, or -1 outside the file. `whence` as in fseek.
  std::int64_t seek(std::int64_t offset, int whence);
};

/// WAV, FLAC, Ogg and more, by libsndfile. The error's message is the reason alone, without the file's name.
Result<std::unique_ptr<FrameSource>> open_sndfile(std::span<const std::byte> bytes);

/// Whether the bytes begin like MP3: a frame's sync word, or a tag with one behind it.
bool looks_like_mp3(std::span<const std::byte> bytes);
/// By libmpg123, which libsndfile would call too; but that way it prints to stderr what it thinks of a damaged file.
Result<std::unique_ptr<FrameSource>> open_mp3(std::span<const std::byte> bytes);

}  // namespace pipit
