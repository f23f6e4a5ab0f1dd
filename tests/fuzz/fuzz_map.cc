// Any bytes at all as one of Pipit's maps: a scene that is written and read again to the bit, or one printable line.
#include <string_view>

#include "scene/map_io.h"
#include "tests/fuzz/fuzz_scene.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  const auto scene = parse_map({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!scene) {
    fuzz::demand_clear(scene.error());
    return 0;
  }
  fuzz::demand_sound(*scene);
  const std::string text = to_map(*scene);
  const auto again = parse_map(text, "again");
  fuzz::demand(again.has_value() && to_map(*again) == text);
  return 0;
}
