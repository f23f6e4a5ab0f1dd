// bench/pin.h — a process that measures stays where its caches are, and a peer's library on the threads it was given.
#pragma once
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace pipit {

/// Holds this process on the core it is on. False where the kernel does not allow it.
inline bool pin_to_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(sched_getcpu(), &cores);
  return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

/// OpenBLAS and OpenMP read their number of threads when they are loaded: sets it to one, then starts this program
/// again.
inline void keep_blas_to_one_thread(char** argv) {
  if (const char* set = std::getenv("OPENBLAS_NUM_THREADS"); set != nullptr && std::string_view(set) == "1") return;
  ::setenv("OPENBLAS_NUM_THREADS", "1", 1);
  ::setenv("OMP_NUM_THREADS", "1", 1);
  ::execv("/proc/self/exe", argv);
}

}  // namespace pipit
