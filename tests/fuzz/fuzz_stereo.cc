// Any bytes at all as the three files of a stereo drive: a scene that can be written, or one printable line.
#include "scene/stereo_io.h"
#include "tests/fuzz/fuzz_scene.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  const auto [factors, poses, calibration] = fuzz::three_files(data, size);
  const StereoFiles names{"factors", "poses", "calibration"};
  const auto read = parse_stereo({factors, poses, calibration}, names);
  if (!read) {
    fuzz::demand_clear(read.error());
    return 0;
  }
  fuzz::demand_sound(read->scene);
  fuzz::demand(read->ids.views.size() == read->scene.views.size());
  fuzz::demand(read->ids.landmarks.size() == read->scene.points.size());
  // Numbers may grow beyond what a file may hold (a landmark at 1e100 seen from -1e100): then the reader says so.
  const auto again = parse_stereo(to_stereo(read->scene, read->ids), names);
  if (!again) fuzz::demand_clear(again.error());
  if (again) fuzz::demand(again->ids.landmarks == read->ids.landmarks && again->ids.views == read->ids.views);
  return 0;
}
