// base/bench_report.h — what every kernel benchmark reports: bytes/s, flop/s, and the share of what std::memcpy reaches
// on as many bytes. Seen by *_bench.cc alone.
#pragma once
#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>

#include "base/machine.h"
#include "base/version.h"

namespace pipit {

/// Bytes/s that std::memcpy reads and writes on this thread, from one half of `footprint` bytes to the other, best of
/// five, by processor time as Google Benchmark counts it. Measured once for each power of two, 4 KiB to 256 MiB: small
/// ones stay in the caches, large ones go to memory.
inline double copy_rate(double footprint) {
  static std::map<std::size_t, double> known;
  constexpr double kLeast = 1 << 12, kMost = 1 << 28;
  const std::size_t size = std::bit_ceil(static_cast<std::size_t>(std::clamp(footprint, kLeast, kMost)));
  double& rate = known[size];
  if (rate > 0) return rate;
  const std::size_t half = size / 2;
  const std::unique_ptr<char[]> from(new char[half]), to(new char[half]);
  std::memset(from.get(), 1, half), std::memset(to.get(), 0, half);
  const auto seconds = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  const std::size_t copies = 1 + (std::size_t{1} << 26) / half;  // 64 MiB: some milliseconds
  for (int trial = 0; trial < 5; ++trial) {
    const double start = seconds();
    for (std::size_t k = 0; k < copies; ++k) {
      std::memcpy(to.get(), from.get(), half);
      benchmark::ClobberMemory();
    }
    rate = std::max(rate, 2 * static_cast<double>(half) * static_cast<double>(copies) / (seconds() - start));
  }
  return rate;
}

/// Each run moves `bytes` and does `flop` multiplications and additions (0: none to speak of), within `footprint` bytes
/// of memory (0: each of the bytes once). of_copy has no unit, though Google Benchmark prints "/s" behind every rate;
/// above 1: reading alone is faster than copying.
inline void report_work(benchmark::State& state, double bytes, double flop, double footprint = 0) {
  using benchmark::Counter;
  constexpr auto kRate = Counter::kIsIterationInvariantRate;
  state.counters["bytes/s"] = Counter(bytes, kRate);
  state.counters["of_copy"] = Counter(bytes / copy_rate(footprint > 0 ? footprint : bytes), kRate);
  if (flop > 0) state.counters["flop/s"] = Counter(flop, kRate);
}

/// Says in the benchmark's own JSON where it was made.
inline const bool kProvenance = [] {
  benchmark::AddCustomContext("command", command_line());
  benchmark::AddCustomContext("machine", machine());
  benchmark::AddCustomContext("commit", build_commit());
  benchmark::AddCustomContext("compiler", build_compiler());
  return true;
}();

}  // namespace pipit
