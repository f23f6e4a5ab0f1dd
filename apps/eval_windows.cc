// pipit eval windows — many windows of a walking robot's camera: does mixed precision end where double ends, does half,
// and what does each rule of the method do?   Source: papers.md A3, A4, A9, A11.
#include <memory>

#include "base/clock.h"
#include "bundle/optimise.h"
#include "eval.h"
#include "household/household.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "sim_options.h"
#include "windows_report.h"

namespace pipit {
namespace {

struct WindowsOptions {
  int count = 100;
  HouseholdOptions sim = {.num_fixed = 10};
  double tolerance = 1e-6, offset_m = 0;
  bool ablation = false, quiet = false;
  std::string json, plot, first;
};

BundleOptions preset(const char* name, double tolerance, bool count_range) {
  BundleOptions options;
  options.precision = *bundle_precision(name);
  options.solver = BundleSolver::Cgnr;
  options.fix_intrinsics = true;
  options.tolerance = tolerance;
  options.count_range = count_range;  // costs time that nobody is to measure
  return options;
}

// What is compared; the first is the reference.
std::vector<std::pair<std::string, BundleOptions>> contenders(const WindowsOptions& o) {
  std::vector<std::pair<std::string, BundleOptions>> all;
  const auto add = [&](const char* name, const char* base, double tolerance, auto change) {
    BundleOptions options = preset(base, tolerance, o.ablation);
    change(options.precision);
    all.emplace_back(name, options);
  };
  const auto same = [](Precision&) {};
  if (!o.ablation) {
    for (const char* name : {"double", "single", "mixed"}) add(name, name, o.tolerance, same);
    for (const char* name : {"single", "mixed"}) {
      all.emplace_back(fmt::format("{}, implicit", name), preset(name, o.tolerance, false));
      all.back().second.solver = BundleSolver::Implicit;
    }
    add("mixed, fp16 sums", "mixed", o.tolerance, [](Precision& p) { p.accumulate = Accumulate::HalfSeparate; });
    add("half", "half", o.tolerance, same);
    return all;
  }
  // One rule changed in an otherwise fp64 solver, run until no step helps.
  add("double", "double", 0, same);
  add("residual single", "double", 0, [](Precision& p) { p.residual = Format::Single; });
  add("residual half", "double", 0, [](Precision& p) { p.residual = Format::Half; });
  add("update single", "double", 0, [](Precision& p) { p.update = Format::Single; });
  add("update half", "double", 0, [](Precision& p) { p.update = Format::Half; });
  add("mixed", "mixed", o.tolerance, same);
  add("mixed, no scaling", "mixed", o.tolerance, [](Precision& p) { p.scaling = false; });
  return all;
}

// `reference` becomes what the first contender made of it.
WindowProblem run_window(const WindowsOptions& o, int k, Scene& reference) {
  HouseholdOptions sim = o.sim;
  sim.seed += static_cast<std::uint64_t>(k);
  sim.origin = Eigen::Vector3d(o.offset_m, 0, 0);
  const SimulatedScene simulated = simulate_household(sim);
  WindowProblem problem{.seed = sim.seed,
                        .views = static_cast<int>(simulated.start.views.size()),
                        .points = static_cast<int>(simulated.start.points.size()),
                        .observations = static_cast<int>(simulated.start.observations.size()),
                        .residuals = simulated.start.third == Third::None ? 2 : 3,
                        .ate_start_m = ate_m(simulated.start, simulated.truth, Align::Rigid)};
  for (const auto& [name, options] : contenders(o)) {
    Scene scene = simulated.start;
    const auto summary = optimise(scene, options);
    if (problem.results.empty()) reference = scene;
    const Summary& m = summary.minimise;
    problem.results.emplace_back(name,
                                 WindowResult{.cost = summary.after.cost,
                                              .ate_m = ate_m(scene, simulated.truth, Align::Rigid),
                                              .from_double_m = ate_m(scene, reference, Align::None),
                                              .seconds = m.seconds.total,
                                              .seconds_solve = m.linear.seconds_solve,
                                              .seconds_products = m.linear.seconds_products,
                                              .iterations = m.iterations,
                                              .inner = m.linear.inner_iterations,
                                              .stop = m.stop,
                                              .range = m.linear.range,
                                              .cost_start = m.cost_initial,
                                              .trace = k == 0 ? m.trace : std::vector<Iteration>{}});
  }
  return problem;
}

Status run(const WindowsOptions& o) {
  for (const std::string& path : {o.json, o.plot, o.first})
    if (const Status fine = can_write(path); !fine) return fine;
  interrupted();
  std::vector<WindowProblem> problems;
  const Stopwatch watch;
  for (int k = 0; k < o.count && !interrupted(); ++k) {
    Scene reference;
    problems.push_back(run_window(o, k, reference));
    if (k == 0 && !o.first.empty())
      if (const Status done = write_file(o.first, first_window_pictures(problems.front(), reference)); !done)
        return done;
    if (const int step = std::max(1, o.count / 20); (k + 1) % step == 0)
      say(o.quiet, "{:5} of {} windows, {:.0f} s", k + 1, o.count, watch.seconds());
  }
  const WindowsReport report(problems);
  if (!o.quiet && o.json != "-") fmt::print("{}", report.in_words());
  if (!o.plot.empty())
    if (const Status done = write_file(o.plot, report.pictures(o.plot.ends_with(".html"))); !done) return done;
  Json json = report.as_json();
  json["seed"] = o.sim.seed;
  json["offset_m"] = o.offset_m;
  return write_json(o.json, json);
}

}  // namespace

void add_eval_windows(CLI::App& eval, Task& task) {
  auto o = std::make_shared<WindowsOptions>();
  CLI::App& app = *eval.add_subcommand(
      "windows", "bundle adjustment of simulated windows: ATE in double, single, mixed and half precision");
  add_number(app, "--count", o->count, 1, 1'000'000, "number of windows; window k has seed S + k");
  add_seed(app, o->sim.seed);
  add_number(app, "--views", o->sim.num_views, 4, 10'000, "key-frames of a window");
  add_number(app, "--known", o->sim.num_fixed, 1, 9'999, "leading key-frames whose poses are known, below --views");
  add_choice<Third>(app,
                    "--third",
                    o->sim.third,
                    {{"none", Third::None}, {"right", Third::RightU}, {"depth", Third::Depth}},
                    "third number of an observation: none, u in the right picture of a pair, or a depth");
  add_number(app, "--offset", o->offset_m, 0.0, 1e7, "distance of the window from the origin, m");
  add_number(
      app, "--tolerance", o->tolerance, 0.0, 1.0, "stop when an iteration lowers the cost by less than this part");
  app.add_flag("--ablation",
               o->ablation,
               "instead: one rule changed in an otherwise fp64 solver that runs until no step helps, and mixed without "
               "scaling (default: the precisions by CGNR, and two with points eliminated implicitly)");
  app.add_flag("--quiet", o->quiet, "no progress, no table (default: both)");
  add_json(app, o->json);
  add_plot(app, o->plot, "cumulative ATE, and distance from double");
  add_output(
      app,
      "--first",
      o->first,
      "of the first window: cost per iteration; errors of pixels beside what fp16 and fp32 make of a pixel; SVG");
  app.callback([o, &task] {
    expect_different_files({{"--json", o->json}, {"--plot", o->plot}, {"--first", o->first}});
    if (o->sim.num_fixed >= o->sim.num_views) throw CLI::ValidationError("--known", "is not below --views");
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
