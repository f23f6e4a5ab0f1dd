// `pipit pgo` from the outside: the numbers, the JSON, the files it writes, and when it stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/program.h"
#include "tests/e2e/small_graphs.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Solved {
  Outcome run;
  mutable json report;  ///< null when none was written; mutable: a missing field reads as null, and fails the test
};

/// Runs pgo with --json; a report that is no JSON fails the test (so NaN or inf in it do).
Solved solve(const ScratchFolder& scratch, std::vector<std::string> arguments, const RunOptions& options = {}) {
  const std::string path = scratch.file("report.json");
  std::filesystem::remove(path);
  arguments.insert(arguments.begin(), "pgo");
  arguments.insert(arguments.end(), {"--json", path});
  Solved solved{run_pipit(arguments, options), nullptr};
  if (std::filesystem::exists(path)) {
    solved.report = json::parse(text_of(path), nullptr, false);
    EXPECT_FALSE(solved.report.is_discarded()) << text_of(path);
  }
  return solved;
}

/// "Within 0.1 %" is what Pipit promises of every preset but `half`; a small graph needs no more room.
void expect_close(const json& value, double wanted) {
  ASSERT_TRUE(value.is_number());
  EXPECT_NEAR(value.get<double>(), wanted, 1e-3 * wanted);
}

TEST(Pgo, FindsTheOptimumKnownByHand) {
  const ScratchFolder scratch;
  for (const std::string& text : {line_graph(), line_graph_3d()}) {
    const Solved s = solve(scratch, {scratch.write("line.g2o", text)});
    ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
    EXPECT_EQ(s.report["poses"], 3);
    EXPECT_EQ(s.report["edges"], 3);
    // One square of a sum that is exact in double but for 2.3: a few eps relative to 0.3.
    EXPECT_NEAR(s.report["chi2_file"].get<double>(), kLineFile, 1e-14);
    expect_close(s.report["chi2_final"], kLineOptimum);
    EXPECT_EQ(s.report["stop"], "converged");
  }
}

TEST(Pgo, ReportHoldsEveryField) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {scratch.write("line.g2o", line_graph())});
  ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
  for (const char* name : {"poses", "edges", "dropped_edges", "iterations", "threads"})
    EXPECT_TRUE(s.report[name].is_number_integer()) << name;
  for (const char* name : {"init", "stop", "solver", "precision", "version"})
    EXPECT_TRUE(s.report[name].is_string()) << name;
  for (const char* name : {"chi2_file", "chi2_initial", "chi2_final", "objective_initial", "objective_final"})
    EXPECT_TRUE(s.report[name].is_number()) << name;
  EXPECT_GT(s.report["peak_rss_mb"].get<double>(), 0);
  EXPECT_TRUE(s.report["robust"]["kind"].is_string());
  for (const char* name : {"inliers", "rejected"}) EXPECT_TRUE(s.report["robust"].contains(name)) << name;
  double parts = 0;
  for (const char* name : {"total", "read", "init", "linearize", "factor", "solve", "update"}) {
    ASSERT_TRUE(s.report["seconds"][name].is_number()) << name;
    EXPECT_GE(s.report["seconds"][name].get<double>(), 0) << name;
    if (name != std::string("total") && name != std::string("read")) parts += s.report["seconds"][name].get<double>();
  }
  // total covers init and optimisation: no less than its parts (up to the clock's rounding in print), and not the
  // reading.
  EXPECT_GE(s.report["seconds"]["total"].get<double>(), 0.999 * parts - 1e-6);
  for (const char* name : {"overflow", "underflow", "subnormal"})
    EXPECT_TRUE(s.report["half"][name].is_number_unsigned()) << name;
  EXPECT_EQ(s.report["precision"], "mixed");
}

TEST(Pgo, FileWithoutVerticesHasNoChi2OfItsOwn) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {scratch.write("line.g2o", line_graph(false))});
  ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
  EXPECT_TRUE(s.report["chi2_file"].is_null());
  expect_close(s.report["chi2_final"], kLineOptimum);
}

TEST(Pgo, StandardInputIsAFile) {
  const ScratchFolder scratch;
  const std::string text = square_laps(5, 3, 1);
  const Solved file = solve(scratch, {scratch.write("a.g2o", text), "--out", scratch.file("file.g2o")});
  const Solved pipe = solve(scratch, {"-", "--out", scratch.file("pipe.g2o")}, {.input = text});
  ASSERT_EQ(file.run.exit_code, 0) << file.run.err;
  ASSERT_EQ(pipe.run.exit_code, 0) << pipe.run.err;
  EXPECT_EQ(file.report["chi2_final"], pipe.report["chi2_final"]);
  EXPECT_EQ(text_of(scratch.file("file.g2o")), text_of(scratch.file("pipe.g2o")));
}

TEST(Pgo, WhatItWritesReadsBackAsTheSameGraph) {
  const ScratchFolder scratch;
  const std::string out = scratch.file("out.g2o");
  for (const std::string& text : {square_laps(6, 2, 2), line_graph_3d()}) {
    const Solved first = solve(scratch, {scratch.write("in.g2o", text), "--out", out});
    ASSERT_EQ(first.run.exit_code, 0) << first.run.err;
    const Solved again = solve(scratch, {out, "--init", "file", "--max-iterations", "1"});
    ASSERT_EQ(again.run.exit_code, 0) << again.run.err;
    for (const char* name : {"poses", "edges"}) EXPECT_EQ(first.report[name], again.report[name]);
    // Numbers are written so that they read back to the same bits, and chi2 is one deterministic sum over them.
    EXPECT_EQ(first.report["chi2_final"], again.report["chi2_file"]);
    // Mixed precision judges a step by residuals in single: one more step at the optimum may raise chi2 by their noise.
    EXPECT_LE(again.report["chi2_final"].get<double>(), (1 + 1e-6) * again.report["chi2_file"].get<double>());
  }
}

TEST(Pgo, EveryPrecisionAndSolverAgrees) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(10, 3, 3));
  const Solved reference = solve(scratch, {graph, "--precision", "double", "--solver", "cholesky"});
  ASSERT_EQ(reference.run.exit_code, 0) << reference.run.err;
  for (const char* precision : {"double", "single", "mixed"})
    for (const char* solver : {"auto", "iccg", "cgnr", "cholesky"}) {
      SCOPED_TRACE(std::string(precision) + " " + solver);
      const Solved s = solve(scratch, {graph, "--precision", precision, "--solver", solver});
      ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
      expect_close(s.report["chi2_final"], reference.report["chi2_final"].get<double>());
      EXPECT_EQ(s.report["precision"], precision);
      if (solver != std::string("auto")) {
        EXPECT_EQ(s.report["solver"], solver);
      }
      EXPECT_EQ(s.report["half"]["overflow"], 0);
    }
}

// In single precision the update is stored in fp32: every number of every pose that moved is a float.
TEST(Pgo, SingleStoresPosesInFp32) {
  const ScratchFolder scratch;
  const std::string out = scratch.file("out.g2o"), graph = scratch.write("laps.g2o", square_laps(10, 3, 3));
  ASSERT_EQ(run_pipit({"pgo", graph, "--precision", "single", "--quiet", "--out", out}).exit_code, 0);
  int numbers = 0;
  bool held = true;  // the first pose does not move
  for (const std::string& line : lines_of(text_of(out))) {
    if (!line.starts_with("VERTEX_SE2")) continue;
    std::istringstream fields(line);
    std::string word, id;
    fields >> word >> id;
    for (double number = 0; !held && fields >> number; ++numbers)
      EXPECT_EQ(number, static_cast<double>(static_cast<float>(number))) << line;
    held = false;
  }
  EXPECT_EQ(numbers, 3 * (120 - 1));
}

TEST(Pgo, HalfEndsInOrderWhateverItFinds) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {scratch.write("laps.g2o", square_laps(10, 3, 3)), "--precision", "half"});
  EXPECT_EQ(s.run.signal, 0);
  EXPECT_TRUE(s.run.exit_code == 0 || s.run.exit_code == 1) << s.run.exit_code;
  if (s.run.exit_code == 0) {
    EXPECT_TRUE(s.report["chi2_final"].is_number());
    EXPECT_EQ(s.report["precision"], "half");
  }
}

TEST(Pgo, EveryInitialGuessLeadsHome) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(8, 3, 4));
  const Solved reference = solve(scratch, {graph});
  ASSERT_EQ(reference.run.exit_code, 0) << reference.run.err;
  for (const char* init : {"auto", "odometry", "chordal"}) {
    const Solved s = solve(scratch, {graph, "--init", init});
    ASSERT_EQ(s.run.exit_code, 0) << init << s.run.err;
    expect_close(s.report["chi2_final"], reference.report["chi2_final"].get<double>());
    if (init != std::string("auto")) {
      EXPECT_EQ(s.report["init"], init);
    }
  }
}

TEST(Pgo, FileGuessNeedsVertices) {
  const ScratchFolder scratch;
  const Outcome run = run_pipit({"pgo", scratch.write("line.g2o", line_graph(false)), "--init", "file"});
  EXPECT_TRUE(run.exit_code == 1 || run.exit_code == 2) << run.exit_code;
  EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
}

TEST(Pgo, SameBitsForAnyNumberOfThreads) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(40, 6, 5));
  std::string first;
  for (const char* threads : {"1", "2", "3"}) {
    const Outcome run = run_pipit({"pgo", graph, "--threads", threads, "--out", scratch.file("out.g2o"), "--quiet"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const std::string text = text_of(scratch.file("out.g2o"));
    if (first.empty()) first = text;
    EXPECT_TRUE(text == first) << threads << " threads gave other bits";
  }
}

TEST(Pgo, StopsWhenTold) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(20, 4, 6));
  const Solved one = solve(scratch, {graph, "--max-iterations", "1", "--tolerance", "1e-15"});
  ASSERT_EQ(one.run.exit_code, 0) << one.run.err;
  EXPECT_EQ(one.report["stop"], "max_iterations");
  EXPECT_EQ(one.report["iterations"], 1);

  const Solved late = solve(scratch, {graph, "--time-limit", "1e-6", "--out", scratch.file("late.g2o")});
  ASSERT_EQ(late.run.exit_code, 0) << late.run.err;
  EXPECT_EQ(late.report["stop"], "time_limit");
  EXPECT_TRUE(std::filesystem::exists(scratch.file("late.g2o"))) << "the best state so far is still written";
}

TEST(Pgo, RobustLossesFindTheWrongClosures) {
  const ScratchFolder scratch;
  constexpr int kWrong = 12;
  const Solved clean = solve(scratch, {scratch.write("clean.g2o", square_laps(15, 4, 7))});
  ASSERT_EQ(clean.run.exit_code, 0) << clean.run.err;
  const std::string graph = scratch.write("wrong.g2o", square_laps(15, 4, 7, kWrong));
  const Solved plain = solve(scratch, {graph});
  const Solved gnc = solve(scratch, {graph, "--robust", "gnc"});
  ASSERT_EQ(gnc.run.exit_code, 0) << gnc.run.err;
  EXPECT_EQ(gnc.report["robust"]["kind"], "gnc");
  const int rejected = gnc.report["robust"]["rejected"], inliers = gnc.report["robust"]["inliers"];
  EXPECT_EQ(inliers + rejected, gnc.report["edges"]);
  constexpr int kClosures = 4 * 15 * 3 + kWrong;  // one for each pose after the first lap, and the planted ones
  // Every planted closure is metres off at a sigma of 1 cm; of the good ones about 1 in 1000 falls beyond the bound.
  EXPECT_GE(rejected, kWrong);
  EXPECT_LE(rejected, kWrong + kClosures / 20);
  // Without its influence the objective comes back to that of the clean graph; the plain sum is ruined by it.
  EXPECT_LT(gnc.report["objective_final"].get<double>(), plain.report["chi2_final"].get<double>() / 2);
  for (const char* kind : {"none", "huber"}) {
    const Solved s = solve(scratch, {graph, "--robust", kind});
    EXPECT_EQ(s.run.exit_code, 0) << kind << s.run.err;
    EXPECT_EQ(s.report["robust"]["kind"], kind);
  }
}

TEST(Pgo, DefaultScalesKeepTheClosuresOfCleanGraphs) {
  const ScratchFolder scratch;
  for (const char* kind : {"home", "city", "sphere"}) {
    const std::string graph = scratch.file("clean.g2o");
    ASSERT_EQ(run_pipit({"sim", "graph", "--kind", kind, "--poses", "400", "--seed", "1", "--out", graph}).exit_code,
              0);
    for (const char* loss : {"huber", "cauchy", "tukey", "geman-mcclure", "gnc"}) {
      const Solved s = solve(scratch, {graph, "--robust", loss});
      ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
      const int rejected = s.report["robust"]["rejected"], closures = s.report["loop_closures"];
      EXPECT_LE(rejected, closures / 20) << loss << " on " << kind;
    }
  }
}

TEST(Pgo, SaysLessWhenQuiet) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("line.g2o", line_graph());
  const Outcome loud = run_pipit({"pgo", graph}), quiet = run_pipit({"pgo", graph, "--quiet"});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.out + quiet.err, "");
  for (const char* word : {"poses", "edges", "chi2", "iterations"}) EXPECT_THAT(loud.out + loud.err, HasSubstr(word));
}

TEST(Pgo, DrawsBeforeAndAfter) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(6, 2, 8));
  const std::string svg = scratch.file("plot.svg"), html = scratch.file("plot.html");
  ASSERT_EQ(run_pipit({"pgo", graph, "--quiet", "--plot", svg}).exit_code, 0);
  ASSERT_EQ(run_pipit({"pgo", graph, "--quiet", "--plot", html}).exit_code, 0);
  EXPECT_THAT(text_of(svg), testing::AllOf(HasSubstr("<svg"), HasSubstr("</svg>")));
  EXPECT_THAT(text_of(html), testing::AllOf(HasSubstr("<html"), HasSubstr("<svg"), HasSubstr("</html>")));
  EXPECT_THAT(text_of(svg) + text_of(html), testing::Not(HasSubstr("nan")));
  EXPECT_NE(run_pipit({"pgo", graph, "--quiet", "--plot", scratch.file("plot.png")}).exit_code, 0);
}

TEST(Pgo, NothingToDoIsConverged) {
  const ScratchFolder scratch;
  const Solved fixed = solve(scratch, {scratch.write("fixed.g2o", line_graph() + "FIX 0 1 2\n")});
  EXPECT_EQ(fixed.report["stop"], "converged");
  EXPECT_NEAR(fixed.report["chi2_final"].get<double>(), kLineFile, 1e-14);
  const std::string out = scratch.file("out.g2o");
  const Solved once = solve(scratch, {scratch.write("laps.g2o", square_laps(8, 3, 4)), "--out", out});
  ASSERT_EQ(once.run.exit_code, 0) << once.run.err;
  for (const char* precision : {"double", "single", "mixed"})
    EXPECT_EQ(solve(scratch, {out, "--init", "file", "--precision", precision}).report["stop"], "converged")
        << precision;
}

TEST(Pgo, PosesTiedByLandmarksOnlyStartFromTheFile) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("landmark.g2o",
                                          "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n"
                                          "VERTEX_XY 7 1 1\nVERTEX_XY 8 2 1\n"
                                          "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\n"
                                          "EDGE_SE2_XY 1 7 0 1 1 0 1\nEDGE_SE2_XY 1 8 1 1 1 0 1\n"
                                          "EDGE_SE2_XY 2 7 -1 1.1 1 0 1\nEDGE_SE2_XY 2 8 0 1.1 1 0 1\n");
  const Solved s = solve(scratch, {graph});
  ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
  EXPECT_EQ(s.report["init"], "file");
  EXPECT_EQ(s.report["stop"], "converged");
  EXPECT_LT(s.report["chi2_final"].get<double>(), 1e-6);  // pose 2 moves down by 0.1 m: nothing contradicts
}

TEST(Pgo, GivesCovarianceOfChosenPoses) {
  const ScratchFolder scratch;
  const Solved s = solve(scratch, {scratch.write("line.g2o", line_graph()), "--covariance", "1,2"});
  ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
  // Held at pose 0. Along x the information of poses 1 and 2 is [2 -1; -1 2], its inverse [2 1; 1 2] / 3, and nothing
  // couples x with the rest while all angles are zero, which they are to the tolerance of the optimiser, far below
  // 1e-6.
  ASSERT_EQ(s.report["covariance"].size(), 2u) << s.report.dump();
  for (int k = 0; k < 2; ++k) {
    EXPECT_EQ(s.report["covariance"][k]["id"], k + 1);
    EXPECT_NEAR(s.report["covariance"][k]["matrix"][0][0].get<double>(), 2.0 / 3, 1e-6);
    EXPECT_NEAR(s.report["covariance"][k]["matrix"][0][1].get<double>(), 0, 1e-6);
  }
}

/// A chain of poses 1 m apart in the plane, with closures that agree; starts off by a little.
std::string long_chain(int poses) {
  std::string text;
  for (int i = 0; i + 1 < poses; ++i)
    text += "EDGE_SE2 " + std::to_string(i) + " " + std::to_string(i + 1) + " 1 0 0 1 0 0 1 0 1\n";
  for (int i = 0; i + 10 < poses; i += 10)
    text += "EDGE_SE2 " + std::to_string(i) + " " + std::to_string(i + 10) + " 10.1 0 0 1 0 0 1 0 1\n";
  return text;
}

// Whole columns of the inverse would be 300 * 3 * 60000 numbers, 432 MB; the blocks asked for are 21 kB.
TEST(Pgo, CovarianceOfManyPosesNeedsLittleMemory) {
  if (!kMemoryCanBeLimited) GTEST_SKIP() << "sanitizers need all the address space there is";
  const ScratchFolder scratch;
  std::string ids = "0";
  for (int i = 1; i < 300; ++i) ids += "," + std::to_string(60 * i);
  const Solved s = solve(scratch,
                         {scratch.write("chain.g2o", long_chain(20'000)), "--covariance", ids, "--quiet"},
                         {.memory_limit_mb = 400});
  ASSERT_EQ(s.run.exit_code, 0) << s.run.err;
  ASSERT_EQ(s.report["covariance"].size(), 300u);
  EXPECT_GT(s.report["covariance"][299]["matrix"][0][0].get<double>(), 0);
}

// Information of 1e-30 beside 1e30: the chain can be optimised, since it has no contradiction, but H has no inverse in
// fp64.
TEST(Pgo, ACovarianceThatFailsLosesNoPoses) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("weak.g2o",
                                          "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nVERTEX_SE2 2 2 0 0\n"
                                          "EDGE_SE2 0 1 1 0 0 1e-30 0 0 1e-30 0 1e-30\n"
                                          "EDGE_SE2 1 2 1 0 0 1e30 0 0 1e30 0 1e30\n");
  const Solved s = solve(scratch, {graph, "--quiet", "--covariance", "1", "--out", scratch.file("out.g2o")});
  EXPECT_EQ(s.run.exit_code, 0) << s.run.err;
  EXPECT_TRUE(s.report.contains("covariance") && s.report["covariance"].is_null()) << s.report.dump();
  EXPECT_THAT(s.run.err, testing::AllOf(HasSubstr("note: covariance"), HasSubstr("not positive definite")));
  EXPECT_EQ(lines_of(s.run.err).size(), 1u) << s.run.err;
  EXPECT_THAT(text_of(scratch.file("out.g2o")), HasSubstr("VERTEX_SE2 2 2 0 0"));
}

TEST(Pgo, NoMemoryIsOneLine) {
  if (!kMemoryCanBeLimited) GTEST_SKIP() << "sanitizers need all the address space there is";
  const ScratchFolder scratch;
  const std::string graph = scratch.write("chain.g2o", long_chain(200'000));
  for (const char* threads : {"1", "2"}) {
    const Outcome run = run_pipit({"pgo", graph, "--quiet", "--threads", threads}, {.memory_limit_mb = 200});
    EXPECT_EQ(run.exit_code, 1) << "signal " << run.signal;
    EXPECT_EQ(run.err, "pipit: not enough memory\n");
  }
}

// Killed at any moment, an output file is the old one or the new one in full.
TEST(Pgo, KilledNeverLeavesHalfAFile) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("laps.g2o", square_laps(100, 10, 9));
  const std::string out = scratch.file("out.g2o");
  const std::vector<std::string> command = {"pgo", graph, "--out", out, "--quiet", "--max-iterations", "2"};
  const Outcome whole = run_pipit(command);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const std::string fresh = text_of(out);
  ASSERT_GT(fresh.size(), 100'000u);
  for (int k = 0; k < 12; ++k) {
    std::ofstream(out, std::ios::trunc) << "old";
    // Most kills fall in the last third of the run, where the writing is.
    const double when = whole.seconds * (k < 4 ? k / 6.0 : 0.6 + 0.05 * (k - 4));
    const Outcome killed = run_pipit(command, {.interrupt_after_s = std::max(when, 1e-4)});
    const std::string text = text_of(out);
    EXPECT_TRUE(text == "old" || text == fresh) << "killed after " << when << " s: " << text.size() << " bytes";
    if (killed.exit_code == 0) {
      EXPECT_TRUE(text == fresh);
    }
  }
}

}  // namespace
}  // namespace pipit
