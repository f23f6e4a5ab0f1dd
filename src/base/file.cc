#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/contract.h"

namespace pipit {
namespace {

Error io_error(const std::string& path, const char* verb) {
  const int why = errno;
  return Error{why == ENOENT ? Code::NotFound : Code::Io, path + ": cannot " + verb + ": " + std::strerror(why)};
}

// The path that a chain of symbolic links ends at, whether that exists or not.
Result<std::string> behind_links(const std::string& name) {
  constexpr int kMostLinks = 40;  // as Linux
  std::filesystem::path path(name);
  std::error_code error;
  for (int k = 0; k < kMostLinks; ++k) {
    if (!std::filesystem::is_symlink(path, error)) return path.string();
    const std::filesystem::path next = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / next;
  }
  return Error{Code::Io, name + ": cannot write: its symbolic links lead nowhere"};
}

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  if (path == "-") return InputFile(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(path, "open");
  return InputFile(fd, path);
}

InputFile::InputFile(InputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0 && fd_ != STDIN_FILENO) ::close(fd_);
}

Result<std::size_t> InputFile::read(std::span<char> into) {
  expects(!into.empty(), "InputFile::read: no room");
  std::size_t got = 0;
  while (got < into.size()) {
    const ssize_t n = ::read(fd_, into.data() + got, into.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(name_, "read");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

std::size_t InputFile::size() const {
  struct stat info {};
  return ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::size_t>(info.st_size) : 0;
}

Result<std::optional<std::string_view>> LineReader::next() {
  constexpr std::size_t kBlock = std::size_t{1} << 18;  // read at once: a fifth of a millisecond of parsing
  for (;;) {
    const std::string_view unseen(data() + searched_, end_ - searched_);
    const std::size_t found = unseen.find('\n');
    const bool whole = found != std::string_view::npos;
    const std::size_t stop = whole ? searched_ + found : end_;
    if (stop - begin_ > kLongestLine)
      return Error{Code::BadFormat,
                   name() + ":" + std::to_string(number_ + 1) + ": the line is longer than " +
                       std::to_string(kLongestLine) + " bytes, wanted lines of text"};
    if (whole || at_end_) {
      if (!whole && begin_ == end_) return std::optional<std::string_view>();
      std::string_view line(data() + begin_, stop - begin_);
      begin_ = searched_ = whole ? stop + 1 : stop;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      ++number_;
      return std::optional(line);
    }
    // Half a line is left: to the front with it, and on with the next block.
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    searched_ = end_;
    if (buffer_.size() < end_ + kBlock) buffer_.resize(end_ + kBlock);
    const Result<std::size_t> got = file_->read({buffer_.data() + end_, kBlock});
    if (!got) return got.error();
    at_end_ = *got == 0;
    end_ += *got;
  }
}

Result<OutputFile> OutputFile::create(const std::string& name) {
  // Opened anew, /dev/stdout would begin at the front of a file that somebody else is writing, too.
  if (name == "-" || name == "/dev/stdout") return OutputFile(STDOUT_FILENO, "standard output", "-", "-");
  struct stat info {};
  const bool exists = ::stat(name.c_str(), &info) == 0, special = exists && !S_ISREG(info.st_mode);
  const Result<std::string> path = special ? name : behind_links(name);
  if (!path) return path.error();
  const std::string target = special ? *path : *path + ".part" + std::to_string(::getpid());
  const int fd =
      ::open(target.c_str(), special ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return io_error(name, "write");
  OutputFile file(fd, name, *path, target);
  if (exists && !special && ::fchmod(fd, info.st_mode & 07777) != 0) return io_error(name, "write");
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      path_(std::move(other.path_)),
      target_(std::move(other.target_)) {}

void OutputFile::close() {
  if (fd_ != STDOUT_FILENO) ::close(fd_);
  fd_ = -1;
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close();
  if (!special()) ::unlink(target_.c_str());
}

Status OutputFile::write(std::string_view content) {
  expects(fd_ >= 0, "OutputFile::write: after commit");
  while (!content.empty()) {
    const ssize_t n = ::write(fd_, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(name_, "write");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return Done{};
}

Status OutputFile::commit() {
  expects(fd_ >= 0, "OutputFile::commit: twice");
  if (!special() && ::fsync(fd_) != 0) return io_error(name_, "write");
  if (!special() && std::rename(target_.c_str(), path_.c_str()) != 0) return io_error(name_, "write");
  close();
  return Done{};
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  Result<InputFile> file = InputFile::open(path);
  if (!file) return file.error();
  std::string content;
  if (file->size() <= max_bytes) content.reserve(file->size());
  char buffer[1 << 16];
  for (;;) {
    const Result<std::size_t> got = file->read(buffer);
    if (!got) return got.error();
    if (*got == 0) return content;
    content.append(buffer, *got);
    if (content.size() > max_bytes)
      return Error{Code::Unsupported, file->name() + ": more than " + std::to_string(max_bytes) + " bytes"};
  }
}

Status write_file(const std::string& path, std::string_view content) {
  const FileContent file{path, content};
  return write_files({&file, 1});
}

Status write_files(std::span<const FileContent> files) {
  std::vector<OutputFile> out;
  out.reserve(files.size());
  for (const auto& [path, content] : files) {
    Result<OutputFile> file = OutputFile::create(path);
    if (!file) return file.error();
    out.push_back(std::move(*file));
    if (Status written = out.back().write(content); !written) return written;
  }
  for (OutputFile& file : out)
    if (Status done = file.commit(); !done) return done;
  return Done{};
}

}  // namespace pipit
