#include "cameras/camera.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

namespace pipit {
namespace {

struct Model {
  CameraModel model;
  std::string_view name;
  int size;
  std::array<std::string_view, kMostParameters> names;
  std::array<std::array<int, 2>, kMostParameters> numbers;  // of the lens that a parameter is; twice the same: one
};

constexpr std::array<Model, 7> kModels{{
    {CameraModel::SimplePinhole, "SIMPLE_PINHOLE", 3, {"f", "cx", "cy"}, {{{kFx, kFy}, {kCx, kCx}, {kCy, kCy}}}},
    {CameraModel::Pinhole, "PINHOLE", 4, {"fx", "fy", "cx", "cy"}, {{{kFx, kFx}, {kFy, kFy}, {kCx, kCx}, {kCy, kCy}}}},
    {CameraModel::SimpleRadial,
     "SIMPLE_RADIAL",
     4,
     {"f", "cx", "cy", "k"},
     {{{kFx, kFy}, {kCx, kCx}, {kCy, kCy}, {kD1, kD1}}}},
    {CameraModel::Radial,
     "RADIAL",
     5,
     {"f", "cx", "cy", "k1", "k2"},
     {{{kFx, kFy}, {kCx, kCx}, {kCy, kCy}, {kD1, kD1}, {kD2, kD2}}}},
    {CameraModel::OpenCv,
     "OPENCV",
     8,
     {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"},
     {{{kFx, kFx}, {kFy, kFy}, {kCx, kCx}, {kCy, kCy}, {kD1, kD1}, {kD2, kD2}, {kD3, kD3}, {kD4, kD4}}}},
    {CameraModel::OpenCvFisheye,
     "OPENCV_FISHEYE",
     8,
     {"fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"},
     {{{kFx, kFx}, {kFy, kFy}, {kCx, kCx}, {kCy, kCy}, {kD1, kD1}, {kD2, kD2}, {kD3, kD3}, {kD4, kD4}}}},
    {CameraModel::Bal, "BAL", 3, {"f", "k1", "k2"}, {{{kFx, kFy}, {kD1, kD1}, {kD2, kD2}}}},
}};

const Model& model_of(CameraModel model) {
  return *std::find_if(kModels.begin(), kModels.end(), [&](const Model& m) { return m.model == model; });
}

}  // namespace

std::string_view name_of(CameraModel model) { return model_of(model).name; }

std::optional<CameraModel> camera_model(std::string_view name) {
  for (const Model& m : kModels)
    if (m.name == name) return m.model;
  return {};
}

std::span<const std::string_view> parameter_names(CameraModel model) {
  const Model& m = model_of(model);
  return std::span(m.names).first(static_cast<std::size_t>(m.size));
}

bool is_fisheye(CameraModel model) { return model == CameraModel::OpenCvFisheye; }

Eigen::Matrix<double, kNumLens, kMostParameters> Camera::spread(CameraModel model) {
  Eigen::Matrix<double, kNumLens, kMostParameters> out;
  out.setZero();
  const Model& m = model_of(model);
  for (int k = 0; k < m.size; ++k)
    for (const int number : m.numbers[static_cast<std::size_t>(k)]) out(number, k) = 1;
  // BAL looks along -z and counts v upwards: (x, y) / -z is -(x, y) / z, so both focal lengths turn.
  if (model == CameraModel::Bal) out(kFx, 0) = out(kFy, 0) = -1;
  return out;
}

std::array<double, kNumLens> Camera::lens() const {
  std::array<double, kNumLens> out{};
  const Eigen::Map<const Eigen::Matrix<double, kMostParameters, 1>> p(parameters.data());
  Eigen::Map<Eigen::Matrix<double, kNumLens, 1>>(out.data()) =
      spread(model).leftCols(num_parameters()) * p.head(num_parameters());
  return out;
}

std::optional<Sight<double>> Camera::sight(const Eigen::Vector3d& p, const std::array<double, kNumLens>& lens) const {
  if (!p.allFinite()) return {};
  const std::array<double, 3> at{p.x(), p.y(), p.z()};
  if (is_fisheye(model)) {
    if (p.z() <= 0 && p.head<2>().norm() <= 1e-9 * p.norm()) return {};
    return through_fisheye(lens, at);
  }
  const double ahead = model == CameraModel::Bal ? std::abs(p.z()) : p.z();
  if (!(ahead > 1e-9 * p.norm())) return {};
  return through_radial_tangential(lens, at);
}

std::optional<Eigen::Vector3d> Camera::ray(const Eigen::Vector2d& pixel) const {
  const auto l = lens();
  const bool behind = model == CameraModel::Bal;
  Eigen::Vector2d at((pixel.x() - l[kCx]) / l[kFx], (pixel.y() - l[kCy]) / l[kFy]);
  // The direction as (sin t, cos t) of a fisheye, or at distance one of a plane: both from two numbers.
  const auto direction = [&](const Eigen::Vector2d& a) -> Eigen::Vector3d {
    if (!is_fisheye(model)) return behind ? Eigen::Vector3d(-a.x(), -a.y(), -1) : Eigen::Vector3d(a.x(), a.y(), 1);
    const double t = a.norm(), share = t > 1e-12 ? std::sin(t) / t : 1;
    return {a.x() * share, a.y() * share, std::cos(t)};
  };
  const auto miss = [&](const Eigen::Vector2d& a) -> std::optional<Eigen::Vector2d> {
    const auto seen = sight(direction(a));
    if (!seen) return {};
    return Eigen::Vector2d(seen->pixel[0] - pixel.x(), seen->pixel[1] - pixel.y());
  };
  if (is_fisheye(model) && at.norm() > 3) at *= 3 / at.norm();  // never beyond straight back
  const double scale = std::max(std::abs(l[kFx]), std::abs(l[kFy]));
  for (int iteration = 0; iteration < 50; ++iteration) {
    const auto off = miss(at);
    if (!off || !off->allFinite()) return {};
    if (off->norm() <= 1e-12 * scale) break;
    constexpr double kStep = 1e-6;
    Eigen::Matrix2d slope;
    for (int k = 0; k < 2; ++k) {
      Eigen::Vector2d more = at, less = at;
      more[k] += kStep, less[k] -= kStep;
      const auto high = miss(more), low = miss(less);
      if (!high || !low) return {};
      slope.col(k) = (*high - *low) / (2 * kStep);
    }
    if (!(std::abs(slope.determinant()) > 0)) return {};
    Eigen::Vector2d step = slope.inverse() * *off;
    if (step.norm() > 0.5) step *= 0.5 / step.norm();
    at -= step;
  }
  const auto off = miss(at);
  if (!off || !(off->norm() <= 1e-9 * scale)) return {};
  return direction(at).normalized();
}

bool Camera::is_sound() const {
  const auto p = std::span(parameters).first(static_cast<std::size_t>(num_parameters()));
  if (!std::all_of(p.begin(), p.end(), [](double v) { return std::isfinite(v); })) return false;
  const auto l = lens();
  return l[kFx] != 0 && l[kFy] != 0;
}

}  // namespace pipit
