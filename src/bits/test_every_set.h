// bits/test_every_set.h — for tests: runs the same check on every instruction set that this machine and this build
// have.
#pragma once
#include <gtest/gtest.h>

#include <hwy/targets.h>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bits/convert.h"

namespace pipit {

/// Calls check() once per instruction set and restores the choice. Sets that the build left out fall back to another's
/// code: they are skipped, not counted. Plain scalar code is always among them.
template <class Check>
void on_every_set(const Check& check) {
  int seen = 0;
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    if (std::string(instruction_set()) == hwy::TargetName(target)) {
      SCOPED_TRACE(instruction_set());
      ++seen;
      check();
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  EXPECT_GE(seen, 1);
}

/// 0, 1 and both sides of every lane count (4, 8, 16, also four vectors at once), and of the run of dot.
inline const std::vector<std::size_t> kSizes{0,  1,  2,  3,  4,  5,  7,  8,  9,   15,  16,  17,  31,  32,
                                             33, 47, 63, 64, 65, 95, 96, 97, 127, 128, 129, 511, 513, 1100};

/// Equal bits: tells +0 from -0 and one NaN from another.
template <class T>
bool same_bits(const T& a, const T& b) {
  using Bytes = std::array<std::byte, sizeof(T)>;
  return std::bit_cast<Bytes>(a) == std::bit_cast<Bytes>(b);
}

}  // namespace pipit
