#include "scene/stereo_io.h"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/contract.h"
#include "base/file.h"
#include "base/line_scan.h"
#include "geom/nearest_rotation.h"
#include "scene/pair_set.h"
#include "scene/text_parts.h"

namespace pipit {
namespace {

constexpr std::string_view kFactors = "VO_stereo_factors", kPoses = "VO_camera_poses", kCalibration = "VO_calibration";

/// Calls take(scan) for every line that says something, and checks that it took all of it.
template <class Take>
Status each_line(LineReader& lines, Take take) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return Done{};
    LineScan scan(**line);
    if (scan.at_end()) continue;
    if (lines.number() > kMost) return bad_line(lines, "more lines than 32-bit indices can name");
    take(scan);
    if (!scan.ok()) return bad_line(lines, scan.error());
  }
}

Status read_calibration(LineReader& lines, Scene& scene) {
  FieldScan scan(lines);
  const double fx = scan.number("fx"), fy = scan.number("fy"), skew = scan.number("the skew");
  const double cx = scan.number("cx"), cy = scan.number("cy");
  scene.baseline_m = scan.number("the baseline");
  scan.end();
  if (scan.ok() && skew != 0) scan.fail(fmt::format("the skew is {}, wanted 0", skew));
  for (const auto& [name, value] : {std::pair("fx", fx), {"fy", fy}, {"the baseline", scene.baseline_m}})
    if (scan.ok() && !(value > 0)) scan.fail(fmt::format("{} is {}, wanted more than 0", name, value));
  if (!scan.ok()) return scan.error();
  scene.third = Third::RightU;
  scene.cameras.push_back({.model = CameraModel::Pinhole, .parameters = {fx, fy, cx, cy}});
  return Done{};
}

SE3<double> read_motion(LineScan& scan) {
  Eigen::Matrix4d M;
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 4; ++c) M(r, c) = scan.number();
  if (!scan.error().empty()) return {};
  if (M.row(3) != Eigen::RowVector4d(0, 0, 0, 1)) scan.fail("the last row of the matrix is not 0 0 0 1");
  // Rotations printed with three digits are taken, and nothing that is none.
  const Eigen::Matrix3d R = M.topLeftCorner<3, 3>(), nearest = nearest_rotation(R);
  if (!((R - nearest).norm() < 0.01)) scan.fail("the 3x3 matrix is no rotation");
  return {Eigen::Quaterniond(nearest).normalized(), M.topRightCorner<3, 1>()};
}

class Reader {
 public:
  Result<StereoScene> read(LineReader factors, LineReader poses, LineReader calibration) {
    Status done = read_calibration(calibration, out_.scene);
    if (done) done = each_line(poses, [&](LineScan& scan) { take_view(scan); });
    if (done && T_world_cam_.empty()) done = bad_line(poses, "the file has no poses, wanted one or more");
    if (done) done = each_line(factors, [&](LineScan& scan) { take_factor(scan, poses.name()); });
    if (done && out_.scene.observations.empty())
      done = bad_line(factors, "the file has no factors, wanted one or more");
    if (!done) return done.error();
    return std::move(out_);
  }

 private:
  void take_view(LineScan& scan) {
    const std::int64_t id = scan.id("the view");
    if (scan.error().empty() && !views_.emplace(id, static_cast<std::int32_t>(views_.size())).second)
      scan.fail(fmt::format("view {} is there twice", id));
    const SE3<double> T_world_cam = read_motion(scan);
    T_world_cam_.push_back(T_world_cam);
    out_.scene.views.push_back({.T_cam_world = T_world_cam.inverse(), .fixed = out_.scene.views.empty()});
    out_.ids.views.push_back(id);
  }

  void take_factor(LineScan& scan, const std::string& poses) {
    const std::int64_t view = scan.id("the view"), landmark = scan.id("the landmark");
    const double u = scan.number("uL"), right_u = scan.number("uR"), v = scan.number("v");
    const double x = scan.number("X"), y = scan.number("Y"), z = scan.number("Z");
    if (!scan.ok()) return;
    const auto place = views_.find(view);
    if (place == views_.end()) return scan.fail(fmt::format("view {} has no pose in {}", view, poses));
    const auto [point, fresh] = landmarks_.emplace(landmark, static_cast<std::int32_t>(landmarks_.size()));
    if (fresh) {
      out_.ids.landmarks.push_back(landmark);
      out_.scene.points.push_back(T_world_cam_[static_cast<std::size_t>(place->second)].act({x, y, z}));
    }
    if (!pairs_.insert(place->second, point->second))
      return scan.fail(fmt::format("view {} sees landmark {} twice", view, landmark));
    out_.scene.observations.push_back({place->second, point->second, u, v, right_u});
  }

  StereoScene out_;
  std::vector<SE3<double>> T_world_cam_;
  std::unordered_map<std::int64_t, std::int32_t> views_, landmarks_;
  PairSet pairs_;
};

}  // namespace

Result<StereoFiles> stereo_paths(const std::string& factors) {
  const std::filesystem::path path(factors);
  const std::string name = path.filename().string(), end = ".txt";
  if (!name.starts_with(kFactors) || !name.ends_with(end))
    return Error{Code::InvalidArgument,
                 fmt::format("{}: wanted a name like {}00s{}, which says what poses and calibration are called",
                             factors,
                             kFactors,
                             end)};
  const std::string suffix = name.substr(kFactors.size(), name.size() - kFactors.size() - end.size());
  const std::string digits = suffix.substr(0, std::min(suffix.find_first_not_of("0123456789"), suffix.size()));
  const auto beside = [&](std::string_view stem, const std::string& rest) {
    return (path.parent_path() / (std::string(stem) + rest + end)).string();
  };
  return StereoFiles{factors, beside(kPoses, suffix), beside(kCalibration, digits)};
}

Result<StereoScene> read_stereo(const StereoFiles& paths) {
  std::vector<LineReader> lines;
  for (const std::string* path : {&paths.factors, &paths.poses, &paths.calibration}) {
    Result<InputFile> file = InputFile::open(*path);
    if (!file)
      return Error{file.error().code,
                   path == &paths.factors ? file.error().message
                                          : fmt::format("{} (wanted for {})", file.error().message, paths.factors)};
    lines.emplace_back(std::move(*file));
  }
  return Reader().read(std::move(lines[0]), std::move(lines[1]), std::move(lines[2]));
}

Result<StereoScene> read_stereo(const std::string& factors) {
  const Result<StereoFiles> paths = stereo_paths(factors);
  if (!paths) return paths.error();
  return read_stereo(*paths);
}

Result<StereoScene> parse_stereo(const StereoFiles& texts, const StereoFiles& names) {
  return Reader().read(LineReader(texts.factors, names.factors),
                       LineReader(texts.poses, names.poses),
                       LineReader(texts.calibration, names.calibration));
}

StereoFiles to_stereo(const Scene& scene, const StereoIds& ids) {
  expects(scene.third == Third::RightU && scene.cameras.size() == 1 && ids.views.size() == scene.views.size() &&
              ids.landmarks.size() == scene.points.size(),
          "to_stereo: one camera, and a number for every view and landmark");
  expects(scene.cameras[0].model == CameraModel::Pinhole, "to_stereo: a pinhole camera");
  StereoFiles out;
  const auto& p = scene.cameras[0].parameters;
  out.calibration = fmt::format("{} {} 0 {} {} {}\n", p[0], p[1], p[2], p[3], scene.baseline_m);
  auto add = std::back_inserter(out.poses);
  for (std::size_t k = 0; k < scene.views.size(); ++k) {
    const Eigen::Matrix4d M = scene.views[k].T_cam_world.inverse().matrix();
    fmt::format_to(add, "{}", ids.views[k]);
    for (int r = 0; r < 4; ++r)
      for (int c = 0; c < 4; ++c) fmt::format_to(add, " {}", M(r, c));
    out.poses += '\n';
  }
  add = std::back_inserter(out.factors);
  for (const Observation& o : scene.observations) {
    const auto view = static_cast<std::size_t>(o.view), point = static_cast<std::size_t>(o.point);
    const Eigen::Vector3d at = scene.views[view].T_cam_world.act(scene.points[point]);
    fmt::format_to(add, "{} {} {} {} {} ", ids.views[view], ids.landmarks[point], o.u, o.third, o.v);
    fmt::format_to(add, "{} {} {}\n", at.x(), at.y(), at.z());
  }
  return out;
}

Status write_stereo(const StereoFiles& paths, const Scene& scene, const StereoIds& ids) {
  const StereoFiles texts = to_stereo(scene, ids);
  const FileContent files[] = {
      {paths.factors, texts.factors}, {paths.poses, texts.poses}, {paths.calibration, texts.calibration}};
  return write_files(files);
}

}  // namespace pipit
