// scene/map_io.h — Pipit's own files: all that a Scene holds, to the bit, in lines that can be read and changed by
// hand. docs/map_format.md tells line by line what stands in them.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "scene/scene.h"

namespace pipit {

/// The first word of every map.
inline constexpr std::string_view kMapMagic = "pipit-map";
/// By its ending, ".map".
bool names_map(std::string_view path);

/// Yields  what to_map was given, bit for bit. A quaternion typed with few digits is made one of unit length.
/// Fails   with one line that names file and line, what was found and what was wanted: another version, a word that is
///         none of a map's, counts that are not those of the lines, numbers that are missing, too many, not finite or
///         beyond 1e100, indices out of range, a focal length, baseline or depth of zero or below, a quaternion far
///         from unit length, a pair of view and point that is there twice, a point that no view sees, no end or
///         anything behind it, a line of more than kLongestLine bytes.
/// Cost    about 0.1 us a field; reads by the line, and memory grows with the lines, not with what the counts say.
Result<Scene> read_map(const std::string& path);
/// From memory; `name` stands for the file in errors.
Result<Scene> parse_map(std::string_view text, std::string_view name);

/// Needs   rotations of unit length to 1e-12, indices in range. A `turn` that its view has left behind is not written.
std::string to_map(const Scene& scene);
Status write_map(const std::string& path, const Scene& scene);

}  // namespace pipit
