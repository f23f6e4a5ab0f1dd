#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace pipit {

void provide_pages([[maybe_unused]] std::span<std::byte> memory) {
#ifdef MADV_POPULATE_WRITE  // Linux 5.14
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t skipped = (page - begin % page) % page;  // what is not whole pages is somebody else's too
  if (memory.size() < skipped + page) return;
  ::madvise(memory.data() + skipped, (memory.size() - skipped) / page * page, MADV_POPULATE_WRITE);
#endif
}

}  // namespace pipit
