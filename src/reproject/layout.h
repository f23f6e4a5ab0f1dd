// reproject/layout.h — the observations of a scene by view, sixteen abreast: what every pass over them walks through.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "factor/aligned.h"
#include "scene/scene.h"

namespace pipit {

/// Observations that are worked on at once: one vector of fp32 on AVX-512, two on AVX2, four on NEON.
inline constexpr int kAbreast = 16;
/// Six of the pose (translation m, rotation rad, in the camera's frame: T <- retract at the left), then intrinsics.
inline constexpr int kPoseColumns = 6;
inline constexpr int kMostColumns = kPoseColumns + kMostParameters;

/// Calls body(integral_constant C) for C columns: poses alone, or with the parameters of any camera.
template <class Body>
auto with_columns(int columns, const Body& body) {
  switch (columns) {
    case kPoseColumns + 3:
      return body(std::integral_constant<int, kPoseColumns + 3>());
    case kPoseColumns + 4:
      return body(std::integral_constant<int, kPoseColumns + 4>());
    case kPoseColumns + 5:
      return body(std::integral_constant<int, kPoseColumns + 5>());
    case kMostColumns:
      return body(std::integral_constant<int, kMostColumns>());
    default:
      return body(std::integral_constant<int, kPoseColumns>());
  }
}

/// Groups of sixteen observations, each of one view. The last group of a view is filled up with slots that count for
/// nothing: their point is `points`, one behind the last.
struct BundleLayout {
  /// Needs: indices in range, every observation finite.   `estimate`: intrinsics of every camera; else 0 columns.
  BundleLayout(const Scene& scene, bool estimate) { build(scene, estimate); }
  BundleLayout() = default;
  /// Anew, in the same memory.
  void build(const Scene& scene, bool estimate);

  int rows = 2;                ///< R: residuals of an observation, 3 with a third number
  int intrinsics = 0;          ///< I: most parameters of a camera of the scene, or 0
  int columns = kPoseColumns;  ///< C = 6 + I
  int views = 0, points = 0, groups = 0;

  std::vector<std::int32_t> camera_of;    ///< [views]
  std::vector<std::int32_t> views_with;   ///< [cameras] how many views a camera has
  bool shares = false;                    ///< intrinsics are estimated, and some camera has several views
  std::vector<std::int32_t> group_begin;  ///< [views + 1]
  std::vector<std::int32_t> point;        ///< [slots]
  std::vector<std::int32_t> slot_of;      ///< [observations] of the scene, in its order
  std::vector<std::int32_t> point_begin;  ///< [points + 1] into point_slots
  std::vector<std::int32_t> point_slots;  ///< ascending in each point, so ascending by view
  std::vector<std::int32_t> view_of;      ///< [groups]
  AlignedVector<double> measured;         ///< [groups, R, 16]

  std::vector<std::int32_t> next;  ///< bench of build()

  std::size_t slots() const { return static_cast<std::size_t>(groups) * kAbreast; }
};

}  // namespace pipit
