// tests/fuzz/fuzz.h — what all fuzzers say of what they find.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/result.h"

namespace pipit::fuzz {

inline void demand(bool ok) {
  if (!ok) std::abort();
}

/// One printable line.
inline void demand_clear(const Error& error) {
  demand(!error.message.empty() && error.message.size() < 1000);
  for (const char c : error.message) demand(c >= ' ' && c <= '~');
}

/// Bytes as a file with a path that never touches a disk.
class MemoryFile {
 public:
  MemoryFile(const void* data, std::size_t size) : fd_(::memfd_create("fuzz", 0)) {
    demand(fd_ >= 0 && ::write(fd_, data, size) == static_cast<ssize_t>(size));
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace pipit::fuzz
