// scene/text_parts.h — what the readers of several formats have in common. Private to scene/.
#pragma once
#include <Eigen/Geometry>
#include <string>

#include "base/file.h"
#include "base/line_scan.h"
#include "cameras/camera.h"

namespace pipit {

/// Names the file and the line last read.
Error bad_line(const LineReader& lines, const std::string& why);

/// Width, height and parameters of a camera: the rest of its line begins with them. `scan` keeps what was wrong.
Camera scan_camera(LineScan& scan, CameraModel model);

/// The rotation that four numbers of a file stand for. A quaternion of unit length to 1e-12 keeps its bits, so that it
/// is known again: products drift by a few eps each, and hundreds of them stay below that. Needs a length above 0.
Eigen::Quaterniond as_rotation(const Eigen::Vector4d& wxyz);

}  // namespace pipit
