// `pipit eval` and `pipit sim` from the outside, on trajectories whose errors are known by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/e2e/program.h"
#include "tests/e2e/small_graphs.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json evaluate(const ScratchFolder& scratch, std::vector<std::string> arguments) {
  const std::string path = scratch.file("eval.json");
  arguments.insert(arguments.begin(), "eval");
  arguments.insert(arguments.end(), {"--json", path});
  const Outcome run = run_pipit(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  json report = json::parse(text_of(path), nullptr, false);
  for (const char* where : {"command", "machine", "commit", "compiler"})
    EXPECT_TRUE(report[where].is_string() && report[where] != "") << where;
  return report;
}

/// n poses along a quarter circle of radius 5 m as TUM text, 0.1 s apart, turned by `yaw` about the origin, moved by
/// (dx, dy) and stretched by `scale`; every odd pose is `wobble` metres off in z, every even one as much the other way.
std::string arc_tum(int n, double yaw, double dx, double dy, double scale, double wobble, double stamp_offset = 0) {
  std::string text;
  for (int i = 0; i < n; ++i) {
    const double a = i * 1.5 / n, x = 5 * std::sin(a), y = 5 * (1 - std::cos(a)), c = std::cos(yaw), s = std::sin(yaw);
    const double heading = a + yaw;
    char line[400];
    std::snprintf(line,
                  sizeof line,
                  "%.6f %.15g %.15g %.15g 0 0 %.15g %.15g\n",
                  100 + 0.1 * i + stamp_offset,
                  scale * (c * x - s * y) + dx,
                  scale * (s * x + c * y) + dy,
                  i % 2 == 0 ? wobble : -wobble,
                  std::sin(heading / 2),
                  std::cos(heading / 2));
    text += line;
  }
  return text;
}

// 15 digits are printed of coordinates of some 10 m: what is zero in truth stays below 1e-13 m by a wide margin in
// 1e-12.
constexpr double kPrinted = 1e-12;

TEST(EvalAte, ForgivesWhereTheWorldBegins) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.tum", arc_tum(40, 0, 0, 0, 1, 0));
  const std::string est = scratch.write("est.tum", arc_tum(40, 0.7, 3, -2, 1, 0));
  json aligned = evaluate(scratch, {"ate", "--est", est, "--ref", ref});
  EXPECT_LT(aligned["rmse_m"].get<double>(), kPrinted);
  EXPECT_EQ(aligned["matched"], 40);
  EXPECT_EQ(aligned["unmatched"], 0);
  for (const char* name : {"rmse_m", "mean_m", "median_m", "max_m"}) EXPECT_TRUE(aligned[name].is_number()) << name;
  json raw = evaluate(scratch, {"ate", "--est", est, "--ref", ref, "--align", "none"});
  EXPECT_GT(raw["rmse_m"].get<double>(), 1);
}

TEST(EvalAte, ForgivesScaleOnlyWhenAsked) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.tum", arc_tum(40, 0, 0, 0, 1, 0));
  const std::string est = scratch.write("est.tum", arc_tum(40, -0.4, 1, 1, 2, 0));
  EXPECT_GT(evaluate(scratch, {"ate", "--est", est, "--ref", ref, "--align", "se"})["rmse_m"].get<double>(), 0.5);
  EXPECT_LT(evaluate(scratch, {"ate", "--est", est, "--ref", ref, "--align", "sim"})["rmse_m"].get<double>(), kPrinted);
}

TEST(EvalAte, MeasuresAWobbleOfKnownSize) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.tum", arc_tum(40, 0, 0, 0, 1, 0));
  const std::string est = scratch.write("est.tum", arc_tum(40, 0, 0, 0, 1, 0.05));
  json raw = evaluate(scratch, {"ate", "--est", est, "--ref", ref, "--align", "none"});
  for (const char* name : {"rmse_m", "mean_m", "median_m", "max_m"})
    EXPECT_NEAR(raw[name].get<double>(), 0.05, kPrinted) << name;
}

TEST(EvalAte, MatchesStampsWithinTwentyMilliseconds) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.tum", arc_tum(40, 0, 0, 0, 1, 0));
  const std::string near = scratch.write("near.tum", arc_tum(40, 0, 0, 0, 1, 0, 0.019));
  EXPECT_EQ(evaluate(scratch, {"ate", "--est", near, "--ref", ref})["matched"], 40);
  const std::string far = scratch.write("far.tum", arc_tum(40, 0, 0, 0, 1, 0, 0.021));
  const Outcome none = run_pipit({"eval", "ate", "--est", far, "--ref", ref});
  EXPECT_EQ(none.exit_code, 1) << "fewer than three matches is an error";
  EXPECT_EQ(lines_of(none.err).size(), 1u) << none.err;
}

TEST(EvalAte, MatchesGraphsById) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.g2o",
                                        "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n"
                                        "VERTEX_SE2 3 2 1 0\n");
  const std::string est = scratch.write("est.g2o",
                                        "VERTEX_SE2 3 2 1 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 0 0 0 0\n"
                                        "VERTEX_SE2 9 7 7 0\n");
  json report = evaluate(scratch, {"ate", "--est", est, "--ref", ref});
  EXPECT_EQ(report["matched"], 3);
  EXPECT_GE(report["unmatched"], 1);
  EXPECT_LT(report["rmse_m"].get<double>(), kPrinted);
}

// Every step of the arc is a chord of 2 * 5 m * sin(0.75 / n), and heading turns evenly.
TEST(EvalRpe, SeesDriftButNotWhereTheWorldBegins) {
  const ScratchFolder scratch;
  const std::string ref = scratch.write("ref.tum", arc_tum(60, 0, 0, 0, 1, 0));
  const std::string moved = scratch.write("moved.tum", arc_tum(60, 1.1, 4, 4, 1, 0));
  json same = evaluate(scratch, {"rpe", "--est", moved, "--ref", ref, "--align", "none"});
  EXPECT_LT(same["rmse_m"].get<double>(), 10 * kPrinted);
  EXPECT_EQ(same["matched"], 60);
  const std::string longer = scratch.write("longer.tum", arc_tum(60, 0, 0, 0, 1.1, 0));
  json drift = evaluate(scratch, {"rpe", "--est", longer, "--ref", ref, "--align", "none"});
  const double chord = 2 * 5 * std::sin(0.75 / 60);
  for (const char* name : {"rmse_m", "mean_m", "median_m", "max_m"})
    EXPECT_NEAR(drift[name].get<double>(), 0.1 * chord, 10 * kPrinted) << name;
}

TEST(EvalRpe, APathUnderAMetreHasNoPairsOverAMetre) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("short.tum", arc_tum(8, 0, 0, 0, 0.1, 0));
  json report = evaluate(scratch, {"rpe", "--est", path, "--ref", path});
  EXPECT_EQ(report["per_metre"]["pairs"], 0);
  EXPECT_TRUE(report["per_metre"]["rmse_m"].is_null()) << report.dump();
  EXPECT_EQ(report["per_frame"]["pairs"], 7);
  const Outcome run = run_pipit({"eval", "rpe", "--est", path, "--ref", path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, testing::AllOf(HasSubstr("no pairs"), testing::Not(HasSubstr("nan"))));
}

TEST(EvalAte, AFastEstimateIsComparedOnceForEachPoseOfTheReference) {
  const ScratchFolder scratch;
  std::string fast, slow;
  for (int i = 0; i < 300; ++i) {
    char line[200];
    std::snprintf(line, sizeof line, "%.2f %.15g %.15g 0 0 0 0 1\n", 0.01 * i, 0.01 * i, std::sin(0.03 * i));
    fast += line;
    if (i % 10 == 0) slow += line;
  }
  json report =
      evaluate(scratch, {"ate", "--est", scratch.write("fast.tum", fast), "--ref", scratch.write("slow.tum", slow)});
  EXPECT_LT(report["rmse_m"].get<double>(), kPrinted);
  EXPECT_EQ(report["matched"], 30);
  EXPECT_EQ(report["unmatched"], 270);
  EXPECT_EQ(report["unmatched_ref"], 0);
}

TEST(Eval, HostileTrajectoriesAreRefusedInOneLine) {
  const ScratchFolder scratch;
  const std::string good = scratch.write("good.tum", arc_tum(10, 0, 0, 0, 1, 0));
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"empty.tum", ""},
      {"nan.tum", "1 nan 0 0 0 0 0 1\n2 0 0 0 0 0 0 1\n3 0 0 0 0 0 0 1\n"},
      {"short.tum", "1 0 0 0 0 0 0\n2 0 0\n"},
      {"zero_quaternion.tum", "1 0 0 0 0 0 0 0\n2 1 0 0 0 0 0 1\n3 2 0 0 0 0 0 1\n"},
      {"words.tum", "there is no trajectory here at all ok\n"},
      {"binary.tum", std::string("\0\1\2\377\376", 5)},
      {"two.tum", "100.0 0 0 0 0 0 0 1\n100.1 1 0 0 0 0 0 1\n"},
      {"kitti_short.txt", "1 0 0 0 0 1 0 0 0 0 1\n"},
      {"kitti_no_rotation.txt", "9 0 0 0 0 9 0 0 0 0 9 0\n9 0 0 1 0 9 0 0 0 0 9 0\n9 0 0 2 0 9 0 0 0 0 9 0\n"}};
  for (const auto& [name, text] : bad) {
    SCOPED_TRACE(name);
    const std::string path = scratch.write(name, text);
    const Outcome run = run_pipit({"eval", "ate", "--est", path, "--ref", good, "--json", scratch.file("none.json")});
    EXPECT_EQ(run.signal, 0);
    EXPECT_TRUE(run.exit_code == 1 || run.exit_code == 2) << run.exit_code;
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
    EXPECT_FALSE(std::filesystem::exists(scratch.file("none.json")));
  }
}

// Two poses and one measurement: chi2 is zero, in any precision, and that is no failure.
TEST(Demo, TwoPosesAreSolved) {
  const ScratchFolder scratch;
  const Outcome run = run_pipit({"demo", "--poses", "2", "--out", scratch.file("demo")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const std::string& line : lines_of(run.out))
    if (!line.starts_with("half")) {
      EXPECT_THAT(line, testing::Not(testing::AnyOf(HasSubstr("failed"), HasSubstr("no_progress"), HasSubstr("nan"))));
    }
  EXPECT_THAT(text_of(scratch.file("demo/report.html")), testing::Not(HasSubstr("nan")));
}

TEST(EvalGrowth, PlotsByTheEndingOfTheName) {
  const ScratchFolder scratch;
  const std::string html = scratch.file("g.html"), svg = scratch.file("g.svg");
  for (const std::string& plot : {html, svg})
    ASSERT_EQ(run_pipit({"eval", "growth", "--min-poses", "50", "--max-poses", "100", "--repeat", "1", "--plot", plot})
                  .exit_code,
              0);
  EXPECT_THAT(text_of(html),
              testing::AllOf(testing::StartsWith("<!DOCTYPE html>"), HasSubstr("<svg"), HasSubstr("</html>")));
  EXPECT_THAT(text_of(svg), testing::AllOf(testing::StartsWith("<svg"), testing::Not(HasSubstr("<html"))));
  EXPECT_EQ(run_pipit({"eval", "growth", "--plot", scratch.file("g.png")}).exit_code, 2);
}

// Which rule matters: the update in half ends farther from double than in single, and each row is told once.
TEST(EvalAblation, CountsStepsThatWereKeptAndComposesTenThousand) {
  const ScratchFolder scratch;
  const std::string path = scratch.file("ablation.json");
  const Outcome run =
      run_pipit({"eval", "ablation", "--sim", "--poses", "60", "--max-iterations", "30", "--json", path});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  json report = json::parse(text_of(path), nullptr, false);
  ASSERT_TRUE(report.contains("rows")) << text_of(path);
  std::map<std::string, double> composed;
  for (const json& row : report["rows"]) {
    if (row["group"] == "composed") {
      EXPECT_GE(row["pose_updates"], 10'000 * 60);
      composed[row["format"]] = row["distance_m"];
    } else {
      EXPECT_LE(row["pose_updates"], 60 * row["iterations"].get<int>()) << row.dump();
    }
  }
  ASSERT_EQ(composed.size(), 3u);
  // At 10 km a number in fp16 is known to 4 m, in fp32 to 0.5 mm at each of 10^4 steps (5 cm if they add at random), in
  // fp64 to 1e-12 m.
  EXPECT_GT(composed["half"], 10 * composed["single"]);
  EXPECT_GT(composed["single"], 1e-3);
  EXPECT_LT(composed["double"], 1e-7);
  EXPECT_EQ(report["composed_half_over_single"], composed["half"] / composed["single"]);
  std::multiset<std::string> told;
  for (const std::string& line : lines_of(run.out + run.err))
    if (line.starts_with("  ")) told.insert(line.substr(0, 28));
  for (const std::string& line : told) EXPECT_EQ(told.count(line), 1u) << line;
  EXPECT_GE(told.size(), report["rows"].size());
}

TEST(EvalLoops, ComparesAndCounts) {
  const ScratchFolder scratch;
  const std::string picture = scratch.file("loops.svg");
  json report = evaluate(scratch, {"loops", "--count", "6", "--max-poses", "400", "--seed", "5", "--plot", picture});
  ASSERT_EQ(report["problems"].size(), 6u);
  EXPECT_EQ(report["problems"][0]["poses"], 100);
  EXPECT_EQ(report["problems"][5]["poses"], 400);
  EXPECT_EQ(report["problems"][5]["seed"], 10);
  for (const char* line : {"max", "99 %", "90 %", "mean"})
    EXPECT_GE(report["ate_m"]["without"][line].get<double>(), report["ate_m"]["mixed"][line].get<double>()) << line;
  EXPECT_EQ(report["share_mixed_equals_double"], 1.0);
  EXPECT_LE(report["ks_mixed_single"].get<double>(), 0.17);  // one of six problems may change places
  EXPECT_LE(report["drift_percent"]["max"].get<double>(), 1.5);
  EXPECT_FALSE(report["ate_m"].contains("half"));
  EXPECT_THAT(text_of(picture), HasSubstr("key-frames"));
}

TEST(EvalGrowth, MeasuresTimeAndMemory) {
  const ScratchFolder scratch;
  const std::string picture = scratch.file("growth.svg");
  json report =
      evaluate(scratch, {"growth", "--kind", "city", "--max-poses", "20000", "--repeat", "1", "--plot", picture});
  ASSERT_EQ(report["rows"].size(), 5u);  // 1000, 2000, 5000, 10000, 20000
  double last = 0;
  for (const json& row : report["rows"]) {
    EXPECT_GT(row["seconds_mixed"].get<double>(), 0);
    EXPECT_NEAR(
        row["chi2_mixed"].get<double>(), row["chi2_direct"].get<double>(), 1e-5 * row["chi2_direct"].get<double>());
    EXPECT_GT(row["peak_rss_mb"].get<double>(), 0.9 * last);  // more poses, more memory; small ones hide in the program
    last = row["peak_rss_mb"];
    EXPECT_GT(row["bytes_per_pose"].get<double>() * row["poses"].get<double>(), row["graph_bytes"].get<double>());
  }
  EXPECT_EQ(report["graph_bytes_per_pose"], 40);
  EXPECT_EQ(report["graph_bytes_per_edge"], 128);
  EXPECT_THAT(text_of(picture), HasSubstr("memory at the peak"));
}

// Simulate, optimise, compare with the truth: the chain of the demo.
TEST(Chain, SimulatedGraphsEndNearTheirTruth) {
  const ScratchFolder scratch;
  for (const char* kind : {"home", "grid", "sphere", "torus", "city"}) {
    SCOPED_TRACE(kind);
    const std::string graph = scratch.file("sim.g2o"), truth = scratch.file("truth.g2o"), out = scratch.file("out.g2o");
    const std::vector<std::string> simulate = {
        "sim", "graph", "--kind", kind, "--poses", "400", "--seed", "7", "--out", graph, "--truth", truth};
    const Outcome sim = run_pipit(simulate);
    ASSERT_EQ(sim.exit_code, 0) << sim.err;
    const std::string first = text_of(graph);
    ASSERT_EQ(run_pipit(simulate).exit_code, 0);
    EXPECT_TRUE(text_of(graph) == first) << "same seed, other graph";
    const Outcome run = run_pipit({"pgo", graph, "--quiet", "--out", out});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const double before = evaluate(scratch, {"ate", "--est", graph, "--ref", truth})["rmse_m"];
    const double after = evaluate(scratch, {"ate", "--est", out, "--ref", truth})["rmse_m"];
    EXPECT_LT(after, before) << "optimising made it worse";
  }
}

// The files are what any reader of BAL takes: their first line counts what follows, and the seed is all that matters.
TEST(Chain, SimulatedBundlesAreTheSameFromTheSameSeed) {
  const ScratchFolder scratch;
  const std::string out = scratch.file("start.txt"), truth = scratch.file("truth.txt");
  const std::vector<std::string> simulate = {
      "sim", "bundle", "--views", "20", "--seed", "7", "--out", out, "--truth", truth};
  const Outcome sim = run_pipit(simulate);
  ASSERT_EQ(sim.exit_code, 0) << sim.err;
  EXPECT_THAT(sim.out, HasSubstr("20 views, "));
  const std::string first = text_of(out), first_truth = text_of(truth);
  std::istringstream numbers(first);
  std::size_t views = 0, points = 0, observations = 0, fields = 0;
  numbers >> views >> points >> observations;
  for (std::string field; numbers >> field;) ++fields;
  EXPECT_EQ(views, 20u);
  EXPECT_EQ(fields, 4 * observations + 9 * views + 3 * points);
  EXPECT_NE(first, first_truth);
  EXPECT_EQ(lines_of(first)[1], lines_of(first_truth)[1]) << "what is seen is the same";
  ASSERT_EQ(run_pipit(simulate).exit_code, 0);
  EXPECT_TRUE(text_of(out) == first && text_of(truth) == first_truth) << "same seed, other scene";
}

}  // namespace
}  // namespace pipit
