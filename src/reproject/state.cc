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

void fill_views(const Scene& scene, const BundleState& state, int intrinsics, std::vector<ViewNumbers>& views) {
  views.resize(scene.views.size());
  for (std::size_t v = 0; v < views.size(); ++v) {
    ViewNumbers& out = views[v];
    const SE3<double>& T_world_cam = state.T_world_cam[v];
    Eigen::Map<Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(out.R) = T_world_cam.rotation().transpose();
    Eigen::Map<Eigen::Vector3d>(out.centre) = T_world_cam.t;
    const auto k = static_cast<std::size_t>(scene.views[v].camera);
    Camera camera = scene.cameras[k];
    camera.parameters = state.intrinsics[k];
    const auto lens = camera.lens();
    std::copy(lens.begin(), lens.end(), out.lens);
    if (intrinsics > 0) {
      const auto spread = Camera::spread(camera.model);
      for (int n = 0; n < kNumLens; ++n)
        for (int p = 0; p < kMostParameters; ++p) out.spread[n][p] = static_cast<std::int8_t>(spread(n, p));
    }
    out.fisheye = is_fisheye(camera.model);
    out.both_sides = camera.model == CameraModel::Bal;
    out.fixed = scene.views[v].fixed;
  }
}

void taking_part(const LineariseJob& job, std::vector<std::uint8_t>& taking) {
  const BundleLayout& layout = *job.layout;
  taking.assign(layout.slots(), 0);
  for (std::size_t slot = 0; slot < layout.slots(); ++slot) {
    if (layout.point[slot] == layout.points) continue;
    const ViewNumbers& view = job.views[static_cast<std::size_t>(layout.view_of[slot / kAbreast])];
    const Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>> R(view.R);
    const Eigen::Vector3d p =
        R * (job.points[static_cast<std::size_t>(layout.point[slot])] - Eigen::Map<const Eigen::Vector3d>(view.centre));
    // farther from the plane of the camera than the kernels ask for, so that fp32 agrees
    const double ahead = view.both_sides ? std::abs(p.z()) : p.z(), aside = p.head<2>().lpNorm<1>();
    taking[slot] = p.allFinite() && (view.fisheye ? ahead > 0 || aside > 1e-5 * -ahead : ahead > 1e-8 * aside);
  }
}

LineariseForm form_of(const Scene& scene, const RobustLoss& loss) {
  return {.third = scene.third, .baseline_m = scene.baseline_m, .depth_sigma = scene.depth_sigma, .loss = loss};
}

void Placed::place(const Scene& of, const BundleLayout& layout, const LineariseForm& form, const PosePrior* prior) {
  scene = &of;
  take_values(of, state);
  job = {.layout = &layout,
         .form = form,
         .views = {},
         .points = {},
         .taking = {},
         .prior = prior,
         .prior_gradient = {},
         .slopes = {}};
  if (form.landmarks == Landmarks::InverseDepth) inverse_depths.place(layout, state.T_world_cam, state.points);
  prior_gradient.resize(prior != nullptr ? static_cast<std::size_t>(prior->size()) : 0);
  refresh();
  taking_part(job, taking);
  job.taking = taking;
}

void Placed::refresh() {
  fill_views(*scene, state, job.layout->intrinsics, views);
  job.views = views, job.points = state.points;
  if (job.form.landmarks == Landmarks::InverseDepth) {
    slopes.resize(state.points.size());
    for (std::size_t p = 0; p < slopes.size(); ++p) slopes[p] = inverse_depths.slope(p, state.points[p]);
    job.slopes = slopes;
  }
  // Without its constant: who stops at a small part of the cost means what can still be changed.
  prior_cost = job.prior != nullptr ? job.prior->evaluate(state.T_world_cam, prior_gradient) - job.prior->c : 0;
  job.prior_gradient = prior_gradient;
}

void Placed::move(const BundleStep& step, BundleState& to) const {
  const BundleLayout& layout = *job.layout;
  const std::size_t C = at(layout.columns);
  for (std::size_t v = 0; v < state.T_world_cam.size(); ++v) {
    const double* d = &step.views[v * C];
    to.T_world_cam[v] = scene->views[v].fixed
                            ? state.T_world_cam[v]
                            : state.T_world_cam[v].retract(Eigen::Map<const Eigen::Matrix<double, 6, 1>>(d));
    const std::size_t k = at(scene->views[v].camera);
    for (std::size_t i = 0; i < at(layout.intrinsics); ++i)
      to.intrinsics[k][i] = state.intrinsics[k][i] + d[kPoseColumns + i];
  }
  for (std::size_t p = 0; p + 1 < state.points.size(); ++p) {
    const Eigen::Map<const Eigen::Vector3d> d(&step.points[3 * p]);
    to.points[p] = job.slopes.empty() ? state.points[p] + d : inverse_depths.moved(p, state.points[p], d);
  }
}

}  // namespace pipit
