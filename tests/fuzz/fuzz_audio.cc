// Any bytes at all: the decoder yields finite samples or one printable line.
#include <cmath>
#include <span>

#include "audio/audio_file.h"
#include "tests/fuzz/fuzz.h"

/// libsndfile 1.2 keeps 6 kB of libvorbis when the second header of an Ogg Vorbis file is damaged.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  const auto audio = decode_audio(std::as_bytes(std::span(data, size)), "fuzz");
  if (!audio) {
    fuzz::demand_clear(audio.error());
    return 0;
  }
  fuzz::demand(audio->seconds() <= 24 * 3600.0 + 1);
  for (const float x : audio->samples) fuzz::demand(std::isfinite(x));
  return 0;
}
