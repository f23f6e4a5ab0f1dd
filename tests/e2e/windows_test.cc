// `pipit eval windows` from the outside: three windows instead of hundreds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/e2e/program.h"
#include "tests/e2e/small_scenes.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Rows of the table by their names.
std::map<std::string, json> rows_of(const std::string& report) {
  const json parsed = json::parse(report, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << report;
  std::map<std::string, json> rows;
  if (parsed.contains("table"))
    for (const json& row : parsed["table"]) rows[row["name"]] = row;
  return rows;
}

const std::vector<std::string> kSmall = {"eval", "windows", "--count", "3", "--views", "20", "--seed", "7"};

std::vector<std::string> with(std::vector<std::string> more) {
  more.insert(more.begin(), kSmall.begin(), kSmall.end());
  return more;
}

TEST(EvalWindows, MixedEndsWhereDoubleEnds) {
  const ScratchFolder scratch;
  const std::string file = scratch.file("windows.json");
  const Outcome run = run_pipit(with({"--json", file}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(text_of(file));
  EXPECT_EQ(report["windows"], 3);
  EXPECT_EQ(report["seed"], 7);
  EXPECT_TRUE(report["saving"]["modelled"].is_number());
  auto rows = rows_of(text_of(file));
  ASSERT_EQ(rows.size(), 7u);
  for (const char* name :
       {"double", "single", "mixed", "single, implicit", "mixed, implicit", "mixed, fp16 sums", "half"}) {
    ASSERT_TRUE(rows.contains(name)) << name;
    EXPECT_THAT(run.out, HasSubstr(name)) << "a row of the table";
    for (const char* field : {"median", "p90", "p99", "max"}) EXPECT_TRUE(rows[name]["ate_m"][field].is_number());
  }
  const double reference = rows["double"]["ate_m"]["median"];
  EXPECT_GT(reference, 0);
  EXPECT_LT(reference, 0.1) << "m, of a walk of one";
  for (const char* name : {"double", "single", "mixed"}) {
    EXPECT_EQ(rows[name]["failures"], 0) << name;
    EXPECT_NEAR(rows[name]["ate_m"]["median"].get<double>(), reference, 0.05 * reference) << name;
    EXPECT_EQ(rows[name]["overflow"], 0) << name;
  }
  EXPECT_EQ(rows["double"]["from_double_m"]["median"], 0.0);
  EXPECT_GT(rows["half"]["failures"], 0) << "the naive solver is expected to fail";
}

TEST(EvalWindows, SameSeedSameNumbers) {
  const Outcome a = run_pipit(with({"--quiet", "--json", "-"})), b = run_pipit(with({"--quiet", "--json", "-"}));
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(a.err, "");
  auto first = rows_of(a.out), second = rows_of(b.out);
  ASSERT_EQ(first.size(), 7u);
  for (auto& [name, row] : first) {
    EXPECT_EQ(row["ate_m"], second[name]["ate_m"]) << name;
    EXPECT_EQ(row["inner"], second[name]["inner"]) << name;
  }
}

TEST(EvalWindows, AblationChangesOneRuleAtATime) {
  const Outcome run = run_pipit(with({"--ablation", "--json", "-"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  auto rows = rows_of(run.out);
  for (const char* name :
       {"double", "residual single", "residual half", "update single", "update half", "mixed", "mixed, no scaling"})
    EXPECT_TRUE(rows.contains(name)) << name;
  const auto away = [&](const char* name) { return rows[name]["from_double_m"]["median"].get<double>(); };
  EXPECT_GT(away("residual half"), 10 * away("residual single"));
  EXPECT_GT(away("update half"), 10 * away("update single"));
  // What is below fp16's range is counted where nothing brings J to unit columns.
  EXPECT_GT(rows["mixed, no scaling"]["overflow"].get<int>() + rows["mixed, no scaling"]["underflow"].get<int>(),
            rows["mixed"]["overflow"].get<int>() + rows["mixed"]["underflow"].get<int>());
}

TEST(EvalWindows, ThirdNumbersAndDistantWindows) {
  for (const char* third : {"right", "depth"}) {
    auto rows = rows_of(run_pipit(with({"--third", third, "--quiet", "--json", "-"})).out);
    EXPECT_EQ(rows["mixed"]["failures"], 0) << third;
  }
  auto rows = rows_of(run_pipit(with({"--offset", "10000", "--quiet", "--json", "-"})).out);
  EXPECT_EQ(rows["mixed"]["failures"], 0) << "differences to the camera's centre are taken in double";
}

TEST(EvalWindows, DrawsItsDistributions) {
  const ScratchFolder scratch;
  const std::string svg = scratch.file("windows.svg"), html = scratch.file("windows.html");
  ASSERT_EQ(run_pipit(with({"--quiet", "--plot", svg})).exit_code, 0);
  ASSERT_EQ(run_pipit(with({"--quiet", "--plot", html})).exit_code, 0);
  expect_whole(svg), expect_page(html);
}

}  // namespace
}  // namespace pipit
