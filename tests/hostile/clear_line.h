// tests/hostile/clear_line.h — what every refusal of the program looks like.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/program.h"

namespace pipit {

/// The contract of every failure: ended by itself, exit code 1 or 2, silent on stdout, one readable line on stderr.
inline void expect_one_clear_line(const Outcome& run, const std::string& wanted) {
  EXPECT_EQ(run.signal, 0) << "the program crashed or hung; stderr: " << run.err;
  EXPECT_TRUE(run.exit_code == 1 || run.exit_code == 2) << "exit code " << run.exit_code;
  EXPECT_EQ(run.out, "");
  const std::vector<std::string> lines = lines_of(run.err);
  ASSERT_EQ(lines.size(), 1u) << run.err;
  EXPECT_TRUE(run.err.ends_with('\n'));
  EXPECT_LE(lines[0].size(), 400u) << lines[0];
  for (const char c : lines[0]) EXPECT_TRUE(c >= ' ' && c <= '~') << "not printable: " << int(c);
  EXPECT_THAT(lines[0], testing::HasSubstr(wanted));
}

}  // namespace pipit
