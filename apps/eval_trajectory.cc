// pipit eval ate, pipit eval rpe — how far an estimated trajectory is from a reference.
#include <memory>

#include "eval.h"
#include "graph/trajectory_io.h"
#include "json.h"
#include "options.h"

namespace pipit {
namespace {

enum class Measure { Ate, Rpe };

struct TrajectoryOptions {
  Measure measure = Measure::Ate;
  std::string est, ref, json;
  Align align = Align::Rigid;
};

Json stats(const ErrorStats& s, const char* unit) {
  return {{fmt::format("rmse_{}", unit), number(s.rmse)},
          {fmt::format("mean_{}", unit), number(s.mean)},
          {fmt::format("median_{}", unit), number(s.median)},
          {fmt::format("max_{}", unit), number(s.max)}};
}

Json both(const Rpe& rpe) {
  Json json = stats(rpe.translation_m, "m");
  json.update(stats(rpe.rotation_deg, "deg"));
  json["pairs"] = rpe.translation_m.count;
  return json;
}

void print_row(const char* what, const ErrorStats& s) {
  if (s.count == 0)
    fmt::print("{:<26}{:>12}\n", what, "no pairs");
  else
    fmt::print("{:<26}{:>12.6g}{:>12.6g}{:>12.6g}{:>12.6g}\n", what, s.rmse, s.mean, s.median, s.max);
}

Status run(const TrajectoryOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  const auto est = read_trajectory(o.est);
  if (!est) return est.error();
  const auto ref = read_trajectory(o.ref);
  if (!ref) return ref.error();
  const auto matched = match(*est, *ref);
  if (!matched) return Error{matched.error().code, fmt::format("{} and {}: {}", o.est, o.ref, matched.error().message)};

  const bool talk = o.json != "-";
  Json json;
  json["measure"] = o.measure == Measure::Ate ? "ate" : "rpe";
  json["align"] = o.align == Align::None ? "none" : o.align == Align::Rigid ? "se" : "sim";
  if (talk)
    fmt::print(
        "{} poses matched; {} of the estimate and {} of the reference have no "
        "partner\n{:<26}{:>12}{:>12}{:>12}{:>12}\n",
        matched->matched,
        matched->unmatched,
        matched->unmatched_ref,
        "",
        "rmse",
        "mean",
        "median",
        "max");
  if (o.measure == Measure::Ate) {
    const AteReport report = ate(*matched, o.align);
    json.update(stats(report.position_m, "m"));
    json["scale"] = number(report.scale);
    json["alignment"] = report.fit == Fit::Unique ? "unique" : report.fit == Fit::Ambiguous ? "ambiguous" : "undefined";
    if (talk) print_row("position (m)", report.position_m);
  } else {
    const RpeReport report = rpe(*matched, o.align);
    json.update(stats(report.per_frame.translation_m, "m"));
    json["per_frame"] = both(report.per_frame);
    json["per_metre"] = both(report.per_metre);
    if (talk) {
      print_row("over one frame (m)", report.per_frame.translation_m);
      print_row("over one frame (deg)", report.per_frame.rotation_deg);
      print_row("over one metre (m)", report.per_metre.translation_m);
      print_row("over one metre (deg)", report.per_metre.rotation_deg);
    }
  }
  json["matched"] = matched->matched;
  json["unmatched"] = matched->unmatched;
  json["unmatched_ref"] = matched->unmatched_ref;
  return write_json(o.json, json);
}

void add(CLI::App& eval, Task& task, Measure measure, const char* command, const char* what) {
  auto o = std::make_shared<TrajectoryOptions>();
  o->measure = measure;
  CLI::App& app = *eval.add_subcommand(command, what);
  app.add_option("--est", o->est, "estimate: g2o, TUM or KITTI")->option_text("FILE")->required();
  app.add_option("--ref", o->ref, "reference: g2o, TUM or KITTI")->option_text("FILE")->required();
  add_choice<Align>(app,
                    "--align",
                    o->align,
                    {{"none", Align::None}, {"se", Align::Rigid}, {"sim", Align::Similarity}},
                    "bring the estimate onto the reference first: not at all, rotation and translation, and scale");
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace

void add_eval_trajectory(CLI::App& eval, Task& task) {
  add(eval,
      task,
      Measure::Ate,
      "ate",
      "absolute trajectory error, metres; poses match by id, row, or time within 20 ms");
  add(eval, task, Measure::Rpe, "rpe", "relative pose error over one frame and one metre, metres and degrees");
}

void add_eval(CLI::App& root, Task& task) {
  CLI::App& eval = *root.add_subcommand("eval", "measure: trajectories, and Pipit itself");
  eval.require_subcommand(1);
  add_eval_trajectory(eval, task);
  add_eval_loops(eval, task);
  add_eval_growth(eval, task);
  add_eval_increments(eval, task);
  add_eval_ablation(eval, task);
  add_eval_starts(eval, task);
  add_eval_windows(eval, task);
  add_eval_wer(eval, task);
  add_eval_lattice(eval, task);
  add_eval_endpoint(eval, task);
}

}  // namespace pipit
