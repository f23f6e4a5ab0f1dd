#include "window/sliding_window.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "base/contract.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

BundleOptions window_bundle(BundleOptions options) {
  options.fix_intrinsics = true;
  if (options.solver != BundleSolver::Cgnr) options.solver = BundleSolver::Implicit;  // these two know priors
  return options;
}

}  // namespace

SlidingWindow::SlidingWindow(
    const Camera& camera, Third third, double baseline_m, double depth_sigma, const WindowOptions& options)
    : options_(options), optimiser_(window_bundle(options.bundle)) {
  expects(options.keyframes >= 3 && camera.is_sound(),
          "SlidingWindow: needs three key-frames or more and a sound camera");
  scene_.cameras = {camera};
  scene_.third = third, scene_.baseline_m = baseline_m, scene_.depth_sigma = depth_sigma;
  leaving_ = scene_;
}

SlidingWindow::Landmark& SlidingWindow::of(std::int64_t track) {
  auto found = std::lower_bound(
      landmarks_.begin(), landmarks_.end(), track, [](const Landmark& l, std::int64_t t) { return l.track < t; });
  if (found == landmarks_.end() || found->track != track) found = landmarks_.insert(found, {.track = track});
  return *found;
}

std::optional<Eigen::Vector3d> SlidingWindow::landmark(std::int64_t track) const {
  const auto found = std::lower_bound(
      landmarks_.begin(), landmarks_.end(), track, [](const Landmark& l, std::int64_t t) { return l.track < t; });
  if (found == landmarks_.end() || found->track != track || !found->placed) return {};
  return found->place;
}

void SlidingWindow::add(const SE3<double>& T_world_cam, std::span<const TrackedPoint> tracks) {
  if (size() == options_.keyframes) drop_oldest();
  const auto view = static_cast<std::int32_t>(scene_.views.size());
  scene_.views.push_back(
      {.T_cam_world = T_world_cam.inverse(), .camera = 0, .fixed = num_left_ + view < options_.num_fixed});
  for (const TrackedPoint& point : tracks) {
    expects(std::isfinite(point.u) && std::isfinite(point.v) && std::isfinite(point.third),
            "SlidingWindow: not finite");
    seen_.push_back({view, point});
    Landmark& landmark = of(point.track);
    ++landmark.seen;
    landmark.last = view;
  }
  triangulate();
}

// Where all rays of a track come closest to each other, once two of them part enough; or by the third number.
void SlidingWindow::triangulate() {
  const Camera& camera = scene_.cameras.front();
  const auto newest = static_cast<std::int32_t>(scene_.views.size()) - 1;
  const auto first_of_newest =
      std::find_if(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.view == newest; });
  for (auto s = first_of_newest; s != seen_.end(); ++s) {
    Landmark& landmark = of(s->point.track);
    const auto ray = landmark.placed ? std::nullopt : camera.ray({s->point.u, s->point.v});
    if (!ray) continue;
    const SE3<double> T_world_cam = pose(newest);
    if (scene_.third != Third::None) {
      const double disparity = s->point.u - s->point.third;
      const double z =
          scene_.third == Third::Depth ? s->point.third : camera.lens()[kFx] * scene_.baseline_m / disparity;
      if (!(z > 0) || !std::isfinite(z) || !(ray->z() > 0)) continue;
      landmark.place = T_world_cam.act(*ray * (z / ray->z()));
      landmark.placed = true;
      continue;
    }
    Eigen::Matrix3d A = Eigen::Matrix3d::Zero();
    Eigen::Vector3d b = Eigen::Vector3d::Zero();
    const Eigen::Vector3d here = T_world_cam.q * *ray;
    double widest = 0;
    for (const Seen& other : seen_) {
      if (other.point.track != landmark.track) continue;
      const auto other_ray = camera.ray({other.point.u, other.point.v});
      if (!other_ray) continue;
      const SE3<double> T = pose(other.view);
      const Eigen::Vector3d d = T.q * *other_ray;
      const Eigen::Matrix3d across = Eigen::Matrix3d::Identity() - d * d.transpose();
      A += across, b += across * T.t;
      widest = std::max(widest, std::atan2(d.cross(here).norm(), d.dot(here)));
    }
    if (widest < options_.min_parallax_rad) continue;
    const Eigen::Vector3d place = A.inverse() * b;
    if (!place.allFinite() || !camera.sight(T_world_cam.inverse().act(place))) continue;
    landmark.place = place;
    landmark.placed = true;
  }
}

// scene_'s points and observations: landmarks that two key-frames or more see, or one with a third number.
void SlidingWindow::build_scene() {
  scene_.points.clear(), scene_.observations.clear();
  const int least = scene_.third == Third::None ? 2 : 1;
  for (Landmark& landmark : landmarks_) {
    landmark.point = -1;
    if (!landmark.placed || landmark.seen < least) continue;
    landmark.point = static_cast<std::int32_t>(scene_.points.size());
    scene_.points.push_back(landmark.place);
  }
  for (const Seen& s : seen_)
    if (const std::int32_t point = of(s.point.track).point; point >= 0)
      scene_.observations.push_back({s.view, point, s.point.u, s.point.v, s.point.third});
}

const BundleSummary& SlidingWindow::optimise(double budget_s) {
  build_scene();
  optimiser_.set_time_limit(budget_s);
  const BundleSummary& summary = optimiser_.run(scene_, {}, prior_.empty() ? nullptr : &prior_);
  for (Landmark& landmark : landmarks_)
    if (landmark.point >= 0) landmark.place = scene_.points[at(landmark.point)];
  return summary;
}

// Landmarks that the oldest key-frame sees and the newest does not leave with it, and what they knew stays in the
// prior. Of those still in sight only its own observation goes.
void SlidingWindow::drop_oldest() {
  const auto newest = static_cast<std::int32_t>(scene_.views.size()) - 1;
  if (options_.marginalise) {
    build_scene();
    leaving_.views.assign(scene_.views.begin(), scene_.views.end());
    leaving_.points.clear(), leaving_.observations.clear();
    // `point` of who leaves becomes its number there, shifted below -1
    for (const Seen& s : seen_) {
      if (s.view > 0) break;
      Landmark& landmark = of(s.point.track);
      if (landmark.point < 0 || landmark.last == newest) continue;
      leaving_.points.push_back(landmark.place);
      landmark.point = -1 - static_cast<std::int32_t>(leaving_.points.size());
    }
    for (const Seen& s : seen_)
      if (const std::int32_t point = of(s.point.track).point; point < -1)
        leaving_.observations.push_back({s.view, -2 - point, s.point.u, s.point.v, s.point.third});
    marginaliser_.drop_first(leaving_, options_.bundle.loss, prior_);
    for (std::int32_t& view : prior_.views) --view;
    const auto leaves = [&](const Seen& s) { return s.view == 0 || of(s.point.track).point < -1; };
    seen_.erase(std::remove_if(seen_.begin(), seen_.end(), leaves), seen_.end());
  } else {
    seen_.erase(std::remove_if(seen_.begin(), seen_.end(), [](const Seen& s) { return s.view == 0; }), seen_.end());
  }
  scene_.views.erase(scene_.views.begin());
  ++num_left_;
  if (!options_.marginalise) scene_.views[0].fixed = scene_.views[1].fixed = true;
  for (Landmark& landmark : landmarks_) landmark.seen = 0, --landmark.last;
  for (Seen& s : seen_) {
    --s.view;
    ++of(s.point.track).seen;
  }
  const auto unseen = [](const Landmark& landmark) { return landmark.seen == 0; };
  landmarks_.erase(std::remove_if(landmarks_.begin(), landmarks_.end(), unseen), landmarks_.end());
}

}  // namespace pipit
