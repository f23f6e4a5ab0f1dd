#include "base/clock.h"

#include <sys/resource.h>

namespace pipit {

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024e-6;  // Linux counts in units of 1024 bytes
}

}  // namespace pipit
