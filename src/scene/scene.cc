#include "scene/scene.h"

#include <array>
#include <cmath>

namespace pipit {

SceneError error_of(const Scene& scene) {
  SceneError out;
  double pixels = 0, thirds = 0;
  std::int64_t seen = 0;
  std::int32_t last = -1;  // its lens is kept: observations mostly come view by view
  const Camera* camera = nullptr;
  std::array<double, kNumLens> lens{};
  for (const Observation& o : scene.observations) {
    const View& view = scene.views[static_cast<std::size_t>(o.view)];
    if (o.view != last) {
      camera = &scene.cameras[static_cast<std::size_t>(view.camera)];
      lens = camera->lens();
      last = o.view;
    }
    const Eigen::Vector3d p = view.T_cam_world.act(scene.points[static_cast<std::size_t>(o.point)]);
    const auto sight = camera->sight(p, lens);
    if (!sight) {
      ++out.not_seen;
      continue;
    }
    ++seen;
    const double du = sight->pixel[0] - o.u, dv = sight->pixel[1] - o.v;
    pixels += du * du + dv * dv;
    double dw = 0;
    if (scene.third == Third::RightU) dw = sight->pixel[0] - lens[kFx] * scene.baseline_m / p.z() - o.third;
    if (scene.third == Third::Depth) dw = (p.z() - o.third) / (scene.depth_sigma * o.third * o.third);
    thirds += dw * dw;
  }
  out.cost = 0.5 * (pixels + thirds);
  out.rms_px = seen > 0 ? std::sqrt(pixels / static_cast<double>(seen)) : 0;
  return out;
}

}  // namespace pipit
