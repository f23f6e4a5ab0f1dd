#include "scene/bal_io.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/contract.h"
#include "base/file.h"
#include "base/line_scan.h"
#include "scene/pair_set.h"

namespace pipit {
namespace {

// The numbers of the first line, and no more of anything than a file of that size could hold: each observation takes
// eight bytes or more, each view eighteen, each point six.
struct Counts {
  std::int64_t views, points, observations;
};
Counts read_counts(FieldScan& scan, std::size_t size) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto most = [&](std::size_t bytes) {
    return size == 0 ? kMost : std::min(kMost, static_cast<std::int64_t>(size / bytes) + 1);
  };
  Counts n{};
  n.views = scan.whole("the number of cameras", 1, most(18));
  n.points = scan.whole("the number of points", 1, most(6));
  n.observations = scan.whole("the number of observations", 1, most(8));
  return n;
}

void read_observations(FieldScan& scan, const Counts& n, Scene& scene) {
  PairSet pairs;
  std::vector<bool> seen(static_cast<std::size_t>(n.points));
  for (std::int64_t k = 0; k < n.observations && scan.ok(); ++k) {
    Observation& o = scene.observations.emplace_back();
    o.view = static_cast<std::int32_t>(scan.whole("the camera of an observation", 0, n.views - 1));
    o.point = static_cast<std::int32_t>(scan.whole("the point of an observation", 0, n.points - 1));
    o.u = scan.number("u"), o.v = scan.number("v");
    if (scan.ok() && !pairs.insert(o.view, o.point))
      scan.fail(fmt::format("camera {} sees point {} twice", o.view, o.point));
    seen[static_cast<std::size_t>(o.point)] = true;
  }
  const auto unseen = std::find(seen.begin(), seen.end(), false);
  if (scan.ok() && unseen != seen.end())
    scan.fail(fmt::format("no camera sees point {}, wanted one or more", unseen - seen.begin()));
}

void read_view(FieldScan& scan, Scene& scene) {
  double n[9];
  for (double& v : n) v = scan.number("a number of a camera");
  if (scan.ok() && !(n[6] > 0))
    scan.fail(fmt::format("the focal length of camera {} is {}, wanted more than 0", scene.views.size(), n[6]));
  View& view = scene.views.emplace_back();
  view.camera = static_cast<std::int32_t>(scene.cameras.size());
  view.turn = Eigen::Vector3d(n[0], n[1], n[2]);
  view.T_cam_world = {SO3<double>::exp(view.turn).q, {n[3], n[4], n[5]}};
  scene.cameras.push_back({.model = CameraModel::Bal, .parameters = {n[6], n[7], n[8]}});
}

Result<Scene> read_lines(LineReader lines) {
  FieldScan scan(lines);
  const Counts n = read_counts(scan, lines.size());
  Scene scene;
  if (scan.ok()) read_observations(scan, n, scene);
  for (std::int64_t k = 0; k < n.views && scan.ok(); ++k) read_view(scan, scene);
  for (std::int64_t k = 0; k < n.points && scan.ok(); ++k) {
    Eigen::Vector3d& p = scene.points.emplace_back();
    for (int i = 0; i < 3; ++i) p[i] = scan.number("a coordinate of a point");
  }
  scan.end();
  if (!scan.ok()) return scan.error();
  return scene;
}

}  // namespace

Result<Scene> parse_bal(std::string_view text, std::string_view name) { return read_lines(LineReader(text, name)); }

Result<Scene> read_bal(const std::string& path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  return read_lines(LineReader(std::move(*file)));
}

std::string to_bal(const Scene& scene) {
  std::string out = fmt::format("{} {} {}\n", scene.views.size(), scene.points.size(), scene.observations.size());
  const auto add = std::back_inserter(out);
  for (const Observation& o : scene.observations) fmt::format_to(add, "{} {} {} {}\n", o.view, o.point, o.u, o.v);
  std::vector<bool> used(scene.cameras.size());
  for (const View& view : scene.views) {
    const auto k = static_cast<std::size_t>(view.camera);
    const Camera& camera = scene.cameras[k];
    expects(camera.model == CameraModel::Bal && !used[k], "to_bal: every view has a BAL camera of its own");
    used[k] = true;
    const SE3<double>& T = view.T_cam_world;
    const Eigen::Vector3d turn = view.keeps_turn() ? view.turn : T.so3().log(), &t = T.t;
    for (const double v : {turn[0], turn[1], turn[2], t[0], t[1], t[2]}) fmt::format_to(add, "{}\n", v);
    for (std::size_t p = 0; p < 3; ++p) fmt::format_to(add, "{}\n", camera.parameters[p]);
  }
  for (const Eigen::Vector3d& p : scene.points) fmt::format_to(add, "{}\n{}\n{}\n", p[0], p[1], p[2]);
  return out;
}

Status write_bal(const std::string& path, const Scene& scene) { return write_file(path, to_bal(scene)); }

Result<Scene> as_bal(const Scene& scene) {
  if (scene.third != Third::None)
    return Error{Code::Unsupported, "BAL files hold u and v of an observation, no third number"};
  const Eigen::Quaterniond half_turn(0, 1, 0, 0);  // around x: (x, y, z) -> (x, -y, -z)
  Scene out = scene;
  out.cameras.clear();
  for (View& view : out.views) {
    const Camera& camera = scene.cameras[static_cast<std::size_t>(view.camera)];
    view.camera = static_cast<std::int32_t>(out.cameras.size());
    if (camera.model == CameraModel::Bal) {
      out.cameras.push_back(camera);
      continue;
    }
    const auto lens = camera.lens();
    if (is_fisheye(camera.model) || lens[kFx] != lens[kFy] || lens[kD3] != 0 || lens[kD4] != 0)
      return Error{
          Code::Unsupported,
          fmt::format("a BAL camera has one focal length and k1, k2: no place for {} with fx {}, fy {}, p1 {}, "
                      "p2 {}",
                      name_of(camera.model),
                      lens[kFx],
                      lens[kFy],
                      lens[kD3],
                      lens[kD4])};
    out.cameras.push_back({.model = CameraModel::Bal, .parameters = {lens[kFx], lens[kD1], lens[kD2]}});
    view.T_cam_world = SE3<double>{half_turn, Eigen::Vector3d::Zero()} * view.T_cam_world;
    view.turn = view.T_cam_world.so3().log();
  }
  for (Observation& o : out.observations) {
    const Camera& camera =
        scene.cameras[static_cast<std::size_t>(scene.views[static_cast<std::size_t>(o.view)].camera)];
    if (camera.model == CameraModel::Bal) continue;
    const auto lens = camera.lens();
    o.u -= lens[kCx];
    o.v = lens[kCy] - o.v;
  }
  return out;
}

}  // namespace pipit
