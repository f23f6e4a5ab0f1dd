#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <unordered_map>

#include "base/file.h"
#include "base/line_scan.h"
#include "scene/colmap_io.h"
#include "scene/pair_set.h"
#include "scene/text_parts.h"

namespace pipit {
namespace {

constexpr std::int64_t kMostId = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kNobody = -1;

/// The lines of one of the files. They may be longer than kLongestLine: an image with 30 000 features has a megabyte.
class Text {
 public:
  Text(std::string_view text, const std::string& name) : text_(text), name_(name), lines_(text) {}
  std::optional<std::string_view> next() { return lines_.next(); }
  /// The next line that is neither empty nor a comment.
  std::optional<std::string_view> next_record() {
    while (const auto line = lines_.next()) {
      const std::string_view word = LineScan(*line).word();
      if (!word.empty() && word.front() != '#') return line;
    }
    return {};
  }
  std::size_t at(std::string_view line) const { return static_cast<std::size_t>(line.data() - text_.data()); }
  long number() const { return lines_.number(); }
  Error bad(const std::string& why, Code code = Code::BadFormat) const { return bad(lines_.number(), why, code); }
  Error bad(long line, const std::string& why, Code code = Code::BadFormat) const {
    return Error{code, fmt::format("{}:{}: {}", name_, line, why)};
  }

 private:
  std::string_view text_;
  const std::string& name_;
  Lines lines_;
};

class Reader {
 public:
  Reader(ColmapFiles texts, const ColmapFiles& names)
      : names_(names), texts_(std::move(texts)), images_text_(texts_.images, names_.images) {}

  Result<ColmapScene> read() {
    if (Status done = read_cameras(); !done) return done.error();
    if (Status done = read_images(); !done) return done.error();
    if (Status done = read_points(); !done) return done.error();
    if (Status done = connect(); !done) return done.error();
    out_.rest.texts = std::move(texts_);
    return std::move(out_);
  }

 private:
  static constexpr std::int32_t kNotRead = -1, kOnlyText = -2;  // instead of a point's index
  struct Image {
    long line = 0;
    std::vector<std::int64_t> points;  // of its features: ids, or kNobody
  };
  struct Named {
    std::int64_t features = 0;      // that name this point
    std::int32_t index = kNotRead;  // in the scene
  };

  Status read_cameras() {
    Text text(texts_.cameras, names_.cameras);
    while (const auto line = text.next_record()) {
      LineScan scan(*line);
      const std::int64_t id = scan.whole("the camera's id", 0, kMostId);
      if (!scan.error().empty()) return text.bad(scan.error());
      const std::string_view name = scan.word();
      const auto model = camera_model(name);
      if (!model || *model == CameraModel::Bal)
        return text.bad(
            fmt::format("the camera model is {}, wanted one from SIMPLE_PINHOLE to OPENCV_FISHEYE", in_quotes(name)),
            Code::Unsupported);
      const Camera camera = scan_camera(scan, *model);
      if (scan.ok() && !cameras_.emplace(id, static_cast<std::int32_t>(cameras_.size())).second)
        scan.fail(fmt::format("camera {} is there twice", id));
      if (!scan.error().empty()) return text.bad(scan.error());
      out_.scene.cameras.push_back(camera);
      out_.rest.cameras.push_back(id);
      out_.rest.camera_at.push_back(text.at(*line));
    }
    if (cameras_.empty()) return text.bad(1, "the file has no cameras, wanted one or more");
    return Done{};
  }

  Status read_images() {
    Text& text = images_text_;
    while (const auto line = text.next_record()) {
      LineScan scan(*line);
      const std::int64_t id = take_image(scan);
      if (!scan.error().empty()) return text.bad(scan.error());
      out_.rest.image_at.push_back(text.at(*line));
      Image& image = images_.emplace_back();
      image.line = text.number() + 1;
      const auto features = text.next();
      if (!features)
        return text.bad(fmt::format("the file ends, wanted a line with the features of image {}, or an empty one", id));
      LineScan triples(*features);
      while (triples.error().empty() && !triples.at_end()) take_feature(triples, image);
      if (!triples.error().empty()) return text.bad(triples.error());
    }
    if (images_.empty()) return text.bad(1, "the file has no images, wanted one or more");
    return Done{};
  }

  std::int64_t take_image(LineScan& scan) {
    const std::int64_t id = scan.whole("the image's id", 0, kMostId);
    Eigen::Vector4d wxyz;
    for (int k = 0; k < 4; ++k) wxyz[k] = scan.number("a number of the quaternion");
    View view;
    for (int k = 0; k < 3; ++k) view.T_cam_world.t[k] = scan.number("a number of the translation");
    const std::int64_t camera_id = scan.whole("the camera's id", 0, kMostId);
    std::string_view name = scan.rest();
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    if (name.empty()) scan.fail("the line ends, wanted the image's name");
    if (!scan.error().empty()) return id;
    if (wxyz.stableNorm() < 1e-3) scan.fail("the quaternion is zero, wanted one of unit length");
    const auto camera = cameras_.find(camera_id);
    if (camera == cameras_.end()) scan.fail(fmt::format("camera {} is not in {}", camera_id, names_.cameras));
    if (!image_of_.emplace(id, static_cast<std::int32_t>(image_of_.size())).second)
      scan.fail(fmt::format("image {} is there twice", id));
    if (!scan.error().empty()) return id;
    view.T_cam_world.q = as_rotation(wxyz);
    view.camera = camera->second;
    out_.scene.views.push_back(view);
    out_.rest.images.push_back(id);
    out_.rest.names.emplace_back(name);
    return id;
  }

  void take_feature(LineScan& scan, Image& image) {
    const double u = scan.number("X of a feature"), v = scan.number("Y of a feature");
    const std::int64_t point = scan.whole("the point of a feature", kNobody, kMostId);
    image.points.push_back(point);
    if (!scan.error().empty() || point == kNobody) return;
    ++points_[point].features;
    out_.scene.observations.push_back({static_cast<std::int32_t>(images_.size() - 1), 0, u, v});
  }

  Status read_points() {
    Text text(texts_.points, names_.points);
    while (const auto line = text.next_record()) {
      LineScan scan(*line);
      take_point(scan, text.at(*line));
      if (!scan.error().empty()) return text.bad(scan.error());
    }
    return Done{};
  }

  void take_point(LineScan& scan, std::size_t at) {
    const std::int64_t id = scan.whole("the point's id", 0, kMostId);
    Eigen::Vector3d p;
    for (int k = 0; k < 3; ++k) p[k] = scan.number("a coordinate");
    for (int k = 0; k < 3; ++k) scan.whole("a colour", 0, 255);
    scan.number("the error");
    track_.clear();
    while (scan.error().empty() && !scan.at_end()) {
      const std::int64_t image = scan.whole("an image of the track", 0, kMostId);
      const std::int64_t feature = scan.whole("a feature of the track", 0, kMostId);
      if (scan.error().empty()) check_feature(scan, id, image, feature);
      track_.emplace_back(image, feature);
    }
    std::sort(track_.begin(), track_.end());
    if (const auto twice = std::adjacent_find(track_.begin(), track_.end());
        scan.error().empty() && twice != track_.end())
      scan.fail(fmt::format("feature {} of image {} is twice in the track", twice->second, twice->first));
    if (!scan.error().empty()) return;
    Named& point = points_[id];
    if (point.index != kNotRead) return scan.fail(fmt::format("point {} is there twice", id));
    if (const auto found = static_cast<std::int64_t>(track_.size()); found != point.features)
      return scan.fail(
          fmt::format("the track has {} features, but {} of the images name point {}", found, point.features, id));
    if (point.features == 0) {
      ++out_.rest.unseen;
      point.index = kOnlyText;
      return;
    }
    point.index = static_cast<std::int32_t>(out_.scene.points.size());
    out_.scene.points.push_back(p);
    out_.rest.points.push_back(id);
    out_.rest.point_at.push_back(at);
  }

  void check_feature(LineScan& scan, std::int64_t point, std::int64_t image, std::int64_t feature) const {
    const auto place = image_of_.find(image);
    if (place == image_of_.end()) return scan.fail(fmt::format("image {} is not in {}", image, names_.images));
    const std::vector<std::int64_t>& points = images_[static_cast<std::size_t>(place->second)].points;
    if (feature >= static_cast<std::int64_t>(points.size()))
      return scan.fail(fmt::format("image {} has {} features, the track wants its {}", image, points.size(), feature));
    if (const std::int64_t named = points[static_cast<std::size_t>(feature)]; named != point)
      scan.fail(fmt::format("the track wants feature {} of image {}, which names point {}", feature, image, named));
  }

  /// Ids of points become indices; a second feature of the same image and point goes.
  Status connect() {
    PairSet pairs;
    std::size_t next = 0, kept = 0;
    std::vector<Observation>& all = out_.scene.observations;
    for (const Image& image : images_)
      for (const std::int64_t id : image.points) {
        if (id == kNobody) continue;
        Observation o = all[next++];
        o.point = points_.find(id)->second.index;
        if (o.point < 0) return images_text_.bad(image.line, fmt::format("point {} is not in {}", id, names_.points));
        if (pairs.insert(o.view, o.point)) {
          all[kept++] = o;
        } else {
          ++out_.rest.repeated;
        }
      }
    all.resize(kept);
    return Done{};
  }

  const ColmapFiles& names_;
  ColmapFiles texts_;
  Text images_text_;
  ColmapScene out_;
  std::vector<Image> images_;
  std::unordered_map<std::int64_t, std::int32_t> cameras_, image_of_;
  std::unordered_map<std::int64_t, Named> points_;
  std::vector<std::pair<std::int64_t, std::int64_t>> track_;
};

}  // namespace

Result<ColmapScene> parse_colmap(ColmapFiles texts, const ColmapFiles& names) {
  return Reader(std::move(texts), names).read();
}

Result<ColmapScene> read_colmap(const std::string& folder) {
  namespace fs = std::filesystem;
  const fs::path path(folder);
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    return Error{fs::exists(path, ignored) ? Code::Io : Code::NotFound,
                 folder + ": is no folder, wanted one with cameras.txt, images.txt and points3D.txt"};
  const ColmapFiles names{path / "cameras.txt", path / "images.txt", path / "points3D.txt"};
  ColmapFiles texts;
  for (const auto& [name, text] :
       {std::pair(&names.cameras, &texts.cameras), {&names.images, &texts.images}, {&names.points, &texts.points}}) {
    Result<std::string> content = read_file(*name);
    const bool binary = !content && fs::exists(fs::path(*name).replace_extension(".bin"), ignored);
    if (!content)
      return Error{content.error().code,
                   content.error().message +
                       (binary ? " (a binary model: colmap model_converter --output_type TXT makes text of it)" : "")};
    *text = std::move(*content);
  }
  return parse_colmap(std::move(texts), names);
}

}  // namespace pipit
