// base/file.h — files in, whole or by the line; files out, never half of one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pipit {

/// A file read from front to back; "-" is standard input. Closed by the destructor.
class InputFile {
 public:
  /// Fails with NotFound or Io, naming the path.
  static Result<InputFile> open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  /// Fills the front of `into`, waiting for what is not there yet. Yields how many bytes, 0 at the end only.
  /// Fails with Io (directory, unreadable). Needs into.size() > 0.
  Result<std::size_t> read(std::span<char> into);
  /// Bytes in all where that is known beforehand (a plain file), 0 otherwise.
  std::size_t size() const;
  /// The path, or "standard input".
  const std::string& name() const { return name_; }

 private:
  InputFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  int fd_ = -1;
  std::string name_;
};

/// No sane line of text is longer. What is (a device that never ends, a binary file) is refused before it fills the
/// memory.
inline constexpr std::size_t kLongestLine = std::size_t{1} << 20;

/// Yields the lines of a file one by one as Lines (text.h) does, in memory for two lines whatever the size of the file.
/// Or of a text that stands in memory already, so that a parser is written once.
class LineReader {
 public:
  explicit LineReader(InputFile file) : file_(std::move(file)) {}
  /// `name` stands for the file in errors. Needs `text` longer than itself.
  LineReader(std::string_view text, std::string_view name)
      : text_(text), text_name_(name), end_(text.size()), at_end_(true) {}
  /// Nothing at the end. The line is gone at the next call.
  /// Fails with Io, or with BadFormat on a line of more than kLongestLine bytes, naming file and line.
  Result<std::optional<std::string_view>> next();
  /// Number of the line last returned, from 1.
  std::int64_t number() const { return number_; }
  const std::string& name() const { return file_ ? file_->name() : text_name_; }
  /// Bytes in all where that is known beforehand (memory, a plain file), 0 otherwise.
  std::size_t size() const { return file_ ? file_->size() : text_.size(); }

 private:
  const char* data() const { return file_ ? buffer_.data() : text_.data(); }
  std::optional<InputFile> file_;
  std::string_view text_;
  std::string text_name_;
  std::string buffer_;                              // [begin_, end_) is read and not yet handed out
  std::size_t begin_ = 0, end_ = 0, searched_ = 0;  // no end of line in [begin_, searched_)
  bool at_end_ = false;
  std::int64_t number_ = 0;
};

/// Writes to a temporary name beside `path`; `commit` flushes it to disk and renames: a reader sees the old file or the
/// new one. Without `commit` nothing is left behind. A symbolic link is followed, and the file it names keeps its
/// permissions. "-" and "/dev/stdout" are standard output; it and a path that exists and is no plain file (/dev/full, a
/// pipe) are written directly.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Status write(std::string_view content);
  Status commit();

 private:
  OutputFile(int fd, std::string name, std::string path, std::string target)
      : fd_(fd), name_(std::move(name)), path_(std::move(path)), target_(std::move(target)) {}
  bool special() const { return target_ == path_; }
  void close();
  int fd_ = -1;
  std::string name_, path_, target_;  // as called by the caller; with links followed; what is written
};

/// Reads a whole file; "-" is standard input. Fails with NotFound, Io (directory, unreadable) or Unsupported
/// (more than max_bytes), naming the path.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = std::size_t{8} << 30);

/// The whole content through an OutputFile: "-" is standard output.
Status write_file(const std::string& path, std::string_view content);

struct FileContent {
  std::string path;
  std::string_view content;
};
/// Files that belong together: none takes its name before all of them are on the disk.
Status write_files(std::span<const FileContent> files);

}  // namespace pipit
