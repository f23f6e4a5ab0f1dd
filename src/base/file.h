// base/file.h — whole files in, whole files out, never half of one.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pipit {

/// Reads a whole file; "-" is standard input. Fails with NotFound, Io (directory, unreadable) or Unsupported
/// (more than max_bytes), naming the path.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = std::size_t{8} << 30);

/// Writes to a temporary name beside `path`, flushes it to disk, then renames: a reader sees the old file or the new
/// one. A path that exists and is no plain file (/dev/stdout, a pipe) is written directly.
Status write_file(const std::string& path, std::string_view content);

}  // namespace pipit
