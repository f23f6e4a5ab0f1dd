#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pipit {
namespace {

Error io_error(const std::string& path, const char* verb) {
  const int why = errno;
  return Error{why == ENOENT ? Code::NotFound : Code::Io, path + ": cannot " + verb + ": " + std::strerror(why)};
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : path;
  const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(name, "open");
  std::string content;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && static_cast<std::size_t>(info.st_size) <= max_bytes)
    content.reserve(static_cast<std::size_t>(info.st_size));
  char buffer[1 << 16];
  ssize_t n = 0;
  bool too_long = false;
  for (;;) {
    n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > max_bytes) {
      too_long = true;
      break;
    }
  }
  const int why = errno;
  if (!standard_input) ::close(fd);
  if (too_long) return Error{Code::Unsupported, name + ": more than " + std::to_string(max_bytes) + " bytes"};
  if (n < 0) {
    errno = why;
    return io_error(name, "read");
  }
  return content;
}

Status write_file(const std::string& path, std::string_view content) {
  struct stat info {};
  const bool special = ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  const std::string target = special ? path : path + ".part" + std::to_string(::getpid());
  const int fd =
      ::open(target.c_str(), special ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return io_error(path, "write");
  bool ok = write_all(fd, content);
  if (ok && !special) ok = ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  errno = why;
  if (ok && !special) ok = std::rename(target.c_str(), path.c_str()) == 0;
  if (!ok) {
    const Error error = io_error(path, "write");
    if (!special) ::unlink(target.c_str());
    return error;
  }
  return Done{};
}

}  // namespace pipit
