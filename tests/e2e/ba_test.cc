// `pipit ba` from the outside: the numbers, the JSON, the four formats it reads and writes, and when it stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/data_path.h"
#include "tests/e2e/program.h"
#include "tests/e2e/small_scenes.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Solved {
  Outcome run;
  mutable json report;  ///< null when none was written; mutable: a missing field reads as null, and fails the test
  double number(const char* name) const { return report[name].is_number() ? report[name].get<double>() : NAN; }
};

/// Runs ba with --json; a report that is no JSON fails the test (so NaN or inf in it do).
Solved solve(const ScratchFolder& scratch, std::vector<std::string> arguments, const RunOptions& options = {}) {
  const std::string path = scratch.file("report.json");
  std::filesystem::remove(path);
  arguments.insert(arguments.begin(), "ba");
  arguments.insert(arguments.end(), {"--json", path});
  Solved solved{run_pipit(arguments, options), nullptr};
  EXPECT_EQ(solved.run.exit_code, 0) << solved.run.err;
  if (std::filesystem::exists(path)) {
    solved.report = json::parse(text_of(path), nullptr, false);
    EXPECT_FALSE(solved.report.is_discarded()) << text_of(path);
  }
  return solved;
}

/// "Within 0.1 %" is what Pipit promises of every preset but `half`.
void expect_close(double value, double wanted) { EXPECT_NEAR(value, wanted, 1e-3 * wanted); }

TEST(Ba, ReportHoldsEveryField) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {window(scratch), "--fix-intrinsics"});
  EXPECT_EQ(s.report["cameras"], 20);  // a BAL file has one for each view
  EXPECT_EQ(s.report["views"], 20);
  for (const char* name : {"points", "observations", "taking_part", "iterations", "threads", "inner_iterations"})
    EXPECT_GT(s.number(name), 0) << name;
  EXPECT_LE(s.number("taking_part"), s.number("observations"));
  EXPECT_GT(s.number("observations"), 3 * s.number("points"));  // each is seen three times or more
  for (const char* name : {"cost_initial", "cost_final", "objective_initial", "objective_final"})
    EXPECT_GT(s.number(name), 0) << name;
  EXPECT_LT(s.number("cost_final"), 0.1 * s.number("cost_initial"));
  EXPECT_LT(s.number("rms_px_final"), s.number("rms_px_initial"));
  // Half the squared error and the root of its mean say the same of a scene without a third number.
  const double n = s.number("observations"), rms = s.number("rms_px_final");
  EXPECT_NEAR(s.number("cost_final"), 0.5 * n * rms * rms, 1e-9 * n);
  for (const char* name : {"stop", "solver", "solver_reason", "precision", "precision_detail", "robust", "version"})
    EXPECT_TRUE(s.report[name].is_string()) << name;
  EXPECT_EQ(s.report["precision"], "mixed");
  EXPECT_EQ(s.report["robust"], "none");
  EXPECT_EQ(s.report["fixed_intrinsics"], true);
  EXPECT_EQ(s.report["stop"], "converged");
  for (const char* name : {"total", "read", "linearize", "solve", "update"})
    EXPECT_GE(s.report["seconds"][name].get<double>(), 0) << name;
  for (const char* name : {"overflow", "underflow", "subnormal"})
    EXPECT_TRUE(s.report["half"][name].is_number_unsigned()) << name;
  EXPECT_EQ(s.report["half"]["overflow"], 0);
  EXPECT_EQ(s.report["trace"].size(), s.report["iterations"]);
  double before = s.number("objective_initial");
  for (const json& step : s.report["trace"]) {
    EXPECT_LE(step["cost"].get<double>(), before) << "no step may raise the cost";
    before = step["cost"].get<double>();
  }
  EXPECT_EQ(before, s.number("objective_final"));
}

// With a right picture scale is known, so truth and start end in one place; with three numbers an observation the least
// cost lies below the truth's by about one half for each unknown.
TEST(Ba, AStereoPairEndsBesideTheTruth) {
  const ScratchFolder scratch;
  const std::string start = scratch.file("VO_stereo_factors1.txt"), truth = scratch.file("VO_stereo_factors2.txt");
  const Outcome made = run_pipit({"sim", "bundle", "--third", "right-u", "--out", start, "--truth", truth});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(scratch.names().size(), 6u);
  const Solved a = solve(scratch, {start}), b = solve(scratch, {truth});
  EXPECT_EQ(a.report["views"], 50);
  EXPECT_EQ(a.report["cameras"], 1);
  EXPECT_EQ(a.report["fixed_intrinsics"], true);
  EXPECT_GT(a.number("cost_initial"), 10 * b.number("cost_initial"));
  expect_close(a.number("cost_final"), b.number("cost_final"));
  EXPECT_LT(a.number("cost_final"), b.number("cost_initial"));
  const double unknowns = 6 * (a.number("views") - 1) + 3 * a.number("points"), sigma = 0.5;
  const double gained = b.number("cost_initial") - b.number("cost_final");
  EXPECT_NEAR(gained, 0.5 * sigma * sigma * unknowns, 0.25 * sigma * sigma * unknowns);
}

TEST(Ba, WhatItWritesReadsBackAsTheSameScene) {
  const ScratchFolder scratch;
  const std::string stereo = scratch.file("VO_stereo_factors1.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--third", "right-u", "--out", stereo}).exit_code, 0);
  const std::pair<std::string, std::string> cases[] = {
      {window(scratch), scratch.file("out.txt")},
      {stereo, scratch.file("VO_stereo_factors_out.txt")},
      {write_colmap_arc(scratch, "model"), scratch.file("model_out")},
      {scratch.file("model_out"), scratch.file("model_out")},  // a folder that is there: its files are replaced
      {window(scratch), scratch.file("window.map")},           // any format becomes a map
      {stereo, scratch.file("stereo.map")},
      {scratch.file("model"), scratch.file("model.map")},
      {scratch.file("model.map"), scratch.file("any.name")}};
  for (const auto& [in, out] : cases) {
    SCOPED_TRACE(in);
    const Solved first = solve(scratch, {in, "--out", out});
    const Solved again = solve(scratch, {out, "--max-iterations", "0"});
    for (const char* name : {"cameras", "views", "points", "observations"})
      EXPECT_EQ(first.report[name], again.report[name]) << name;
    // Rotations are written as three or four numbers, and points of a pair in a camera's frame: a few roundings.
    EXPECT_NEAR(again.number("cost_initial"), first.number("cost_final"), 1e-9 * first.number("cost_final"));
    EXPECT_EQ(again.number("cost_initial"), again.number("cost_final"));
  }
}

// Depths stand in maps alone. As with a right picture scale is known, so truth and start end in one place.
TEST(Ba, ADepthCamerasMapEndsBesideTheTruth) {
  const ScratchFolder scratch;
  const std::string start = scratch.file("start.map"), truth = scratch.file("truth.map"), out = scratch.file("out.map");
  const Outcome made = run_pipit({"sim", "bundle", "--third", "depth", "--out", start, "--truth", truth});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(text_of(start), HasSubstr("\nthird depth 0.005\n"));
  const Solved a = solve(scratch, {start, "--out", out}), b = solve(scratch, {truth});
  EXPECT_EQ(a.report["cameras"], 1);
  EXPECT_EQ(a.report["fixed_intrinsics"], true);
  EXPECT_LT(a.number("cost_final"), 0.1 * a.number("cost_initial"));
  expect_close(a.number("cost_final"), b.number("cost_final"));
  EXPECT_EQ(solve(scratch, {out, "--max-iterations", "0"}).number("cost_initial"), a.number("cost_final"));
  // The first two views are fixed, and the map says so.
  const auto lines_with = [](const std::string& text, const std::string& what) {
    int count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(lines_with(text_of(out), "view 0 fixed"), 2);
  EXPECT_EQ(lines_with(text_of(out), "view 0 free"), 48);
}

TEST(Ba, StandardInputAndOutputAreFiles) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch), file = scratch.file("out.txt");
  ASSERT_EQ(run_pipit({"ba", scene, "--quiet", "--out", file}).exit_code, 0);
  const Outcome data = run_pipit({"ba", "-", "--out", "-"}, {.input = text_of(scene)});
  ASSERT_EQ(data.exit_code, 0) << data.err;
  EXPECT_EQ(data.out, text_of(file)) << "only the scene";
  EXPECT_THAT(data.err, HasSubstr("observations"));
  const Outcome report = run_pipit({"ba", scene, "--json", "-"});
  EXPECT_TRUE(json::parse(report.out, nullptr, false).contains("cost_final")) << report.out;
  for (const char* word : {"views", "points", "cost", "px RMS", "iteration"}) EXPECT_THAT(report.err, HasSubstr(word));
  const Outcome quiet = run_pipit({"ba", scene, "--quiet"});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.out + quiet.err, "");
}

TEST(Ba, EveryPrecisionAndSolverAgrees) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch);
  const auto of = [&](const char* precision, const char* solver) {
    const Solved s =
        solve(scratch, {scene, "--fix-intrinsics", "--quiet", "--precision", precision, "--solver", solver});
    EXPECT_EQ(s.report["precision"], precision);
    if (solver == std::string("cgnr")) {
      EXPECT_EQ(s.report["solver"], solver);
    }
    return s.number("cost_final");
  };
  const double reference = of("double", "schur");
  for (const char* precision : {"double", "single", "mixed"})
    for (const char* solver : {"auto", "schur", "pcg", "cgnr", "implicit"}) {
      SCOPED_TRACE(std::string(precision) + " " + solver);
      expect_close(of(precision, solver), reference);
    }
}

TEST(Ba, HalfEndsInOrderWhateverItFinds) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {window(scratch), "--precision", "half", "--solver", "cgnr"});
  EXPECT_EQ(s.report["precision"], "half");
  EXPECT_LE(s.number("objective_final"), s.number("objective_initial"));
}

TEST(Ba, IntrinsicsMoveUnlessHeld) {
  const ScratchFolder scratch;
  const std::string bal = window(scratch), out = scratch.file("out.txt");
  const std::vector<std::string> before = bal_intrinsics(text_of(bal));
  ASSERT_EQ(before.size(), 3u * 20);
  solve(scratch, {bal, "--fix-intrinsics", "--out", out});
  EXPECT_EQ(bal_intrinsics(text_of(out)), before) << "bit for bit";
  solve(scratch, {bal, "--out", out});
  EXPECT_NE(bal_intrinsics(text_of(out)), before);

  const std::string model = write_colmap_arc(scratch, "model"), free = scratch.file("free"),
                    held = scratch.file("held");
  const Solved fixed = solve(scratch, {model, "--fix-intrinsics", "--out", held});
  EXPECT_EQ(text_of(held + "/cameras.txt"), text_of(model + "/cameras.txt"));
  const Solved moved = solve(scratch, {model, "--out", free});
  EXPECT_NE(text_of(free + "/cameras.txt"), text_of(model + "/cameras.txt"));
  EXPECT_LT(moved.number("cost_final"), fixed.number("cost_final")) << "one more freedom, and f was 1 % off";
}

// All images of the model go through one camera: views that share intrinsics, by every way.
TEST(Ba, SharedIntrinsicsAgree) {
  const ScratchFolder scratch;
  const std::string model = write_colmap_arc(scratch, "model");
  const double reference = solve(scratch, {model, "--precision", "double", "--solver", "schur"}).number("cost_final");
  for (const char* precision : {"double", "single", "mixed"})
    for (const char* solver : {"schur", "pcg", "cgnr", "implicit"}) {
      SCOPED_TRACE(std::string(precision) + " " + solver);
      const Solved s = solve(scratch, {model, "--precision", precision, "--solver", solver});
      expect_close(s.number("cost_final"), reference);
    }
}

TEST(Ba, RobustLossesDoubtWhatFitsBadly) {
  const ScratchFolder scratch;
  const std::string clean = window(scratch);
  const std::string wrong = scratch.write("wrong.txt", with_wrong_pixels(text_of(clean), 25, 80));
  const double good = solve(scratch, {clean, "--fix-intrinsics"}).number("cost_final");
  const Solved plain = solve(scratch, {wrong, "--fix-intrinsics"});
  EXPECT_GT(plain.number("cost_final"), 20 * good);
  for (const char* loss : {"huber", "cauchy", "tukey", "geman-mcclure"}) {
    SCOPED_TRACE(loss);
    const Solved s = solve(scratch, {wrong, "--fix-intrinsics", "--robust", loss});
    EXPECT_EQ(s.report["robust"], loss);
    EXPECT_LE(s.number("objective_final"), s.number("objective_initial"));
    EXPECT_LT(s.number("objective_final"), 0.5 * plain.number("cost_final"));
    EXPECT_GE(s.number("cost_final"), 0.999 * plain.number("cost_final")) << "the plain optimum is the least there is";
  }
  const Solved wide = solve(scratch, {wrong, "--fix-intrinsics", "--robust", "huber", "--robust-scale", "1e6"});
  expect_close(wide.number("cost_final"), plain.number("cost_final"));
}

TEST(Ba, SameBitsForAnyNumberOfThreads) {
  const ScratchFolder scratch;
  const std::string scene = scratch.file("building.txt"), out = scratch.file("out.txt");
  ASSERT_EQ(run_pipit({"sim",
                       "bundle",
                       "--views",
                       "200",
                       "--step",
                       "0.25",
                       "--per-view",
                       "40",
                       "--track",
                       "6",
                       "--seed",
                       "5",
                       "--out",
                       scene})
                .exit_code,
            0);
  for (const char* solver : {"cgnr", "schur", "pcg", "implicit"}) {
    std::string first, cost;
    for (const char* threads : {"1", "2"}) {
      const Solved s = solve(
          scratch, {scene, "--quiet", "--threads", threads, "--solver", solver, "--max-iterations", "4", "--out", out});
      EXPECT_EQ(std::to_string(s.report["threads"].get<int>()), threads);
      if (first.empty()) first = text_of(out), cost = s.report["cost_final"].dump();
      EXPECT_EQ(s.report["cost_final"].dump(), cost) << solver;
      EXPECT_TRUE(text_of(out) == first) << solver << ": " << threads << " threads gave other bits";
    }
  }
}

TEST(Ba, DrawsBeforeAndAfter) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch), svg = scratch.file("plot.svg"), html = scratch.file("plot.html");
  ASSERT_EQ(run_pipit({"ba", scene, "--quiet", "--plot", svg}).exit_code, 0);
  ASSERT_EQ(run_pipit({"ba", scene, "--quiet", "--plot", html}).exit_code, 0);
  expect_whole(svg), expect_page(html);
  const std::string stereo = scratch.file("VO_stereo_factors1.txt");
  ASSERT_EQ(run_pipit({"sim", "bundle", "--third", "right-u", "--out", stereo}).exit_code, 0);
  ASSERT_EQ(run_pipit({"ba", stereo, "--quiet", "--plot", svg}).exit_code, 0);
  expect_whole(svg);
}

TEST(Ba, StopsWhenTold) {
  const ScratchFolder scratch;
  const std::string scene = window(scratch), out = scratch.file("late.txt");
  const Solved one = solve(scratch, {scene, "--max-iterations", "1", "--tolerance", "1e-15"});
  EXPECT_EQ(one.report["stop"], "max_iterations");
  EXPECT_EQ(one.report["iterations"], 1);
  const Solved none = solve(scratch, {scene, "--max-iterations", "0", "--out", out});
  EXPECT_EQ(none.report["cost_initial"], none.report["cost_final"]);
  EXPECT_EQ(text_of(out), text_of(scene)) << "nothing moved, so no number is another";
  std::filesystem::remove(out);
  const Solved late = solve(scratch, {scene, "--time-limit", "1e-6", "--out", out});
  EXPECT_EQ(late.report["stop"], "time_limit");
  EXPECT_TRUE(std::filesystem::exists(out)) << "the best state so far is still written";
}

TEST(Ba, PublicDataEndsWhereOthersEnd) {
  const std::string ladybug = data_path("slam/bundle/ladybug-49-1800.txt");
  PIPIT_NEED_DATA(ladybug);
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {ladybug});
  EXPECT_EQ(s.report["views"], 49);
  EXPECT_EQ(s.report["points"], 1800);
  EXPECT_LT(s.number("cost_final"), 1.001 * 3001.4);  // as in src/bundle/optimise_test.cc
  const std::string stereo = data_path("slam/bundle/VO_stereo_factors_small.txt");
  PIPIT_NEED_DATA(stereo);
  const std::string out = scratch.file("VO_stereo_factors_small.txt");
  const Solved drive = solve(scratch, {stereo, "--out", out});
  EXPECT_LT(drive.number("cost_final"), drive.number("cost_initial"));
  const Solved again = solve(scratch, {out, "--max-iterations", "0"});
  EXPECT_NEAR(again.number("cost_initial"), drive.number("cost_final"), 1e-6 * drive.number("cost_final"));
  expect_close(solve(scratch, {stereo, "--precision", "double"}).number("cost_final"), drive.number("cost_final"));
}

}  // namespace
}  // namespace pipit
