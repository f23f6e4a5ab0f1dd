#include "audio/audio_file.h"

#include "audio/audio_reader.h"

namespace pipit {
namespace {

Result<Audio> all_of(Result<AudioReader> reader) {
  if (!reader) return reader.error();
  Audio audio;
  while (true) {
    const auto more = reader->read(audio.samples);
    if (!more) return more.error();
    if (!*more) return audio;
  }
}

}  // namespace

Result<Audio> decode_audio(std::span<const std::byte> bytes, std::string_view name) {
  return all_of(AudioReader::over(bytes, name));
}

Result<Audio> read_audio(const std::string& path) { return all_of(AudioReader::open(path)); }

}  // namespace pipit
