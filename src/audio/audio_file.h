// audio/audio_file.h — sound from files: WAV of any width, FLAC, Ogg Vorbis, Ogg Opus and what else libsndfile reads;
// MP3 by libmpg123.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pipit {

inline constexpr int kSampleRate = 16000;  // Hz, of all sound inside Pipit

/// One channel at 16 kHz, nominally in [-1, 1]; lossy formats and resampling overshoot a little.
struct Audio {
  std::vector<float> samples;
  double seconds() const { return static_cast<double>(samples.size()) / kSampleRate; }
};

/// What the content says counts, not the name. Channels are averaged, then resampled to 16 kHz (resample.h).
/// "-" is standard input. A file without samples gives none.
///
/// Fails with NotFound, Io, BadFormat (empty, not audio, damaged, a FLAC file that ends before its header says, an Ogg
///   file that ends inside a page, samples that are not finite or beyond 1e6, with channel and index) or Unsupported
///   (more than 24 hours, 4 GiB, a rate outside 1 to 768 kHz). A WAV file cut short gives what is there, as libsndfile
///   does.
/// Cost    the decoder's, one pass; memory for the result and one block. Nothing is sized by what a header claims.
/// Threads any; no shared state.
Result<Audio> read_audio(const std::string& path);

/// The same from memory; `name` is for messages.
Result<Audio> decode_audio(std::span<const std::byte> bytes, std::string_view name);

}  // namespace pipit
