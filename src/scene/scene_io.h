// scene/scene_io.h — one door for all kinds of files that hold a scene.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "scene/colmap_io.h"
#include "scene/scene.h"
#include "scene/stereo_io.h"

namespace pipit {

enum class SceneFormat : std::uint8_t {
  Auto,    ///< a folder: Colmap; three whole numbers in the first line: Bal; eight numbers: Stereo
  Bal,     ///< bal_io.h
  Stereo,  ///< stereo_io.h; the path is that of the factors
  Colmap   ///< colmap_io.h; the path is that of the folder
};
/// "auto", "bal", "stereo", "colmap".
std::string_view name_of(SceneFormat format);
std::optional<SceneFormat> scene_format(std::string_view name);

/// A scene, and what its files say beyond it. BAL files say no more than the scene.
struct SceneFile {
  Scene scene;
  std::variant<std::monostate, StereoIds, ColmapRest> rest;
  SceneFormat format() const;
};

/// Fails   as the reader of that format, or with one line where Auto knows none. What cannot be looked at twice
/// (standard
///         input, a pipe) is BAL to Auto.
Result<SceneFile> read_scene(const std::string& path, SceneFormat format = SceneFormat::Auto);
/// In the format that it came in. `path` as for reading: a stereo scene's is named VO_stereo_factors*.txt.
Status write_scene(const std::string& path, const SceneFile& file);

}  // namespace pipit
