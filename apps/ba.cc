// pipit ba — what cameras have seen in; poses, points and intrinsics that fit it best out.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "app.h"
#include "ba_report.h"
#include "base/clock.h"
#include "bundle/optimise.h"
#include "options.h"
#include "progress.h"
#include "scene/scene_io.h"
#include "solve_options.h"

namespace pipit {
namespace {

struct BaOptions {
  std::string file, out, json, plot, precision = "mixed", robust = "none";
  double robust_scale = 0, time_limit_s = 0;
  bool quiet = false, scaling = true;
  std::optional<Accumulate> accumulate;
  SceneFormat format = SceneFormat::Auto;
  BundleOptions bundle;
};

std::string presets_in_words() {
  std::string text;
  for (const char* name : {"mixed", "single", "double", "half"})
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", name, describe(*bundle_precision(name)));
  return text;
}

BundleOptions bundle_options(const BaOptions& o, const Scene& scene) {
  BundleOptions options = o.bundle;
  options.precision = *bundle_precision(o.precision);
  options.precision.scaling = o.scaling;
  if (o.accumulate) options.precision.accumulate = *o.accumulate;
  if (o.time_limit_s > 0) options.time_limit_s = o.time_limit_s;
  options.loss.kind = *robust_kind(o.robust);
  const int dim = scene.third == Third::None ? 2 : 3;
  options.loss.scale = o.robust_scale > 0 ? o.robust_scale : default_scale(options.loss.kind, dim);
  // A stereo rig and a depth camera are calibrated as a whole: their numbers are not one camera's to change.
  options.fix_intrinsics = options.fix_intrinsics || scene.third != Third::None;
  options.count_range = !o.quiet || !o.json.empty();
  return options;
}

/// Whether the files that `path` stands for in this format can be written: said before the work, not after it.
Status can_write_scene(const std::string& path, SceneFormat format) {
  std::error_code ignored;
  if (path.empty() || format == SceneFormat::Bal || format == SceneFormat::Map) return can_write(path);
  if (format == SceneFormat::Colmap) {  // which makes its folder
    const bool taken = std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored);
    if (!taken && !is_standard_output(path)) return Done{};
    return Error{Code::InvalidArgument, path + ": wanted a folder, for the three files of COLMAP's model"};
  }
  const auto paths = stereo_paths(path);
  if (!paths) return paths.error();
  for (const std::string& file : {paths->factors, paths->poses, paths->calibration})
    if (const Status fine = can_write(file); !fine) return fine;
  return Done{};
}

Status run(const BaOptions& o) {
  for (const std::string& path : {o.json, o.plot})
    if (const Status fine = can_write(path); !fine) return fine;
  const Stopwatch watch;
  auto file = read_scene(o.file, o.format);
  if (!file) return file.error();
  if (const Status fine = can_write_scene(o.out, file->format(o.out)); !fine) return fine;
  const Scene& scene = file->scene;
  BaReport report{.file = o.file == "-" ? "standard input" : o.file,
                  .precision = o.precision,
                  .robust = o.robust,
                  .options = bundle_options(o, scene),
                  .seconds_read = watch.seconds(),
                  .start = scene};
  interrupted();  // from here on ctrl-C keeps the best so far
  report.summary = optimise(file->scene, report.options, progress(o.quiet, "cost", 1));
  report.end = file->scene;

  if (!o.out.empty())
    if (const Status done = write_scene(o.out, *file); !done) return done;
  if (!o.plot.empty())
    if (const Status done = write_file(o.plot, report.pictures(o.plot.ends_with(".html"))); !done) return done;
  if (const Status done = write_json(o.json, report.as_json()); !done) return done;
  const bool data = is_standard_output(o.json) || is_standard_output(o.out);
  if (!o.quiet) fmt::print(data ? stderr : stdout, "{}", report.in_words());
  return Done{};
}

}  // namespace

void add_ba(CLI::App& root, Task& task) {
  auto o = std::make_shared<BaOptions>();
  BundleOptions& b = o->bundle;
  CLI::App& app = *root.add_subcommand("ba", "bundle adjustment: optimise cameras and points");
  app.add_option("FILE",
                 o->file,
                 "BAL text, stereo factors (VO_stereo_factors*.txt beside poses and calibration), a folder with "
                 "COLMAP's text model or Pipit's own map; '-' is standard input (BAL, or what --format says)")
      ->required();
  add_choice<std::string>(app,
                          "--precision",
                          o->precision,
                          {{"mixed", "mixed"}, {"single", "single"}, {"double", "double"}, {"half", "half"}},
                          "number formats. " + presets_in_words());
  add_choice<BundleSolver>(app,
                           "--solver",
                           b.solver,
                           {{"auto", BundleSolver::Auto},
                            {"cgnr", BundleSolver::Cgnr},
                            {"schur", BundleSolver::Schur},
                            {"pcg", BundleSolver::Pcg},
                            {"implicit", BundleSolver::Implicit}},
                           "conjugate gradients on J alone; points eliminated and the rest factored; points eliminated "
                           "and conjugate gradients on the rest; the same without forming it (only J in fp16)");
  add_choice<ViewPreconditioner>(app,
                                 "--preconditioner",
                                 b.preconditioner,
                                 {{"jacobi", ViewPreconditioner::Jacobi},
                                  {"schur-jacobi", ViewPreconditioner::SchurJacobi},
                                  {"power-series", ViewPreconditioner::PowerSeries}},
                                 "of --solver implicit: blocks of the views before or after points are eliminated, or "
                                 "three terms of the inverse's series");
  add_choice<Landmarks>(app,
                        "--landmarks",
                        b.landmarks,
                        {{"points", Landmarks::Points}, {"inverse-depth", Landmarks::InverseDepth}},
                        "what a step adds to: x, y, z, or direction and inverse distance from the first view (far "
                        "landmarks need fewer steps; with --precision double where some have no parallax)");
  std::vector<Choice<std::string>> losses = {{"none", "none"}};
  for (const char* loss : {"huber", "cauchy", "tukey", "geman-mcclure"}) losses.push_back({loss, loss});
  add_choice<std::string>(app, "--robust", o->robust, losses, "doubt of observations that fit badly");
  add_number(app,
             "--robust-scale",
             o->robust_scale,
             0.0,
             1e6,
             "error at which doubt begins, px; 0: by loss, for errors of one pixel");
  app.add_flag(
      "--fix-intrinsics",
      b.fix_intrinsics,
      "keep focal lengths, centres and distortion, as is always done with a third number (default: estimated, once for "
      "all views of a camera)");
  add_choice<SceneFormat>(app,
                          "--format",
                          o->format,
                          {{"auto", SceneFormat::Auto},
                           {"bal", SceneFormat::Bal},
                           {"stereo", SceneFormat::Stereo},
                           {"colmap", SceneFormat::Colmap},
                           {"map", SceneFormat::Map}},
                          "of FILE");
  add_threads(app, b.num_threads);
  add_number(app, "--max-iterations", b.max_iterations, 0, 1'000'000'000, "linearisations");
  add_number(
      app, "--tolerance", b.tolerance, 0.0, 1.0, "stop when an iteration lowers the cost by less than this part");
  add_number(app, "--time-limit", o->time_limit_s, 0.0, 1e9, "seconds for the optimisation, 0: no limit");
  add_scaling(app, o->scaling);
  add_accumulate(app, o->accumulate);
  app.add_flag("--quiet", o->quiet, "no progress, no summary (default: both)");
  add_output(
      app,
      "--out",
      o->out,
      "the optimised scene: Pipit's map where the name ends in .map, else in the format of FILE; '-': standard output "
      "(BAL, map)");
  add_json(app, o->json);
  add_plot(app, o->plot, "cameras and points from above, before and after, and cost per iteration");
  app.callback([o, &task] {
    expect_different_files({{"--out", o->out}, {"--json", o->json}, {"--plot", o->plot}});
    const bool more_in_half =
        o->precision == "half" || !o->scaling || o->accumulate.value_or(Accumulate::Single) != Accumulate::Single;
    if (o->bundle.solver == BundleSolver::Implicit && more_in_half)
      throw CLI::ValidationError(
          "--solver", "implicit has scaled blocks, only J in fp16 and sums in fp32: wanted cgnr for the rest");
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
