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

/// A file that a C library reads by calls of its own: in memory, or on disk, where it is read as it is asked for.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes), size_(bytes.size()) {}
  /// `fd` stays the caller's and must stay open.
  Bytes(int fd, std::size_t size) : fd_(fd), size_(size) {}

  std::size_t size() const { return size_; }
  std::size_t at() const { return at_; }
  /// Fewer than `count` at the end of the file, or where the disk fails.
  std::size_t read(void* to, std::size_t count);
  /// The new place, or -1 outside the file. `whence` as in fseek.
  std::int64_t seek(std::int64_t offset, int whence);

 private:
  std::span<const std::byte> bytes_;
  int fd_ = -1;
  std::size_t size_ = 0, at_ = 0;
};

/// WAV, FLAC, Ogg and more, by libsndfile. The error's message is the reason alone, without the file's name.
Result<std::unique_ptr<FrameSource>> open_sndfile(Bytes bytes);

/// Whether the bytes begin like MP3: a frame's sync word, or a tag with one behind it.
bool looks_like_mp3(Bytes bytes);
/// By libmpg123, which libsndfile would call too; but that way it prints to stderr what it thinks of a damaged file.
Result<std::unique_ptr<FrameSource>> open_mp3(Bytes bytes);

}  // namespace pipit
