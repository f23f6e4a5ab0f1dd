// reproject/test_scenes.h — small scenes of any camera for the tests of bundle.
#pragma once
#include <Eigen/Core>
#include <random>

#include "scene/scene.h"

namespace pipit::testing {

/// A few views around a cloud of points, seen through `model` with noise of a pixel or two; `third` as asked. Poses and
/// points are then moved a little, so that nothing is at its optimum. Explicit seed.
inline Scene cloud(CameraModel model, Third third, int views, int points, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto vector = [&] { return Eigen::Vector3d(uniform(random), uniform(random), uniform(random)); };
  const double side = model == CameraModel::Bal ? -1 : 1;
  Scene scene;
  scene.third = third;
  scene.baseline_m = 0.2, scene.depth_sigma = 0.01;
  for (int v = 0; v < views; ++v) {
    Camera camera{.model = model, .parameters = {}, .width = 0, .height = 0};
    const auto names = parameter_names(model);
    for (std::size_t k = 0; k < names.size(); ++k)
      camera.parameters[k] = names[k].front() == 'f'   ? 400 + 10 * v
                             : names[k].front() == 'c' ? 300 + 5 * v
                                                       : 0.02 * uniform(random);
    scene.cameras.push_back(camera);
    SE3<double>::Tangent d;
    d << 0.5 * vector(), 0.1 * vector();
    scene.views.push_back({.T_cam_world = SE3<double>::exp(d), .camera = v});
  }
  for (int p = 0; p < points; ++p) scene.points.push_back(1.5 * vector() + Eigen::Vector3d(0, 0, 5 * side));
  for (int p = 0; p < points; ++p)
    for (int v = 0; v < views; ++v) {
      if ((p + v) % 4 == 3) continue;  // not everything is seen
      const View& view = scene.views[static_cast<std::size_t>(v)];
      const Camera& camera = scene.cameras[static_cast<std::size_t>(v)];
      const Eigen::Vector3d at = view.T_cam_world.act(scene.points[static_cast<std::size_t>(p)]);
      const auto sight = camera.sight(at);
      Observation o{
          .view = v, .point = p, .u = sight->pixel[0] + normal(random), .v = sight->pixel[1] + normal(random)};
      if (third == Third::RightU) o.third = o.u - camera.lens()[kFx] * scene.baseline_m / at.z() + normal(random);
      if (third == Third::Depth) o.third = at.z() * (1 + 0.02 * normal(random));
      scene.observations.push_back(o);
    }
  for (View& view : scene.views) {
    SE3<double>::Tangent d;
    d << 0.01 * vector(), 0.003 * vector();
    view.T_cam_world = view.T_cam_world * SE3<double>::exp(d);
  }
  for (Eigen::Vector3d& p : scene.points) p += 0.02 * vector();
  return scene;
}

}  // namespace pipit::testing
