#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pipit {

Result<MappedFile> MappedFile::open(const std::string& path) {
  const auto failed = [&](const char* verb) {
    const int why = errno;
    return Error{why == ENOENT ? Code::NotFound : Code::Io, path + ": cannot " + verb + ": " + std::strerror(why)};
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not keep us waiting
  if (fd < 0) return failed("open");
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0;
  if (!known || !S_ISREG(info.st_mode) || info.st_size == 0) {
    const Error error = known ? Error{Code::Unsupported, path + ": is no plain file, wanted one"} : failed("look at");
    ::close(fd);
    if (known && S_ISREG(info.st_mode)) return MappedFile({});
    return error;
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int why = errno;
  ::close(fd);
  errno = why;
  if (at == MAP_FAILED) return failed("map");
  return MappedFile({static_cast<const std::byte*>(at), size});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace pipit
