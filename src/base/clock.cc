#include "base/clock.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace pipit {

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024e-6;  // Linux counts in units of 1024 bytes
}

bool reset_peak_rss() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::write(fd, "5", 1) == 1;  // proc(5): 5 resets the peak
  ::close(fd);
  return done;
}

}  // namespace pipit
