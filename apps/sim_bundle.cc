// pipit sim bundle — a bundle adjustment problem whose truth is known.
#include <memory>
#include <numeric>

#include "app.h"
#include "household/household.h"
#include "scene/bal_io.h"
#include "scene/map_io.h"
#include "scene/stereo_io.h"
#include "sim_options.h"

namespace pipit {
namespace {

struct BundleOptions {
  HouseholdOptions household;
  std::string out = "-", truth;
};

/// The files that `path` stands for: itself, or the three of a stereo scene.
std::vector<std::string> files_of(const HouseholdOptions& o, const std::string& path) {
  const auto stereo = stereo_paths(path);
  if (names_map(path) || o.third == Third::None || !stereo) return {path};
  return {stereo->factors, stereo->poses, stereo->calibration};
}

Status write(const std::string& path, const Scene& scene) {
  if (names_map(path)) return write_map(path, scene);
  if (scene.third == Third::None) {
    const auto bal = as_bal(scene);
    if (!bal) return bal.error();
    return write_bal(path, *bal);
  }
  const auto paths = stereo_paths(path);
  if (!paths) return paths.error();
  StereoIds ids{.views = std::vector<std::int64_t>(scene.views.size()),
                .landmarks = std::vector<std::int64_t>(scene.points.size())};
  std::iota(ids.views.begin(), ids.views.end(), 0);
  std::iota(ids.landmarks.begin(), ids.landmarks.end(), 0);
  return write_stereo(*paths, scene, ids);
}

Status run(const BundleOptions& o) {
  for (const std::string& path : {o.out, o.truth})
    for (const std::string& file : files_of(o.household, path))
      if (const Status fine = can_write(file); !fine) return fine;
  const SimulatedScene made = simulate_household(o.household);
  if (const Status done = write(o.out, made.start); !done) return done;
  const bool data_on_stdout = is_standard_output(o.out) || is_standard_output(o.truth);
  const SceneError start = error_of(made.start), truth = error_of(made.truth);
  fmt::print(data_on_stdout ? stderr : stdout,
             "{} views, {} points, {} observations, seed {}; reprojection error {:.3g} px, {:.3g} px at the truth\n",
             made.start.views.size(),
             made.start.points.size(),
             made.start.observations.size(),
             o.household.seed,
             start.rms_px,
             truth.rms_px);
  return o.truth.empty() ? Status(Done{}) : write(o.truth, made.truth);
}

/// What no single option can check by itself.
void expect_fitting(const BundleOptions& all) {
  const HouseholdOptions& o = all.household;
  const auto wrong = [](const char* flag, const std::string& why) { throw CLI::ValidationError(flag, why); };
  for (const auto& [flag, path] : {std::pair{"--out", all.out}, std::pair{"--truth", all.truth}}) {
    if (path.empty() || names_map(path) || o.third == Third::None) continue;
    if (o.third == Third::Depth)
      wrong(flag, fmt::format("'{}' does not end in .map, and depths stand in Pipit's maps alone", path));
    if (const auto paths = stereo_paths(path); !paths) wrong(flag, paths.error().message);
  }
  if (o.track_length > o.num_views)
    wrong("--track", fmt::format("{} is more than there are views: {}", o.track_length, o.num_views));
  if (o.num_fixed >= o.num_views)
    wrong("--fixed", fmt::format("{} leaves none of {} views to find", o.num_fixed, o.num_views));
}

}  // namespace

void add_sim_bundle(CLI::App& sim, Task& task) {
  auto o = std::make_shared<BundleOptions>();
  HouseholdOptions& h = o->household;
  CLI::App& app = *sim.add_subcommand("bundle", "bundle adjustment: a robot walks through a household with a camera");
  app.footer(
      "The defaults make a window: five seconds of walk at ten key-frames a second. A building, room after room and "
      "again: --views 1000 --step 0.25 --per-view 80 --track 6.\n"
      "Files are BAL text: each view has a camera of its own that looks along -z, counts v upwards and has its centre "
      "at 0. Poses and pixels of the camera (640 x 480, f 450 px, z forward) are turned into that exactly; which views "
      "are fixed does not stand in the file.\n"
      "With --third right-u they are three: --out VO_stereo_factors1.txt names the factors, and VO_camera_poses1.txt "
      "and "
      "VO_calibration1.txt stand beside it; readers hold the first view.\n"
      "Any name that ends in .map makes one of Pipit's own files (docs/map_format.md): the camera as it is, with any "
      "third number, and the views that are fixed.");
  add_number(app, "--views", h.num_views, 4, 10'000, "number of views");
  add_number(app, "--step", h.step, 0.01, 0.5, "way between two views, m");
  add_number(app, "--per-view", h.seen_per_view, 8, 2000, "landmarks seen in a view");
  add_number(app, "--track", h.track_length, 4.0, 1e4, "views that see a landmark, in the mean, as far as they can");
  add_choice<Third>(app,
                    "--third",
                    h.third,
                    {{"none", Third::None}, {"right-u", Third::RightU}, {"depth", Third::Depth}},
                    "what is measured beside a pixel: u in a second camera to the right, or the depth, which needs a "
                    "--out that ends in .map");
  add_number(app, "--baseline", h.baseline_m, 1e-3, 10.0, "to the second camera, m");
  add_number(app, "--depth-sigma", h.depth_sigma, 1e-6, 1.0, "standard deviation of a depth of 1 m, m/px");
  add_number(app, "--pixel-noise", h.pixel_sigma, 0.0, 100.0, "standard deviation of u and v, px");
  add_number(app, "--start-position", h.start.position, 0.0, 10.0, "standard deviation of a view's start, m");
  add_number(app, "--start-angle", h.start.angle, 0.0, 1.0, "standard deviation of a view's start, rad");
  add_number(app, "--start-depth", h.start.depth, 0.0, 0.3, "standard deviation of a landmark's start, part of depth");
  add_number(app, "--fixed", h.num_fixed, 1, 10'000, "views at the beginning that start at the truth");
  add_number(app, "--origin", h.origin.x(), -1e7, 1e7, "added to all x, m");
  add_seed(app, h.seed);
  app.add_option("--out",
                 o->out,
                 "the problem as BAL text, stereo factors or a map, where odometry has it (default: standard output)")
      ->option_text("FILE");
  add_output(app, "--truth", o->truth, "the same with true views and points");
  app.callback([o, &task] {
    expect_fitting(*o);
    expect_different_files({{"--out", o->out}, {"--truth", o->truth}});
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
