#include "reproject/state.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

void take_values(const Scene& scene, BundleState& state) {
  state.T_world_cam.clear(), state.intrinsics.clear();
  for (const View& view : scene.views) state.T_world_cam.push_back(view.T_cam_world.inverse());
  for (const Camera& camera : scene.cameras) state.intrinsics.push_back(camera.parameters);
  state.points.assign(scene.points.begin(), scene.points.end());
  state.points.emplace_back(0, 0, 0);
}

LineariseForm form_of(const Scene& scene, const RobustLoss& loss) {
  return {.third = scene.third, .baseline_m = scene.baseline_m, .depth_sigma = scene.depth_sigma, .loss = loss};
}

void move(
    const Scene& scene, const BundleLayout& layout, const BundleState& from, const BundleStep& step, BundleState& to) {
  const std::size_t C = at(layout.columns);
  for (std::size_t v = 0; v < from.T_world_cam.size(); ++v) {
    const double* d = &step.views[v * C];
    to.T_world_cam[v] = scene.views[v].fixed
                            ? from.T_world_cam[v]
                            : from.T_world_cam[v].retract(Eigen::Map<const Eigen::Matrix<double, 6, 1>>(d));
    const std::size_t k = at(scene.views[v].camera);
    for (std::size_t i = 0; i < at(layout.intrinsics); ++i)
      to.intrinsics[k][i] = from.intrinsics[k][i] + d[kPoseColumns + i];
  }
  for (std::size_t p = 0; p + 1 < from.points.size(); ++p)
    to.points[p] = from.points[p] + Eigen::Map<const Eigen::Vector3d>(&step.points[3 * p]);
}

void Placed::place(const Scene& of, const BundleLayout& layout, const LineariseForm& form, const PosePrior* prior) {
  scene = &of;
  take_values(of, state);
  job = {
      .layout = &layout, .form = form, .views = {}, .points = {}, .taking = {}, .prior = prior, .prior_gradient = {}};
  prior_gradient.resize(prior != nullptr ? static_cast<std::size_t>(prior->size()) : 0);
  refresh();
  taking_part(job, taking);
  job.taking = taking;
}

void Placed::refresh() {
  fill_views(*scene, state, job.layout->intrinsics, views);
  job.views = views, job.points = state.points;
  // Without its constant: who stops at a small part of the cost means what can still be changed.
  prior_cost = job.prior != nullptr ? job.prior->evaluate(state.T_world_cam, prior_gradient) - job.prior->c : 0;
  job.prior_gradient = prior_gradient;
}

}  // namespace pipit
