// tests/fuzz/fuzz_scene.h — what the readers of scenes have in common.
#pragma once
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "scene/scene.h"
#include "tests/fuzz/fuzz.h"

namespace pipit::fuzz {

/// One input as three files, cut where a line begins with '%'.
inline std::array<std::string, 3> three_files(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 3> out;
  for (std::string& file : out) {
    const std::size_t end = rest.find("\n%");
    file = rest.substr(0, end == std::string_view::npos ? end : end + 1);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  }
  return out;
}

/// Indices that name somebody, rotations that are some, every point seen.
inline void demand_sound(const Scene& scene) {
  std::vector<bool> seen(scene.points.size());
  for (const View& view : scene.views) {
    demand(view.camera >= 0 && static_cast<std::size_t>(view.camera) < scene.cameras.size());
    demand(std::abs(view.T_cam_world.q.norm() - 1) < 1e-9 && view.T_cam_world.t.allFinite());
  }
  for (const Observation& o : scene.observations) {
    demand(o.view >= 0 && static_cast<std::size_t>(o.view) < scene.views.size());
    demand(o.point >= 0 && static_cast<std::size_t>(o.point) < scene.points.size());
    demand(std::isfinite(o.u) && std::isfinite(o.v) && std::isfinite(o.third));
    seen[static_cast<std::size_t>(o.point)] = true;
  }
  for (const bool one : seen) demand(one);
  for (const Camera& camera : scene.cameras) demand(camera.is_sound());
  error_of(scene);
}

}  // namespace pipit::fuzz
