// cameras/camera.h — a camera's intrinsics by the names that COLMAP gives them, and what it sees.
// Frames: x right, y down, z forward, m. Pixels: the centre of the first pixel is (0.5, 0.5), as in COLMAP.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "cameras/lens.h"

namespace pipit {

/// Numbers are COLMAP's own ids, as long as there are some.
enum class CameraModel : std::uint8_t {
  SimplePinhole = 0,  ///< f, cx, cy
  Pinhole = 1,        ///< fx, fy, cx, cy
  SimpleRadial = 2,   ///< f, cx, cy, k
  Radial = 3,         ///< f, cx, cy, k1, k2
  OpenCv = 4,         ///< fx, fy, cx, cy, k1, k2, p1, p2
  OpenCvFisheye = 5,  ///< fx, fy, cx, cy, k1, k2, k3, k4
  Bal = 100           ///< f, k1, k2: looks along -z, v up, centre 0 (Agarwal et al., Bundle Adjustment in the Large)
};

/// "SIMPLE_PINHOLE" to "OPENCV_FISHEYE", and "BAL".
std::string_view name_of(CameraModel model);
std::optional<CameraModel> camera_model(std::string_view name);
/// By name, in the order of the parameters.
std::span<const std::string_view> parameter_names(CameraModel model);
bool is_fisheye(CameraModel model);

inline constexpr int kMostParameters = 8;

struct Camera {
  CameraModel model = CameraModel::SimplePinhole;
  std::array<double, kMostParameters> parameters{};  ///< the first num_parameters() count
  int width = 0, height = 0;                         ///< pixels; 0: not known

  int num_parameters() const { return static_cast<int>(parameter_names(model).size()); }
  /// The lens that these parameters make, and d lens / d parameters, whose entries are -1, 0 or 1.
  std::array<double, kNumLens> lens() const;
  static Eigen::Matrix<double, kNumLens, kMostParameters> spread(CameraModel model);

  /// What is seen of a point; by_lens times spread() is by parameters. None: the point is not before the camera (nearer
  /// than 1e-9 of its distance to the plane z = 0, or on a fisheye's axis behind it) or not finite. BAL cameras see
  /// what is behind them too: costs of BAL files are known with such points in them.
  std::optional<Sight<double>> sight(const Eigen::Vector3d& p) const { return sight(p, lens()); }
  /// Through this camera's lens(), for those who look through it many times.
  std::optional<Sight<double>> sight(const Eigen::Vector3d& p, const std::array<double, kNumLens>& lens) const;
  /// The ray of unit length whose points are seen at this pixel, by Newton's method. None where it does not converge:
  /// outside the image of a lens that folds.   Accuracy: 1e-10 px after a round trip.
  std::optional<Eigen::Vector3d> ray(const Eigen::Vector2d& pixel) const;
  /// Every focal length is finite and not zero, every other parameter finite.
  bool is_sound() const;
};

}  // namespace pipit
