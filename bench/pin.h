// bench/pin.h — a process that measures stays where its caches are.
#pragma once
#include <sched.h>

namespace pipit {

/// Holds this process on the core it is on. False where the kernel does not allow it.
inline bool pin_to_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(sched_getcpu(), &cores);
  return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

}  // namespace pipit
