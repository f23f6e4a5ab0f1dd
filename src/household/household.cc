#include "household/household.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "base/contract.h"
#include "base/random.h"
#include "household/house_plan.h"

namespace pipit {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr int kWidth = 640, kHeight = 480;
constexpr double kFocal = 450, kNearest = 0.3, kFarthest = 8;
constexpr std::int32_t kLeast = 3;  // views that see a landmark in a row before it may be lost
constexpr std::int32_t kForgotten = 50;
constexpr double kParallax = 0.02;  // rad between first and last look; 0.5 px are 5 % of the depth then

/// Who sees what: the landmarks of all views, drawn one view after the other as a tracker does.
class Tracker {
 public:
  Tracker(const HouseholdOptions& o, const HousePlan& plan, const std::vector<SE3<double>>& T_world_cam, Camera camera)
      : o_(o), plan_(plan), T_world_cam_(T_world_cam), camera_(camera), random_(o.seed ^ 0x747261636bu) {
    for (const auto& T : T_world_cam) T_cam_world_.push_back(T.inverse());
  }

  void run() {
    const double wanted = static_cast<double>(o_.num_views) * o_.seen_per_view / o_.track_length;
    for (now_ = 0; now_ < o_.num_views; ++now_) {
      std::erase_if(active_, [&](const Track& t) { return t.until < now_; });
      // As many landmarks by now as keeps the mean; what is missing is made room for by losing tracks.
      const double share = static_cast<double>(now_) / std::max(1, o_.num_views - kLeast);
      const double first = std::min<double>(o_.seen_per_view, wanted);
      missing_ = first + (wanted - first) * std::min(1.0, share) - static_cast<double>(points_.size());
      lose(static_cast<std::int64_t>(missing_) - (o_.seen_per_view - static_cast<std::int64_t>(active_.size())));
      find_again();
      find_new();
      std::sort(active_.begin(), active_.end(), [](const Track& a, const Track& b) { return a.point < b.point; });
      for (const Track& t : active_) seen_.push_back({now_, t.point});
    }
  }

  std::vector<Vector3d> points_;
  std::vector<std::pair<std::int32_t, std::int32_t>> seen_;  // view, point

 private:
  struct Track {
    std::int32_t point, since, until;
  };
  struct Memory {
    std::int32_t point, last;
  };

  bool sees(std::int32_t view, const Vector3d& p) const {
    const auto v = static_cast<std::size_t>(view);
    const Vector3d in_cam = T_cam_world_[v].act(p);
    if (in_cam.z() < kNearest || in_cam.z() > kFarthest) return false;
    const auto sight = camera_.sight(in_cam);
    if (!sight ||
        !(sight->pixel[0] >= 0 && sight->pixel[0] < kWidth && sight->pixel[1] >= 0 && sight->pixel[1] < kHeight))
      return false;
    const Vector3d& eye = T_world_cam_[v].t;
    const auto met = plan_.look(eye, p - eye);
    return met && *met > 1 - 1e-6;
  }
  /// The last view in a row from now on that sees p; enough is enough.
  std::int32_t seen_until(const Vector3d& p) const {
    const std::int32_t end = std::min(o_.num_views, now_ + 4 * static_cast<std::int32_t>(std::ceil(o_.track_length)));
    std::int32_t view = now_ + 1;
    while (view < end && sees(view, p)) ++view;
    return view - 1;
  }
  std::int64_t place() const {
    const SE3<double>& T = T_world_cam_[static_cast<std::size_t>(now_)];
    const Vector3d ahead = T.q * Vector3d::UnitZ();
    const auto cell = [](double v) { return static_cast<std::int64_t>(std::floor(v)) & 0xfffff; };
    const double turn = std::atan2(ahead.y(), ahead.x()) / (2 * std::numbers::pi) + 1;
    return (cell(T.t.x()) << 40) | (cell(T.t.y()) << 8) | (static_cast<std::int64_t>(turn * 8) & 7);
  }
  bool full() const { return static_cast<std::int32_t>(active_.size()) >= o_.seen_per_view; }

  /// Whether two views see p from sides different enough to tell how far it is, as a triangulation asks for.
  bool tells_depth(const Vector3d& p, std::int32_t first, std::int32_t last) const {
    const Vector3d a = (p - T_world_cam_[static_cast<std::size_t>(first)].t).normalized();
    const Vector3d b = (p - T_world_cam_[static_cast<std::size_t>(last)].t).normalized();
    return a.cross(b).norm() >= kParallax;
  }

  void lose(std::int64_t count) {
    for (std::int64_t tries = 8 * count; count > 0 && tries > 0 && !active_.empty(); --tries) {
      const std::size_t t = random_.below(active_.size());
      const Track& track = active_[t];
      if (now_ - track.since < kLeast ||
          !tells_depth(points_[static_cast<std::size_t>(track.point)], track.since, now_ - 1))
        continue;
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(t));
      --count;
    }
  }
  void start(std::int32_t point, std::int32_t until) { active_.push_back({point, now_, until}); }

  /// About half of what there is room for, where the robot has been long ago and looked the same way.
  void find_again() {
    auto& here = memory_[place()];
    for (Memory& m : here) {
      if (full()) break;
      if (now_ - m.last < kForgotten || random_.uniform() < 0.5) continue;
      const Vector3d& p = points_[static_cast<std::size_t>(m.point)];
      if (!sees(now_, p)) continue;
      if (const std::int32_t until = seen_until(p); until > now_) start(m.point, until), m.last = until;
    }
  }

  void find_new() {
    if (now_ + kLeast > o_.num_views) return;
    const SE3<double>& T = T_world_cam_[static_cast<std::size_t>(now_)];
    for (int tries = 0; tries < 20 * o_.seen_per_view && !full();) {
      // Where too many are lost by themselves, the longest to be seen of several.
      std::int32_t until = 0;
      Vector3d best;
      const double few = 0.02 * o_.seen_per_view;
      for (int k = missing_ > few ? 1 : missing_ > -few ? 3 : 8; k > 0; --k, ++tries) {
        const Vector3d ray = *camera_.ray({random_.uniform(0, kWidth), random_.uniform(0, kHeight)});
        const auto met = plan_.look(T.t, T.q * ray);
        if (!met) continue;
        const Vector3d p = T.act(*met * ray);
        if (!sees(now_, p)) continue;
        if (const std::int32_t to = seen_until(p); to > until && tells_depth(p, now_, to)) until = to, best = p;
      }
      if (until - now_ + 1 < kLeast) continue;
      const auto point = static_cast<std::int32_t>(points_.size());
      points_.push_back(best);
      missing_ -= 1;
      start(point, until);
      if (auto& here = memory_[place()]; here.size() < 256) here.push_back({point, until});
    }
  }

  const HouseholdOptions& o_;
  const HousePlan& plan_;
  const std::vector<SE3<double>>& T_world_cam_;
  std::vector<SE3<double>> T_cam_world_;
  Camera camera_;
  Random random_;
  std::int32_t now_ = 0;
  double missing_ = 0;
  std::vector<Track> active_;
  std::unordered_map<std::int64_t, std::vector<Memory>> memory_;
};

Vector3d normal3(Random& random) { return {random.normal(), random.normal(), random.normal()}; }

/// Errors that neighbours share; the last view is where its two predecessors say: nothing has been seen in it yet.
void disturb_views(Scene& scene, const HouseholdOptions& o) {
  Random random(o.seed ^ 0x7669657773u);
  constexpr double kKeeps = 0.9;  // of an error from view to view: ten views to forget it
  const double fresh = std::sqrt(1 - kKeeps * kKeeps);
  SE3<double>::Tangent error = SE3<double>::Tangent::Zero();
  const auto last = static_cast<std::size_t>(o.num_views) - 1;
  for (std::size_t v = static_cast<std::size_t>(o.num_fixed); v <= last; ++v) {
    SE3<double>::Tangent d;
    d << o.start.position * normal3(random), o.start.angle * normal3(random);
    error = kKeeps * error + fresh * d;
    SE3<double>& T = scene.views[v].T_cam_world;
    if (error.squaredNorm() > 0) T = T.inverse().retract(error).inverse();
  }
  if (o.start.position > 0 || o.start.angle > 0) {
    const SE3<double>&a = scene.views[last - 2].T_cam_world, &b = scene.views[last - 1].T_cam_world;
    SE3<double>& T = scene.views[last].T_cam_world;
    T = b * a.inverse() * b;
    T.q.normalize();
  }
}

/// A landmark is where the view that saw it first takes it to be: wrong with that view, at a wrong depth.
void disturb_points(SimulatedScene& out, const HouseholdOptions& o) {
  Random random(o.seed ^ 0x6465707468u);
  std::vector<bool> done(out.truth.points.size());
  for (const Observation& seen : out.truth.observations) {
    const auto v = static_cast<std::size_t>(seen.view), p = static_cast<std::size_t>(seen.point);
    if (done[p]) continue;
    done[p] = true;
    const SE3<double>&T = out.truth.views[v].T_cam_world, &T_start = out.start.views[v].T_cam_world;
    // Never beyond half or one and a half of the depth: who is that wrong is thrown away by odometry.
    const double wrong = std::clamp(o.start.depth * random.normal(), -0.5, 0.5);
    if (wrong == 0 && T.t == T_start.t && T.q.coeffs() == T_start.q.coeffs()) continue;
    out.start.points[p] = T_start.inverse().act((1 + wrong) * T.act(out.truth.points[p]));
  }
}

}  // namespace

HouseholdOptions building(std::int32_t num_views) {
  HouseholdOptions o;
  o.num_views = num_views;
  o.step = 0.25;
  o.seen_per_view = 80;
  o.track_length = 6;
  return o;
}

SimulatedScene simulate_household(const HouseholdOptions& o) {
  expects(o.num_views >= 4 && o.num_fixed >= 1 && o.num_fixed < o.num_views, "simulate_household: views");
  expects(o.step >= 0.01 && o.step <= 0.5, "simulate_household: step outside [0.01, 0.5]");
  expects(o.seen_per_view >= 8 && o.seen_per_view <= 2000 && o.track_length >= 4 && o.track_length <= o.num_views,
          "simulate_household: landmarks per view or views per landmark out of range");
  expects(o.baseline_m > 0 && o.depth_sigma > 0 && o.pixel_sigma >= 0 && o.start.position >= 0 && o.start.angle >= 0 &&
              o.start.depth >= 0 && o.origin.allFinite(),
          "simulate_household: a negative sigma");
  Random path(o.seed);
  const double length = o.step * o.num_views, skip = path.uniform(0, 30);
  const HousePlan plan(4 + static_cast<int>(std::sqrt(length) / 3), path);
  const auto T_world_cam = camera_poses(plan.walk(skip + length + 2, path), skip, o.step, o.num_views);
  const Camera camera{.model = CameraModel::Pinhole,
                      .parameters = {kFocal, kFocal, 0.5 * kWidth, 0.5 * kHeight},
                      .width = kWidth,
                      .height = kHeight};
  Tracker tracker(o, plan, T_world_cam, camera);
  tracker.run();

  SimulatedScene out;
  Scene& truth = out.truth;
  truth.cameras = {camera};
  truth.third = o.third;
  if (o.third == Third::RightU) truth.baseline_m = o.baseline_m;
  if (o.third == Third::Depth) truth.depth_sigma = o.depth_sigma;
  for (const auto& T : T_world_cam) {
    const bool fixed = static_cast<std::int32_t>(truth.views.size()) < o.num_fixed;
    truth.views.push_back({.T_cam_world = T.inverse(), .camera = 0, .fixed = fixed});
  }
  truth.points = std::move(tracker.points_);
  Random noise(o.seed ^ 0x6e6f697365u);
  truth.observations.reserve(tracker.seen_.size());
  for (const auto& [view, point] : tracker.seen_) {
    const Vector3d p =
        truth.views[static_cast<std::size_t>(view)].T_cam_world.act(truth.points[static_cast<std::size_t>(point)]);
    const Vector3d n = o.pixel_sigma * normal3(noise);
    const auto [u, v] = camera.sight(p)->pixel;
    Observation& seen = truth.observations.emplace_back(Observation{view, point, u + n[0], v + n[1], 0});
    if (o.third == Third::RightU) seen.third = u - kFocal * o.baseline_m / p.z() + n[2];
    if (o.third == Third::Depth) seen.third = p.z() * std::max(0.1, 1 + n[2] * o.depth_sigma * p.z());
  }
  out.start = truth;
  disturb_views(out.start, o);
  disturb_points(out, o);
  // Seen first, moved then: an origin far away changes no observation.
  if (o.origin != Vector3d::Zero())
    for (Scene* scene : {&out.truth, &out.start}) {
      for (View& view : scene->views) view.T_cam_world.t -= view.T_cam_world.q * o.origin;
      for (Vector3d& p : scene->points) p += o.origin;
    }
  return out;
}

}  // namespace pipit
