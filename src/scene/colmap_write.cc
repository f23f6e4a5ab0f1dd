#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "base/contract.h"
#include "base/file.h"
#include "base/text.h"
#include "scene/colmap_io.h"
#include "scene/text_parts.h"

namespace pipit {
namespace {

/// A copy of a text in which some numbers are other ones.
class Patch {
 public:
  explicit Patch(std::string_view text) : text_(text) {}
  /// The first fields of the line that begins at `at`.
  template <std::size_t N>
  std::array<std::string_view, N> fields(std::size_t at) const {
    const auto line = Lines(text_.substr(at)).next();
    expects(line.has_value(), "to_colmap: the texts are not those that were read");
    Fields all(*line);
    std::array<std::string_view, N> out;
    for (std::string_view& field : out) field = all.next();
    return out;
  }
  /// Needs   fields from front to back.
  void replace(std::string_view field, double value) {
    const auto at = static_cast<std::size_t>(field.data() - text_.data());
    out_ += text_.substr(done_, at - done_);
    fmt::format_to(std::back_inserter(out_), "{}", value);
    done_ = at + field.size();
  }
  /// Only where it is another number. Yields whether it is.
  bool update(std::string_view field, double value) {
    if (value_of(field) == value) return false;
    replace(field, value);
    return true;
  }
  static double value_of(std::string_view field) {
    const auto value = parse_number<double>(field);
    expects(value.has_value(), "to_colmap: the texts are not those that were read");
    return *value;
  }
  std::string finish() {
    out_ += text_.substr(done_);
    return std::move(out_);
  }

 private:
  std::string_view text_;
  std::size_t done_ = 0;  // what stands before it is in out_
  std::string out_;
};

std::string cameras_of(const Scene& scene, const ColmapRest& rest) {
  Patch patch(rest.texts.cameras);
  for (std::size_t k = 0; k < scene.cameras.size(); ++k) {
    const auto fields = patch.fields<4 + kMostParameters>(rest.camera_at[k]);
    expects(fields[1] == name_of(scene.cameras[k].model), "to_colmap: a camera has another model");
    for (std::size_t p = 0; p < static_cast<std::size_t>(scene.cameras[k].num_parameters()); ++p)
      patch.update(fields[4 + p], scene.cameras[k].parameters[p]);
  }
  return patch.finish();
}

std::string images_of(const Scene& scene, const ColmapRest& rest) {
  Patch patch(rest.texts.images);
  for (std::size_t k = 0; k < scene.views.size(); ++k) {
    const auto fields = patch.fields<8>(rest.image_at[k]);
    const SE3<double>& T = scene.views[k].T_cam_world;
    Eigen::Vector4d wxyz;
    for (std::size_t i = 0; i < 4; ++i) wxyz[static_cast<int>(i)] = Patch::value_of(fields[1 + i]);
    if (as_rotation(wxyz).coeffs() != T.q.coeffs()) {
      const double now[] = {T.q.w(), T.q.x(), T.q.y(), T.q.z()};
      for (std::size_t i = 0; i < 4; ++i) patch.replace(fields[1 + i], now[i]);
    }
    for (std::size_t i = 0; i < 3; ++i) patch.update(fields[5 + i], T.t[static_cast<int>(i)]);
  }
  return patch.finish();
}

/// For every point the mean length of the pixel's error where it is seen, -1 where it never is.
std::vector<double> mean_errors(const Scene& scene) {
  std::vector<double> sum(scene.points.size()), count(scene.points.size());
  for (const Observation& o : scene.observations) {
    const View& view = scene.views[static_cast<std::size_t>(o.view)];
    const auto point = static_cast<std::size_t>(o.point);
    const auto sight =
        scene.cameras[static_cast<std::size_t>(view.camera)].sight(view.T_cam_world.act(scene.points[point]));
    if (!sight) continue;
    sum[point] += std::hypot(sight->pixel[0] - o.u, sight->pixel[1] - o.v);
    count[point] += 1;
  }
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = count[k] > 0 ? sum[k] / count[k] : -1;
  return sum;
}

std::string points_of(const Scene& scene, const ColmapRest& rest) {
  Patch patch(rest.texts.points);
  std::optional<std::vector<double>> errors;  // once somebody asks
  for (std::size_t k = 0; k < scene.points.size(); ++k) {
    const auto fields = patch.fields<8>(rest.point_at[k]);
    bool moved = false;
    for (std::size_t i = 0; i < 3; ++i)
      if (patch.update(fields[1 + i], scene.points[k][static_cast<int>(i)])) moved = true;
    if (!moved) continue;
    if (!errors) errors = mean_errors(scene);
    patch.update(fields[7], (*errors)[k]);
  }
  return patch.finish();
}

}  // namespace

ColmapFiles to_colmap(const Scene& scene, const ColmapRest& rest) {
  expects(scene.cameras.size() == rest.camera_at.size() && scene.views.size() == rest.image_at.size() &&
              scene.points.size() == rest.point_at.size(),
          "to_colmap: other cameras, views or points than were read");
  return {cameras_of(scene, rest), images_of(scene, rest), points_of(scene, rest)};
}

Status write_colmap(const std::string& folder, const Scene& scene, const ColmapRest& rest) {
  namespace fs = std::filesystem;
  const fs::path path(folder);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Error{Code::Io, folder + ": cannot make the folder: " + error.message()};
  if (fs::exists(path / "frames.txt", error))
    return Error{Code::Unsupported, (path / "frames.txt").string() + ": holds poses, too, wanted a folder without it"};
  const ColmapFiles texts = to_colmap(scene, rest);
  const FileContent files[] = {{path / "cameras.txt", texts.cameras},
                               {path / "images.txt", texts.images},
                               {path / "points3D.txt", texts.points}};
  return write_files(files);
}

}  // namespace pipit
