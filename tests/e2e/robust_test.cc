// `pipit pgo --robust gnc` from the outside: wrong closures of a simulated home and of the public sphere.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/data_path.h"
#include "tests/e2e/program.h"

namespace pipit {
namespace {

using nlohmann::json;

struct Doubted {
  json report;
  std::int64_t right_rejected = 0, wrong_rejected = 0;
};

// Edges from `first_wrong` on are wrong.
Doubted doubt(const ScratchFolder& scratch, const std::string& graph, std::int64_t first_wrong) {
  const Outcome run = run_pipit({"pgo",
                                 graph,
                                 "--robust",
                                 "gnc",
                                 "--quiet",
                                 "--out",
                                 scratch.file("robust.g2o"),
                                 "--json",
                                 scratch.file("robust.json")},
                                {.time_limit_s = 200});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  Doubted out;
  out.report = json::parse(text_of(scratch.file("robust.json")), nullptr, false);
  for (const json& edge : out.report["robust"]["rejected_edges"])
    ++(edge.get<std::int64_t>() < first_wrong ? out.right_rejected : out.wrong_rejected);
  EXPECT_EQ(out.report["robust"]["rejected"], out.right_rejected + out.wrong_rejected);
  return out;
}

double ate(const ScratchFolder& scratch, const std::string& estimate, const std::string& reference) {
  const std::string path = scratch.file("ate.json");
  const Outcome run = run_pipit({"eval", "ate", "--est", estimate, "--ref", reference, "--json", path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  json values = json::parse(text_of(path), nullptr, false);
  EXPECT_TRUE(values["rmse_m"].is_number());
  return values["rmse_m"];
}

TEST(Robust, AHomeWithHalfOfItsClosuresWrong) {
  const ScratchFolder scratch;
  const std::string wrong = scratch.file("wrong.g2o"), clean = scratch.file("clean.g2o");
  const std::string truth = scratch.file("truth.g2o"), solved = scratch.file("solved.g2o");
  const std::vector<std::string> home = {"sim", "graph", "--kind", "home", "--poses", "1000", "--seed", "2"};
  const auto simulate = [&](std::vector<std::string> more) {
    more.insert(more.begin(), home.begin(), home.end());
    const Outcome run = run_pipit(more);
    EXPECT_EQ(run.exit_code, 0) << run.err;
  };
  simulate({"--out", clean, "--truth", truth});
  simulate({"--out", wrong, "--wrong-closures", "0.5"});
  const Outcome run = run_pipit({"pgo", clean, "--quiet", "--out", solved, "--json", scratch.file("clean.json")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  json plain = json::parse(text_of(scratch.file("clean.json")), nullptr, false);
  const std::int64_t edges = plain["edges"], closures = plain["loop_closures"];
  const Doubted found = doubt(scratch, wrong, edges);
  EXPECT_EQ(found.report["loop_closures"], 2 * closures);
  EXPECT_GE(found.wrong_rejected, closures - closures / 100);
  EXPECT_LE(found.right_rejected, 2);  // 1 in 1000 of about 90 lies beyond the bound by noise alone
  EXPECT_LE(ate(scratch, scratch.file("robust.g2o"), truth), 1.2 * ate(scratch, solved, truth));
}

// Target 2 of SPEED. The first 4949 edges are those of sphere2500 (2450 of them closures), the other 2500 are wrong.
TEST(Robust, TheSphereWithWrongClosures) {
  const std::string wrong = data_path("slam/posegraphs/sphere2500_outliers.g2o");
  const std::string clean = data_path("slam/posegraphs/sphere2500.g2o");
  PIPIT_NEED_DATA(wrong);
  PIPIT_NEED_DATA(clean);
  const ScratchFolder scratch;
  const std::string optimum = scratch.file("optimum.g2o");
  ASSERT_EQ(run_pipit({"pgo", clean, "--quiet", "--out", optimum}).exit_code, 0);
  const Doubted found = doubt(scratch, wrong, 4949);
  EXPECT_GE(found.wrong_rejected, 2475);
  EXPECT_LE(found.right_rejected, 24);
  EXPECT_LE(ate(scratch, scratch.file("robust.g2o"), optimum), 0.5);
}

}  // namespace
}  // namespace pipit
