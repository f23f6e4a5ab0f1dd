#include "reproject/layout.h"

#include <algorithm>
#include <numeric>

#include "base/contract.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

void BundleLayout::build(const Scene& scene, bool estimate) {
  rows = scene.third == Third::None ? 2 : 3;
  views = static_cast<int>(scene.views.size()), points = static_cast<int>(scene.points.size());
  intrinsics = 0, shares = false;
  if (estimate)
    for (const Camera& camera : scene.cameras) intrinsics = std::max(intrinsics, camera.num_parameters());
  columns = kPoseColumns + intrinsics;
  views_with.assign(scene.cameras.size(), 0);
  camera_of.clear();
  for (const View& view : scene.views) {
    expects(view.camera >= 0 && at(view.camera) < scene.cameras.size(), "BundleLayout: no such camera");
    camera_of.push_back(view.camera);
    if (++views_with[at(view.camera)] > 1 && intrinsics > 0) shares = true;
  }

  next.assign(at(views), 0);
  for (const Observation& o : scene.observations) {
    expects(o.view >= 0 && o.view < views && o.point >= 0 && o.point < points, "BundleLayout: no such view or point");
    ++next[at(o.view)];
  }
  group_begin.assign(at(views) + 1, 0);
  for (int v = 0; v < views; ++v) group_begin[at(v) + 1] = group_begin[at(v)] + (next[at(v)] + kAbreast - 1) / kAbreast;
  groups = group_begin.back();
  view_of.resize(at(groups));
  for (int v = 0; v < views; ++v)
    std::fill(view_of.begin() + group_begin[at(v)], view_of.begin() + group_begin[at(v) + 1], v);

  point.assign(slots(), points);
  measured.assign(slots() * at(rows), 0.0);
  slot_of.resize(scene.observations.size());
  next.assign(at(views), 0);
  point_begin.assign(at(points) + 1, 0);
  for (std::size_t k = 0; k < scene.observations.size(); ++k) {
    const Observation& o = scene.observations[k];
    const std::int32_t slot = group_begin[at(o.view)] * kAbreast + next[at(o.view)]++;
    slot_of[k] = slot;
    point[at(slot)] = o.point;
    ++point_begin[at(o.point) + 1];
    double* group = &measured[at(slot / kAbreast * rows * kAbreast)];
    const double numbers[] = {o.u, o.v, o.third};
    for (int r = 0; r < rows; ++r) group[r * kAbreast + slot % kAbreast] = numbers[r];
  }
  std::partial_sum(point_begin.begin(), point_begin.end(), point_begin.begin());
  point_slots.resize(scene.observations.size());
  next.assign(point_begin.begin(), point_begin.end() - 1);
  for (std::size_t slot = 0; slot < slots(); ++slot)
    if (point[slot] < points) point_slots[at(next[at(point[slot])]++)] = static_cast<std::int32_t>(slot);
}

}  // namespace pipit
