#include "scene/text_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace pipit {

Error bad_line(const LineReader& lines, const std::string& why) {
  return Error{Code::BadFormat, fmt::format("{}:{}: {}", lines.name(), std::max<std::int64_t>(lines.number(), 1), why)};
}

Camera scan_camera(LineScan& scan, CameraModel model) {
  constexpr std::int64_t kMostSize = std::numeric_limits<std::int32_t>::max();
  Camera camera{.model = model};
  camera.width = static_cast<int>(scan.whole("the width", 0, kMostSize));
  camera.height = static_cast<int>(scan.whole("the height", 0, kMostSize));
  const auto names = parameter_names(model);
  for (std::size_t k = 0; k < names.size(); ++k) {
    camera.parameters[k] = scan.number(names[k].data());
    if (scan.error().empty() && names[k].front() == 'f' && !(camera.parameters[k] > 0))
      scan.fail(fmt::format("{} is {}, wanted more than 0", names[k], camera.parameters[k]));
  }
  return camera;
}

Eigen::Quaterniond as_rotation(const Eigen::Vector4d& wxyz) {
  Eigen::Quaterniond q(wxyz[0], wxyz[1], wxyz[2], wxyz[3]);
  if (std::abs(q.norm() - 1) > 1e-12) q.coeffs() /= q.coeffs().stableNorm();
  return q;
}

}  // namespace pipit
