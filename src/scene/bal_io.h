// scene/bal_io.h — BAL files (Agarwal et al., Bundle Adjustment in the Large, 2010) in and out.
//
//   cameras points observations
//   view point u v                 one for each observation
//   number                         nine for each view: turn (angle-axis) 3, shift 3, f, k1, k2; then three for each
//   point
//
// Fields are separated by blanks and ends of line in any way.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "scene/scene.h"

namespace pipit {

/// Yields  one camera for each view. Reading, writing and reading again gives the same bits.
/// Fails   with one line that names file and line, what was found and what was wanted: counts below one or above what
///         the file could hold, numbers that are missing, not finite or beyond 1e100, ids out of range, a pair of view
///         and point that is there twice, a point that no view sees, a focal length of zero or below, anything behind
///         the end, a line of more than kLongestLine bytes.
/// Cost    about 0.1 us a field; reads by the block.
Result<Scene> read_bal(const std::string& path);
/// From memory; `name` stands for the file in errors.
Result<Scene> parse_bal(std::string_view text, std::string_view name);

/// Needs   every camera a CameraModel::Bal of one view.
std::string to_bal(const Scene& scene);
Status write_bal(const std::string& path, const Scene& scene);

/// The same scene as BAL cameras see it, one for each view: they look along -z, count v upwards and have their centre
/// at 0, so poses are turned half around x and pixels are (u - cx, cy - v). Errors keep their size. Which views are
/// fixed and how large pictures are is lost with the file. Fails   where a camera has two focal lengths or a lens that
/// BAL cannot say, and where there is a third number.
Result<Scene> as_bal(const Scene& scene);

}  // namespace pipit
