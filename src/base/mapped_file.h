// base/mapped_file.h — a whole file as memory, read from disk page by page as it is touched.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace pipit {

/// Read-only. The bytes stay where they are when the object moves, and go with it.
/// Another program that shortens the file meanwhile ends this one (SIGBUS): map files that are replaced, not edited.
class MappedFile {
 public:
  /// Fails with NotFound, Io, or Unsupported (folder, pipe, device), naming the path. An empty file has no bytes.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace pipit
