#include "scene/bal_io.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <unordered_set>

#include "base/contract.h"
#include "base/file.h"
#include "base/text.h"

namespace pipit {
namespace {

constexpr double kLargest = 1e100;

// The fields of a text whatever its lines are, and what is wrong with the first that is wrong.
class FieldScan {
 public:
  FieldScan(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  double number(const char* what) {
    const std::string_view field = next(what);
    const auto value = parse_number<double>(field);
    if (ok() && !(value && std::abs(*value) <= kLargest))
      fail(fmt::format("{} is {}, wanted a finite number of at most 1e100", what, in_quotes(field)));
    return ok() ? *value : 0;
  }
  std::int64_t whole(const char* what, std::int64_t least, std::int64_t most) {
    const std::string_view field = next(what);
    const auto value = parse_number<std::int64_t>(field);
    if (ok() && !(value && *value >= least && *value <= most))
      fail(fmt::format("{} is {}, wanted a whole number from {} to {}", what, in_quotes(field), least, most));
    return ok() ? *value : 0;
  }
  void end() {
    skip();
    if (ok() && at_ < text_.size()) fail(fmt::format("{} behind the end", in_quotes(take())));
  }
  void fail(std::string why) {
    if (!error_) error_ = Error{Code::BadFormat, fmt::format("{}:{}: {}", name_, line_, std::move(why))};
  }
  bool ok() const { return !error_; }
  Error error() const { return *error_; }

 private:
  static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  void skip() {
    for (; at_ < text_.size() && blank(text_[at_]); ++at_) line_ += text_[at_] == '\n' ? 1 : 0;
  }
  std::string_view take() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !blank(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view next(const char* what) {
    if (!ok()) return {};
    skip();
    if (at_ == text_.size()) fail(fmt::format("the file ends, wanted {}", what));
    return take();
  }

  std::string_view text_, name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  std::optional<Error> error_;
};

}  // namespace

Result<Scene> parse_bal(std::string_view text, std::string_view name) {
  FieldScan scan(text, name);
  // Each observation takes eight bytes or more, each view eighteen, each point six: no file is trusted with more
  // memory.
  const auto bytes = static_cast<std::int64_t>(std::min<std::size_t>(text.size(), std::size_t{1} << 31));
  const std::int64_t views = scan.whole("the number of cameras", 1, bytes / 18 + 1);
  const std::int64_t points = scan.whole("the number of points", 1, bytes / 6 + 1);
  const std::int64_t observations = scan.whole("the number of observations", 1, bytes / 8 + 1);
  Scene scene;
  scene.observations.reserve(static_cast<std::size_t>(observations));
  std::unordered_set<std::int64_t> pairs;
  for (std::int64_t k = 0; k < observations && scan.ok(); ++k) {
    Observation& o = scene.observations.emplace_back();
    o.view = static_cast<std::int32_t>(scan.whole("the camera of an observation", 0, views - 1));
    o.point = static_cast<std::int32_t>(scan.whole("the point of an observation", 0, points - 1));
    o.u = scan.number("u"), o.v = scan.number("v");
    if (!pairs.insert(o.view * points + o.point).second)
      scan.fail(fmt::format("camera {} sees point {} twice", o.view, o.point));
  }
  for (std::int64_t k = 0; k < views && scan.ok(); ++k) {
    double n[9];
    for (double& v : n) v = scan.number("a number of a camera");
    View& view = scene.views.emplace_back();
    view.camera = static_cast<std::int32_t>(k);
    view.turn = Eigen::Vector3d(n[0], n[1], n[2]);
    view.T_cam_world = {SO3<double>::exp(view.turn).q, {n[3], n[4], n[5]}};
    scene.cameras.push_back({.model = CameraModel::Bal, .parameters = {n[6], n[7], n[8]}});
    if (scan.ok() && !(n[6] > 0))
      scan.fail(fmt::format("the focal length of camera {} is {}, wanted more than 0", k, n[6]));
  }
  for (std::int64_t k = 0; k < points && scan.ok(); ++k) {
    Eigen::Vector3d& p = scene.points.emplace_back();
    for (int i = 0; i < 3; ++i) p[i] = scan.number("a coordinate of a point");
  }
  scan.end();
  if (!scan.ok()) return scan.error();
  return scene;
}

Result<Scene> read_bal(const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{4} << 30;
  const auto text = read_file(path, kMostBytes);
  if (!text) return text.error();
  return parse_bal(*text, path);
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
    const bool kept = SO3<double>::exp(view.turn).q.coeffs() == view.T_cam_world.q.coeffs();
    const Eigen::Vector3d turn = kept ? view.turn : view.T_cam_world.so3().log(), &t = view.T_cam_world.t;
    for (const double v : {turn[0], turn[1], turn[2], t[0], t[1], t[2]}) fmt::format_to(add, "{}\n", v);
    for (std::size_t p = 0; p < 3; ++p) fmt::format_to(add, "{}\n", camera.parameters[p]);
  }
  for (const Eigen::Vector3d& p : scene.points) fmt::format_to(add, "{}\n{}\n{}\n", p[0], p[1], p[2]);
  return out;
}

Status write_bal(const std::string& path, const Scene& scene) { return write_file(path, to_bal(scene)); }

}  // namespace pipit
