// audio/audio_reader.h — a sound file from front to back: a day of it in the memory of a moment.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pipit {

/// Formats, failures and the meaning of samples are those of audio_file.h, which reads through this. A failure that
/// lies further back in the file comes when reading has got there.
///
/// Memory  one block; standard input, pipes and devices are read whole first.   Threads one per reader.
class AudioReader {
 public:
  /// "-" is standard input.
  static Result<AudioReader> open(const std::string& path);
  /// The bytes must outlive the reader; `name` is for messages.
  static Result<AudioReader> over(std::span<const std::byte> bytes, std::string_view name);
  AudioReader(AudioReader&&) noexcept;
  AudioReader& operator=(AudioReader&&) noexcept;
  ~AudioReader();

  /// Appends the next samples, one channel at 16 kHz, some thousands at most. False once all have been read.
  Result<bool> read(std::vector<float>& out);
  /// Length in all, where the file says it.
  std::optional<double> seconds() const;

 private:
  struct Open;
  explicit AudioReader(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace pipit
