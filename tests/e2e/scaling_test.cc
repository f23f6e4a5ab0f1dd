// What scaling is for, and what fp16 alone cannot do: the range counters and chi2 of `pipit pgo`, on public graphs and
// on simulated ones that are always there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/data_path.h"
#include "tests/e2e/program.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Solved {
  Outcome outcome;
  json report;
  std::int64_t lost() const {
    return report["half"]["overflow"].get<std::int64_t>() + report["half"]["underflow"].get<std::int64_t>();
  }
};

Solved solve(const std::string& graph, std::vector<std::string> options) {
  const ScratchFolder scratch;
  const std::string path = scratch.file("report.json");
  options.insert(options.begin(), {"pgo", graph, "--json", path});
  Solved run{run_pipit(options, {.time_limit_s = 200}), nullptr};
  EXPECT_EQ(run.outcome.signal, 0);
  if (std::filesystem::exists(path)) run.report = json::parse(text_of(path), nullptr, false);
  return run;
}

void expect_scaling_keeps_the_range(const std::string& graph) {
  const Solved on = solve(graph, {"--precision", "mixed"}),
               off = solve(graph, {"--precision", "mixed", "--scaling", "off"});
  ASSERT_TRUE(on.report.contains("half")) << on.outcome.err;
  ASSERT_TRUE(off.report.contains("half")) << off.outcome.err;
  EXPECT_EQ(on.report["half"]["overflow"], 0);
  EXPECT_EQ(on.report["stop"], "converged");
  // In the mixed solver or in the naive one: which of them meets the numbers that do not fit depends on the graph.
  const Solved naive = solve(graph, {"--precision", "half", "--scaling", "off"});
  EXPECT_GT(off.lost() + naive.lost(), 0) << "numbers fit fp16 without scaling: " << off.report["solver_detail"];
}

/// A simulated graph; `sigma` m and rad of its closures: the information is their inverse square.
std::string simulated(const ScratchFolder& scratch, const std::string& kind, const std::string& sigma) {
  const std::string path = scratch.file(kind + ".g2o");
  const Outcome run = run_pipit({"sim",
                                 "graph",
                                 "--kind",
                                 kind,
                                 "--poses",
                                 "300",
                                 "--seed",
                                 "1",
                                 "--out",
                                 path,
                                 "--closure-position",
                                 sigma,
                                 "--closure-angle",
                                 sigma});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return path;
}

class OnPublicGraphs : public testing::TestWithParam<const char*> {};

TEST_P(OnPublicGraphs, NumbersLeaveTheRangeOfHalfWithoutScalingOnly) {
  const std::string path = data_path(std::string("slam/posegraphs/") + GetParam());
  PIPIT_NEED_DATA(path);
  expect_scaling_keeps_the_range(path);
}

INSTANTIATE_TEST_SUITE_P(Scaling,
                         OnPublicGraphs,
                         testing::Values("CSAIL.g2o", "kitti_05.g2o", "INTEL1228.g2o"),
                         [](const auto& graph) {
                           std::string name = graph.param;
                           name.resize(name.find('.'));
                           std::erase(name, '_');
                           return name;
                         });

// Information of 1e10 is beyond 65504, the largest half.
TEST(Scaling, NumbersLeaveTheRangeOfHalfWithoutItOnSimulatedGraphs) {
  const ScratchFolder scratch;
  for (const char* kind : {"home", "sphere"}) {
    SCOPED_TRACE(kind);
    expect_scaling_keeps_the_range(simulated(scratch, kind, "1e-5"));
  }
}

/// Whether fp16 alone failed, in the open: it ends in order, says that it is not to be trusted, and is above `chi2`.
bool half_is_visibly_worse(const std::string& graph, double chi2) {
  const Solved half = solve(graph, {"--precision", "half"});
  EXPECT_TRUE(half.outcome.exit_code == 0 || half.outcome.exit_code == 1) << half.outcome.exit_code;
  if (half.outcome.exit_code == 1) {
    EXPECT_THAT(half.outcome.err, HasSubstr("numerical failure"));
    return true;
  }
  EXPECT_THAT(half.outcome.out, testing::AnyOf(HasSubstr("half FAILED"), HasSubstr("not to be trusted")));
  EXPECT_EQ(half.report["half"]["overflow"], 0) << "scaling is on";
  // Ten times what Pipit allows the other presets.
  return half.report["chi2_final"].get<double>() > 1.01 * chi2;
}

TEST(Half, IsVisiblyWorseOnPublicGraphs) {
  PIPIT_NEED_DATA(data_path("slam/posegraphs"));
  int worse = 0;
  for (const auto& [file, chi2] : {std::pair("CSAIL.g2o", 40.555),
                                   std::pair("kitti_05.g2o", 157.104),
                                   std::pair("ringCity.g2o", 262.818),
                                   std::pair("MIT.g2o", 41.163)}) {
    SCOPED_TRACE(file);
    worse += half_is_visibly_worse(data_path(std::string("slam/posegraphs/") + file), chi2) ? 1 : 0;
  }
  EXPECT_GE(worse, 3);
}

TEST(Half, IsVisiblyWorseOnASimulatedGraph) {
  const ScratchFolder scratch;
  const std::string graph = simulated(scratch, "home", "1e-3");
  const Solved exact = solve(graph, {"--precision", "double"});
  ASSERT_TRUE(exact.report.contains("chi2_final")) << exact.outcome.err;
  EXPECT_TRUE(half_is_visibly_worse(graph, exact.report["chi2_final"]));
}

}  // namespace
}  // namespace pipit
