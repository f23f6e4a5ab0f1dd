#include "scene/map_io.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/file.h"
#include "base/line_scan.h"
#include "scene/pair_set.h"
#include "scene/text_parts.h"

namespace pipit {
namespace {

constexpr std::string_view kVersion = "1";

class Reader {
 public:
  Result<Scene> read(LineReader lines) {
    for (;;) {
      const auto line = lines.next();
      if (!line) return line.error();
      if (!line->has_value()) break;
      LineScan scan((*line)->substr(0, (*line)->find('#')));
      if (lines.number() == 1) {
        take_magic(scan);
      } else if (!scan.at_end()) {
        take(scan.word(), scan);
      }
      if (!scan.ok()) return bad_line(lines, scan.error());
    }
    if (lines.number() == 0)
      return bad_line(lines, fmt::format("the file is empty, wanted {} {}", kMapMagic, kVersion));
    if (!ended_) return bad_line(lines, "the file ends, wanted 'end'");
    return std::move(scene_);
  }

 private:
  struct Counts {
    std::int64_t cameras = 0, views = 0, points = 0, observations = 0;
  };

  static void take_magic(LineScan& scan) {
    if (const auto magic = scan.word(); magic != kMapMagic)
      return scan.fail(fmt::format("the file begins with {}, wanted {} {}", in_quotes(magic), kMapMagic, kVersion));
    if (const auto version = scan.word(); version != kVersion)
      scan.fail(fmt::format("the version is {}, wanted {}", in_quotes(version), kVersion));
  }

  void take(std::string_view keyword, LineScan& scan) {
    constexpr std::array<std::pair<std::string_view, void (Reader::*)(LineScan&)>, 7> kLines{
        {{"counts", &Reader::take_counts},
         {"third", &Reader::take_third},
         {"camera", &Reader::take_camera},
         {"view", &Reader::take_view},
         {"point", &Reader::take_point},
         {"seen", &Reader::take_seen},
         {"end", &Reader::take_end}}};
    const auto* const found =
        std::find_if(kLines.begin(), kLines.end(), [&](const auto& l) { return l.first == keyword; });
    if (ended_) return scan.fail(fmt::format("{} behind the end", in_quotes(keyword)));
    if (found == kLines.end())
      return scan.fail(fmt::format("the line begins with {}, wanted counts, third, camera, view, point, seen or end",
                                   in_quotes(keyword)));
    if (counts_.has_value() == (keyword == "counts"))
      return scan.fail(counts_ ? "the counts are there twice"
                               : fmt::format("wanted the counts before {}", in_quotes(keyword)));
    (this->*found->second)(scan);
  }

  void take_counts(LineScan& scan) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    counts_ = {.cameras = scan.whole("the number of cameras", 1, kMost),
               .views = scan.whole("the number of views", 1, kMost),
               .points = scan.whole("the number of points", 0, kMost),
               .observations = scan.whole("the number of observations", 0, kMost)};
  }

  void take_third(LineScan& scan) {
    if (scene_.third != Third::None) return scan.fail("the third number is told twice");
    if (!scene_.observations.empty()) return scan.fail("the third number is told behind an observation");
    const auto kind = scan.word();
    if (kind != "right-u" && kind != "depth")
      return scan.fail(fmt::format("the third number is {}, wanted right-u or depth", in_quotes(kind)));
    scene_.third = kind == "depth" ? Third::Depth : Third::RightU;
    (kind == "depth" ? scene_.depth_sigma : scene_.baseline_m) =
        positive(scan, kind == "depth" ? "the depth's error" : "the baseline");
  }

  void take_camera(LineScan& scan) {
    const auto name = scan.word();
    const auto model = camera_model(name);
    if (!model)
      return scan.fail(fmt::format("the camera model is {}, wanted one from SIMPLE_PINHOLE to OPENCV_FISHEYE, or BAL",
                                   in_quotes(name)));
    scene_.cameras.push_back(scan_camera(scan, *model));
  }

  void take_view(LineScan& scan) {
    View& view = scene_.views.emplace_back();
    view.camera = index(scan, "the camera", counts_->cameras);
    const auto held = scan.word();
    if (held != "fixed" && held != "free")
      scan.fail(fmt::format("the view is {}, wanted fixed or free", in_quotes(held)));
    view.fixed = held == "fixed";
    const auto form = scan.word();
    if (form == "turn") {
      view.turn = vector<3>(scan, "a number of the turn");
      view.T_cam_world.q = SO3<double>::exp(view.turn).q;
    } else if (form == "quaternion") {
      // Three typed digits are enough; what is farther from unit length is a mistake.
      const auto wxyz = vector<4>(scan, "a number of the quaternion");
      if (const double length = wxyz.stableNorm(); scan.error().empty() && !(std::abs(length - 1) < 0.01))
        scan.fail(fmt::format("the length of the quaternion is {:.3g}, wanted 1", length));
      if (scan.error().empty()) view.T_cam_world.q = as_rotation(wxyz);
    } else {
      scan.fail(fmt::format("the rotation is a {}, wanted a quaternion or a turn", in_quotes(form)));
    }
    view.T_cam_world.t = vector<3>(scan, "a number of the translation");
  }

  void take_point(LineScan& scan) { scene_.points.push_back(vector<3>(scan, "a coordinate of the point")); }

  void take_seen(LineScan& scan) {
    Observation& o = scene_.observations.emplace_back();
    o.view = index(scan, "the view", counts_->views);
    o.point = index(scan, "the point", counts_->points);
    o.u = scan.number("u"), o.v = scan.number("v");
    if (scene_.third == Third::RightU) o.third = scan.number("u in the right picture");
    if (scene_.third == Third::Depth) o.third = positive(scan, "the depth");
    if (scan.error().empty() && !pairs_.insert(o.view, o.point))
      scan.fail(fmt::format("view {} sees point {} twice", o.view, o.point));
  }

  void take_end(LineScan& scan) {
    const auto count = [&](const char* what, std::size_t found, std::int64_t wanted) {
      if (static_cast<std::int64_t>(found) != wanted)
        scan.fail(fmt::format("the file has {} {}, the counts say {}", found, what, wanted));
    };
    count("cameras", scene_.cameras.size(), counts_->cameras);
    count("views", scene_.views.size(), counts_->views);
    count("points", scene_.points.size(), counts_->points);
    count("observations", scene_.observations.size(), counts_->observations);
    if (!scan.error().empty()) return;
    std::vector<bool> seen(scene_.points.size());
    for (const Observation& o : scene_.observations) seen[static_cast<std::size_t>(o.point)] = true;
    if (const auto unseen = std::find(seen.begin(), seen.end(), false); unseen != seen.end())
      scan.fail(fmt::format("no view sees point {}, wanted one or more", unseen - seen.begin()));
    if (scene_.third == Third::RightU &&
        std::any_of(scene_.cameras.begin(), scene_.cameras.end(), [](const Camera& c) { return is_fisheye(c.model); }))
      scan.fail("a fisheye camera has no rectified pair, wanted another model or another third number");
    ended_ = true;
  }

  static std::int32_t index(LineScan& scan, const char* name, std::int64_t count) {
    return static_cast<std::int32_t>(scan.whole(name, 0, count - 1));
  }
  static double positive(LineScan& scan, const char* name) {
    const double value = scan.number(name);
    if (scan.error().empty() && !(value > 0)) scan.fail(fmt::format("{} is {}, wanted more than 0", name, value));
    return value;
  }
  template <int kSize>
  static Eigen::Vector<double, kSize> vector(LineScan& scan, const char* name) {
    Eigen::Vector<double, kSize> out;
    for (double& number : out) number = scan.number(name);
    return out;
  }

  Scene scene_;
  std::optional<Counts> counts_;
  PairSet pairs_;
  bool ended_ = false;
};

}  // namespace

bool names_map(std::string_view path) { return path.ends_with(".map"); }

Result<Scene> parse_map(std::string_view text, std::string_view name) { return Reader().read(LineReader(text, name)); }

Result<Scene> read_map(const std::string& path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  return Reader().read(LineReader(std::move(*file)));
}

std::string to_map(const Scene& scene) {
  std::string out = fmt::format("{} {}\ncounts {} {} {} {}\n",
                                kMapMagic,
                                kVersion,
                                scene.cameras.size(),
                                scene.views.size(),
                                scene.points.size(),
                                scene.observations.size());
  const auto add = std::back_inserter(out);
  if (scene.third == Third::RightU) fmt::format_to(add, "third right-u {}\n", scene.baseline_m);
  if (scene.third == Third::Depth) fmt::format_to(add, "third depth {}\n", scene.depth_sigma);
  for (const Camera& camera : scene.cameras) {
    fmt::format_to(add, "camera {} {} {}", name_of(camera.model), camera.width, camera.height);
    for (int k = 0; k < camera.num_parameters(); ++k)
      fmt::format_to(add, " {}", camera.parameters[static_cast<std::size_t>(k)]);
    out += '\n';
  }
  for (const View& view : scene.views) {
    const auto& [q, t] = view.T_cam_world;
    fmt::format_to(add, "view {} {} ", view.camera, view.fixed ? "fixed" : "free");
    if (view.keeps_turn()) {
      fmt::format_to(add, "turn {} {} {}", view.turn[0], view.turn[1], view.turn[2]);
    } else {
      fmt::format_to(add, "quaternion {} {} {} {}", q.w(), q.x(), q.y(), q.z());
    }
    fmt::format_to(add, " {} {} {}\n", t.x(), t.y(), t.z());
  }
  for (const Eigen::Vector3d& p : scene.points) fmt::format_to(add, "point {} {} {}\n", p.x(), p.y(), p.z());
  for (const Observation& o : scene.observations) {
    fmt::format_to(add, "seen {} {} {} {}", o.view, o.point, o.u, o.v);
    if (scene.third != Third::None) fmt::format_to(add, " {}", o.third);
    out += '\n';
  }
  return out + "end\n";
}

Status write_map(const std::string& path, const Scene& scene) { return write_file(path, to_map(scene)); }

}  // namespace pipit
