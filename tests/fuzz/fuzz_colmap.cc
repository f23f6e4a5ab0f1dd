// Any bytes at all as the three files of a COLMAP model: a scene that is written as the same bytes, or one printable
// line. What was changed is read again.
#include "scene/colmap_io.h"
#include "tests/fuzz/fuzz_scene.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  const auto [cameras, images, points] = fuzz::three_files(data, size);
  const ColmapFiles names{"cameras", "images", "points"};
  const auto read = parse_colmap({cameras, images, points}, names);
  if (!read) {
    fuzz::demand_clear(read.error());
    return 0;
  }
  fuzz::demand_sound(read->scene);
  const ColmapFiles same = to_colmap(read->scene, read->rest);
  fuzz::demand(same.cameras == cameras && same.images == images && same.points == points);
  Scene moved = read->scene;
  for (View& view : moved.views) view.T_cam_world = {view.T_cam_world.q.conjugate(), {1, 2, 3}};
  for (Eigen::Vector3d& p : moved.points) p = {0.5, 0.25, 1};
  for (Camera& camera : moved.cameras) camera.parameters[0] = 77;
  const auto again = parse_colmap(to_colmap(moved, read->rest), names);
  if (!again) fuzz::demand_clear(again.error());  // an ERROR may be beyond 1e100
  if (again) fuzz::demand(again->scene.points == moved.points && again->scene.cameras[0].parameters[0] == 77);
  return 0;
}
