// How the program is asked and how it answers: help, version, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/program.h"
#include "tests/e2e/small_graphs.h"

namespace pipit {
namespace {

using testing::HasSubstr;

TEST(Usage, VersionNamesCommitCompilerAndInstructionSet) {
  const Outcome run = run_pipit({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, testing::ContainsRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(run.out, testing::ContainsRegex("GNU|Clang"));
  EXPECT_THAT(run.out, testing::ContainsRegex("([0-9a-f]{7,}|unknown)"));
  EXPECT_THAT(run.out, testing::ContainsRegex("SSE|SSSE|AVX|NEON|EMU|SCALAR"));
}

TEST(Usage, HelpNamesEverySubCommandOnStdout) {
  const Outcome run = run_pipit({"--help"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.err, "");
  for (const char* command : {"pgo", "eval", "sim", "demo"}) EXPECT_THAT(run.out, HasSubstr(command));
}

/// The help of one option, from its name to the next option.
std::string help_of(const std::string& help, const std::string& option) {
  std::string text;
  bool inside = false;
  for (const std::string& line : lines_of(help)) {
    const std::size_t dash = line.find("--");
    const bool starts = dash != std::string::npos && line.find_first_not_of(" -,hqo") >= dash;
    if (starts) inside = line.compare(dash, option.size(), option) == 0 && !std::isalnum(line[dash + option.size()]);
    if (inside) text += line + "\n";
  }
  return text;
}

// Every number tells its unit or range and its default; every choice its words.
TEST(Usage, HelpTellsUnitRangeAndDefault) {
  const Outcome run = run_pipit({"pgo", "--help"});
  ASSERT_EQ(run.exit_code, 0);
  const std::vector<std::pair<std::string, std::vector<std::string>>> wanted = {
      {"--precision", {"mixed", "single", "double", "half"}},
      {"--solver", {"auto", "iccg", "cgnr", "cholesky"}},
      {"--init", {"auto", "file", "odometry", "chordal"}},
      {"--robust", {"none", "huber", "gnc"}},
      {"--threads", {}},
      {"--max-iterations", {}},
      {"--tolerance", {}},
      {"--time-limit", {}},
      {"--seed", {}},
      {"--covariance", {}},
      {"--quiet", {}},
      {"--out", {}},
      {"--json", {}},
      {"--plot", {}},
      {"--format", {"toro"}}};
  for (const auto& [option, words] : wanted) {
    const std::string help = help_of(run.out, option);
    ASSERT_NE(help, "") << option << " is missing in:\n" << run.out;
    for (const std::string& word : words) EXPECT_THAT(help, HasSubstr(word)) << option;
  }
  for (const char* option : {"--precision",
                             "--solver",
                             "--init",
                             "--robust",
                             "--threads",
                             "--max-iterations",
                             "--tolerance",
                             "--time-limit",
                             "--seed"})
    EXPECT_THAT(help_of(run.out, option), testing::AnyOf(HasSubstr("default"), HasSubstr("[")))
        << option << " does not tell its default";
  EXPECT_THAT(help_of(run.out, "--time-limit"), testing::ContainsRegex("second|[^a-z]s[^a-z]"));
}

/// Words with single blanks between.
std::string flat(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The help of --precision says of each preset what its report says.
TEST(Usage, HelpOfPrecisionIsWhatRuns) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("line.g2o", line_graph());
  const std::string help = flat(help_of(run_pipit({"pgo", "--help"}).out, "--precision"));
  for (const char* precision : {"mixed", "single", "double", "half"}) {
    const Outcome run = run_pipit({"pgo", graph, "--quiet", "--precision", precision, "--json", "-"});
    const auto report = nlohmann::json::parse(run.out, nullptr, false);
    ASSERT_TRUE(report.contains("precision_detail")) << run.out << run.err;
    EXPECT_THAT(help, HasSubstr(precision + (": " + report["precision_detail"].get<std::string>())));
  }
}

TEST(Usage, WrongCallsEndWithTwoAndOneLine) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("line.g2o", line_graph());
  const std::vector<std::vector<std::string>> wrong = {
      {"fly"},
      {"pgo"},
      {"pgo", graph, graph},
      {"pgo", graph, "--no-such-option"},
      {"pgo", graph, "--precision", "quarter"},
      {"pgo", graph, "--precision"},
      {"pgo", graph, "--solver", "magic"},
      {"pgo", graph, "--init", "guess"},
      {"pgo", graph, "--robust", "yes"},
      {"pgo", graph, "--threads", "-1"},
      {"pgo", graph, "--threads", "two"},
      {"pgo", graph, "--threads", "1000000000"},
      {"pgo", graph, "--max-iterations", "-5"},
      {"pgo", graph, "--max-iterations", "1.5"},
      {"pgo", graph, "--tolerance", "-1"},
      {"pgo", graph, "--tolerance", "nan"},
      {"pgo", graph, "--time-limit", "-2"},
      {"pgo", graph, "--time-limit", "nan"},
      {"pgo", graph, "--seed", "-1"},
      {"pgo", graph, "--covariance", "one,two"},
      {"eval"},
      {"eval", "ate"},
      {"eval", "ate", "--est", graph},
      {"eval", "ate", "--est", graph, "--ref", graph, "--align", "maybe"},
      {"eval", "speed", "--est", graph, "--ref", graph},
      {"sim", "graph", "--kind", "moon", "--poses", "10"},
      {"sim", "graph", "--kind", "home", "--poses", "-10"},
      {"sim", "graph", "--kind", "home", "--poses", "1e3x"},
      {"sim", "bundle", "--views", "3"},
      {"sim", "bundle", "--third", "sonar"},
      {"sim", "bundle", "--third", "depth"},
      {"sim", "bundle", "--views", "10", "--track", "11"},
      {"sim", "bundle", "--views", "10", "--fixed", "10", "--track", "5"}};
  for (const std::vector<std::string>& words : wrong) {
    std::string call = "pipit";
    for (const std::string& word : words) call += " " + word;
    SCOPED_TRACE(call);
    const Outcome run = run_pipit(words);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
  }
}

// "--json graph.g2o" is a graph that somebody wants solved, not a place for the report.
TEST(Usage, JsonWritesOverJsonOnly) {
  const ScratchFolder scratch;
  const std::string text = line_graph(), graph = scratch.write("a.g2o", text), other = scratch.write("b.g2o", text);
  const Outcome solved = run_pipit({"pgo", "--json", graph});  // no other FILE: the graph is it
  EXPECT_TRUE(nlohmann::json::parse(solved.out, nullptr, false).contains("chi2_final")) << solved.err;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"pgo", graph, "--json", other}, {"eval", "loops", "--json", other}}) {
    const Outcome run = run_pipit(words);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.err, HasSubstr("is no JSON"));
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
    EXPECT_EQ(text_of(graph), text);
    EXPECT_EQ(text_of(other), text);
  }
  const std::string report = scratch.write("report.json", "");
  for (int k = 0; k < 2; ++k) {  // empty at first, then a report
    EXPECT_EQ(run_pipit({"pgo", graph, "--quiet", "--json", report}).exit_code, 0);
    EXPECT_TRUE(nlohmann::json::parse(text_of(report), nullptr, false).contains("chi2_final"));
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"pgo", graph, "--json"}, {"pgo", "--json", "-", graph}})
    EXPECT_TRUE(nlohmann::json::parse(run_pipit(words).out, nullptr, false).contains("chi2_final"));
}

TEST(Usage, TwoOutputsGoToTwoPlaces) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("a.g2o", line_graph()), same = scratch.file("same.svg");
  std::filesystem::create_symlink(same, scratch.file("link.svg"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"pgo", graph, "--out", same, "--json", same},
                                                {"pgo", graph, "--out", same, "--plot", scratch.file("./same.svg")},
                                                {"pgo", graph, "--json", same, "--plot", scratch.file("link.svg")},
                                                {"pgo", graph, "--out", "-", "--json"},
                                                {"pgo", graph, "--out", "/dev/stdout", "--json", "-"},
                                                {"sim", "graph", "--poses", "10", "--out", same, "--truth", same},
                                                {"sim", "graph", "--poses", "10", "--truth", "-"},
                                                {"sim", "bundle", "--out", same, "--truth", same}}) {
    const Outcome run = run_pipit(words);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
    EXPECT_FALSE(std::filesystem::exists(same));
  }
  EXPECT_EQ(run_pipit({"pgo", graph, "--quiet", "--out", "/dev/null", "--json", "/dev/null"}).exit_code, 0);
}

TEST(Usage, OutputsGoToStandardOutput) {
  const ScratchFolder scratch;
  const std::string graph = scratch.write("a.g2o", line_graph()), file = scratch.file("out.g2o");
  ASSERT_EQ(run_pipit({"pgo", graph, "--out", file}).exit_code, 0);
  for (const char* name : {"-", "/dev/stdout"}) {
    const Outcome run = run_pipit({"pgo", graph, "--out", name});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, text_of(file)) << "only the graph";
    EXPECT_THAT(run.err, HasSubstr("chi2"));
  }
}

TEST(Usage, OutputThatCannotArriveIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const ScratchFolder scratch;
  const std::string graph = scratch.write("a.g2o", line_graph());
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"},
                                                {"--version"},
                                                {"pgo", "--help"},
                                                {"pgo", graph},
                                                {"pgo", graph, "--quiet", "--json"},
                                                {"pgo", graph, "--quiet", "--out", "-"},
                                                {"sim", "graph", "--poses", "10"},
                                                {"sim", "bundle"},
                                                {"eval", "ate", "--est", graph, "--ref", graph}}) {
    const Outcome run = run_pipit(words, {.out = "/dev/full"});
    EXPECT_EQ(run.exit_code, 1) << words[0];
    EXPECT_THAT(run.err, HasSubstr("standard output: cannot write")) << words[0];
  }
  EXPECT_EQ(run_pipit({"pgo", graph, "--quiet", "--out", "/dev/full"}).exit_code, 1);
}

// Every call that README.md shows names a command and options that exist.
TEST(Usage, CallsInTheReadmeExist) {
  int calls = 0;
  for (const std::string& line : lines_of(text_of(PIPIT_SOURCE_DIR "/README.md"))) {
    const std::size_t at = line.find("pipit ");
    if (at == std::string::npos || (at > 0 && line[at - 1] != '/' && line[at - 1] != '`')) continue;
    std::istringstream words(line.substr(at + 6, line.find_first_of("`#|", at + 6) - at - 6));
    std::vector<std::string> command, options;
    for (std::string word; words >> word;) {
      if (word.starts_with("--")) options.push_back(word);
      const bool is_name = word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
      if (options.empty() && is_name && command.size() < 2) command.push_back(word);
    }
    if (command.empty()) continue;
    SCOPED_TRACE(line);
    command.push_back("--help");
    const Outcome run = run_pipit(command);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    for (const std::string& option : options) EXPECT_NE(help_of(run.out, option), "") << option;
    ++calls;
  }
  EXPECT_GE(calls, 1) << "README.md shows no call of pipit";
}

TEST(Usage, NoCommandTellsWhatThereIs) {
  const Outcome run = run_pipit({});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.out + run.err, "");
}

}  // namespace
}  // namespace pipit
