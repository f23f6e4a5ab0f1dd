#include "scene/scene_io.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "scene/bal_io.h"
#include "scene/map_io.h"

namespace pipit {
namespace {

constexpr std::array<std::pair<SceneFormat, std::string_view>, 5> kNames{{{SceneFormat::Auto, "auto"},
                                                                          {SceneFormat::Bal, "bal"},
                                                                          {SceneFormat::Stereo, "stereo"},
                                                                          {SceneFormat::Colmap, "colmap"},
                                                                          {SceneFormat::Map, "map"}}};

Error unknown(const std::string& path, const std::string& found) {
  return Error{
      Code::BadFormat,
      fmt::format("{}: {}, wanted three counts (BAL), eight numbers (stereo factors), pipit-map or a COLMAP folder",
                  path,
                  found)};
}

Result<SceneFormat> recognised(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return SceneFormat::Colmap;
  if (path == "-" || (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)))
    return SceneFormat::Bal;
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  LineReader lines(std::move(*file));
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return unknown(path, "the file is empty");
    int count = 0, numbers = 0, wholes = 0;
    Fields fields(**line);
    for (std::string_view field = fields.next(); !field.empty(); field = fields.next()) {
      if (++count == 1 && field == kMapMagic) return SceneFormat::Map;
      numbers += parse_number<double>(field).has_value() ? 1 : 0;
      wholes += parse_number<std::int64_t>(field).has_value() ? 1 : 0;
    }
    if (count == 0) continue;
    if (count == 3 && wholes == 3) return SceneFormat::Bal;
    if (count == 8 && numbers == 8) return SceneFormat::Stereo;
    return unknown(
        fmt::format("{}:{}", path, lines.number()),
        fmt::format("the first line has {} {}, {} of them numbers", count, count == 1 ? "field" : "fields", numbers));
  }
}

}  // namespace

std::string_view name_of(SceneFormat format) { return kNames[static_cast<std::size_t>(format)].second; }

std::optional<SceneFormat> scene_format(std::string_view name) {
  for (const auto& [format, known] : kNames)
    if (known == name) return format;
  return {};
}

SceneFormat SceneFile::format(std::string_view path) const {
  constexpr std::array kFormats{SceneFormat::Bal, SceneFormat::Stereo, SceneFormat::Colmap, SceneFormat::Map};
  return names_map(path) ? SceneFormat::Map : kFormats[rest.index()];
}

Result<SceneFile> read_scene(const std::string& path, SceneFormat format) {
  if (format == SceneFormat::Auto) {
    const Result<SceneFormat> found = recognised(path);
    if (!found) return found.error();
    format = *found;
  }
  if (format == SceneFormat::Colmap) {
    Result<ColmapScene> read = read_colmap(path);
    if (!read) return read.error();
    return SceneFile{std::move(read->scene), std::move(read->rest)};
  }
  if (format == SceneFormat::Stereo) {
    Result<StereoScene> read = read_stereo(path);
    if (!read) return read.error();
    return SceneFile{std::move(read->scene), std::move(read->ids)};
  }
  Result<Scene> read = format == SceneFormat::Map ? read_map(path) : read_bal(path);
  if (!read) return read.error();
  if (format == SceneFormat::Map) return SceneFile{std::move(*read), MapRest{}};
  return SceneFile{std::move(*read), BalRest{}};
}

Status write_scene(const std::string& path, const SceneFile& file) {
  if (file.format(path) == SceneFormat::Map) return write_map(path, file.scene);
  if (const auto* const colmap = std::get_if<ColmapRest>(&file.rest)) return write_colmap(path, file.scene, *colmap);
  if (const auto* const ids = std::get_if<StereoIds>(&file.rest)) {
    const Result<StereoFiles> paths = stereo_paths(path);
    if (!paths) return paths.error();
    return write_stereo(*paths, file.scene, *ids);
  }
  return write_bal(path, file.scene);
}

}  // namespace pipit
