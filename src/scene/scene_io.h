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
  Auto,    ///< a folder: Colmap; else by the first line: three whole numbers Bal, eight numbers Stereo, pipit-map Map
  Bal,     ///< bal_io.h
  Stereo,  ///< stereo_io.h; the path is that of the factors
  Colmap,  ///< colmap_io.h; the path is that of the folder
  Map      ///< map_io.h
};
/// "auto", "bal", "stereo", "colmap", "map".
std::string_view name_of(SceneFormat format);
std::optional<SceneFormat> scene_format(std::string_view name);

struct BalRest {};
struct MapRest {};
/// A scene, and what its files say beyond it: nothing, where they are BAL's or a map.
struct SceneFile {
  Scene scene;
  std::variant<BalRest, StereoIds, ColmapRest, MapRest> rest;
  /// What write_scene makes at `path`: a map where that ends in ".map", else the format that the scene came in.
  SceneFormat format(std::string_view path = {}) const;
};

/// Fails   as the reader of that format, or with one line where Auto knows none. What cannot be looked at twice, as
///         standard input or a pipe, is BAL to Auto.
Result<SceneFile> read_scene(const std::string& path, SceneFormat format = SceneFormat::Auto);
/// As SceneFile::format says. `path` as for reading: a stereo scene's is named VO_stereo_factors*.txt.
Status write_scene(const std::string& path, const SceneFile& file);

}  // namespace pipit
