// Malformed input to the real program: one clear line, exit code 1 or 2, nothing left behind, no crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/hostile/clear_line.h"

namespace pipit {
namespace {

using testing::HasSubstr;

const std::string kCases = PIPIT_SOURCE_DIR "/tests/hostile/cases/";

struct Case {
  std::string file, wanted;
};

std::vector<Case> table() {
  std::vector<Case> cases;
  for (const std::string& line : lines_of(text_of(PIPIT_SOURCE_DIR "/tests/hostile/expect.tsv"))) {
    const std::size_t tab = line.find('\t');
    if (line.empty() || line.front() == '#' || tab == std::string::npos) continue;
    cases.push_back({line.substr(0, tab), line.substr(tab + 1)});
  }
  return cases;
}

std::vector<std::string> with_all_outputs(const std::string& input, const ScratchFolder& scratch) {
  return {"pgo",
          input,
          "--out",
          scratch.file("out.g2o"),
          "--json",
          scratch.file("out.json"),
          "--plot",
          scratch.file("out.svg")};
}

class Hostile : public testing::TestWithParam<Case> {};

TEST_P(Hostile, IsRefusedInOneLine) {
  const ScratchFolder scratch;
  const std::string path = kCases + GetParam().file;
  ASSERT_TRUE(std::filesystem::exists(path));
  const Outcome run = run_pipit(with_all_outputs(path, scratch));
  expect_one_clear_line(run, GetParam().wanted);
  EXPECT_THAT(run.err, HasSubstr(GetParam().file)) << "the line must name the file";
  EXPECT_THAT(scratch.names(), testing::IsEmpty()) << "an output was left behind";
}

TEST_P(Hostile, IsRefusedFromStandardInput) {
  const ScratchFolder scratch;
  const Outcome run = run_pipit(with_all_outputs("-", scratch), {.input = text_of(kCases + GetParam().file)});
  expect_one_clear_line(run, GetParam().wanted);
  EXPECT_THAT(run.err, HasSubstr("standard input"));
  EXPECT_THAT(scratch.names(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Files, Hostile, testing::ValuesIn(table()), [](const auto& graph) {
  return graph.param.file.substr(0, graph.param.file.find('.'));
});

TEST(HostileTable, HasAnEntryForEveryFileAndAtLeastForty) {
  std::vector<std::string> named, there;
  for (const Case& c : table()) named.push_back(c.file);
  for (const auto& entry : std::filesystem::directory_iterator(kCases))
    there.push_back(entry.path().filename().string());
  EXPECT_THAT(named, testing::UnorderedElementsAreArray(there));
  EXPECT_GE(named.size(), 40u);
}

// What is no file at all.
TEST(HostilePlace, MissingFile) {
  const ScratchFolder scratch;
  expect_one_clear_line(run_pipit({"pgo", scratch.file("none.g2o")}), "none.g2o");
}

TEST(HostilePlace, Directory) {
  const ScratchFolder scratch, folder;
  expect_one_clear_line(run_pipit(with_all_outputs(folder.file("."), scratch)), "directory");
  EXPECT_THAT(scratch.names(), testing::IsEmpty());
}

TEST(HostilePlace, UnreadableFile) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("secret.g2o", "VERTEX_SE2 0 0 0 0\n");
  ::chmod(path.c_str(), 0);
  // Root reads everything but the unmapped start of a process's memory.
  const bool root = ::geteuid() == 0;
  const Outcome run = run_pipit({"pgo", root ? "/proc/self/mem" : path});
  expect_one_clear_line(run, root ? "/proc/self/mem" : "secret.g2o");
}

TEST(HostilePlace, EmptyDevice) { expect_one_clear_line(run_pipit({"pgo", "/dev/null"}), "empty"); }

// Endless input: refused after a megabyte, not after the memory is full.
TEST(HostilePlace, DeviceWithoutEnd) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"pgo", "/dev/zero"}, {"eval", "ate", "--est", "/dev/zero", "--ref", "/dev/zero"}}) {
    const Outcome run = run_pipit(arguments);
    expect_one_clear_line(run, "/dev/zero:1: the line is longer than 1048576 bytes");
    EXPECT_LT(run.seconds, 10);  // 0.01 s; reading the 8 GiB of the former limit took some 5 s and as much memory
  }
}

TEST(HostilePlace, OneEndlessLineFromStandardInput) {
  const std::string input = "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 " + std::string(3 << 20, '1') + "\n";
  expect_one_clear_line(run_pipit({"pgo", "-"}, {.input = input}), "standard input:2: the line is longer");
}

TEST(HostilePlace, NameTooLong) {
  expect_one_clear_line(run_pipit({"pgo", std::string(300, 'n') + ".g2o"}), "cannot open");
}

TEST(HostilePlace, OutputIntoAMissingFolder) {
  const ScratchFolder scratch;
  const std::string graph =
      scratch.write("good.g2o", "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nEDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\n");
  for (const std::string option : {"--out", "--json", "--plot"}) {
    const Outcome run = run_pipit({"pgo", graph, option, scratch.file("none/out.svg"), "--quiet"});
    EXPECT_EQ(run.exit_code, 1) << option;
    const std::vector<std::string> lines = lines_of(run.err);
    ASSERT_FALSE(lines.empty()) << option;
    EXPECT_THAT(lines.back(), HasSubstr("none/out.svg"));
  }
}

TEST(HostilePlace, OutputThatIsADirectory) {
  const ScratchFolder scratch, folder;
  const std::string graph =
      scratch.write("good.g2o", "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0\nEDGE_SE2 0 1 1 0 0 1 0 0 1 0 1\n");
  const Outcome run = run_pipit({"pgo", graph, "--out", folder.file("."), "--quiet"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.signal, 0);
}

}  // namespace
}  // namespace pipit
