// tests/data_path.h — where the public data stands: $PIPIT_DATA, else ../shared/data beside the source tree.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

namespace pipit {

/// Full path of a file below the data folder; empty when it is not there. Tests then skip: `PIPIT_NEED_DATA(path)`.
inline std::string data_path(const std::string& relative) {
  namespace fs = std::filesystem;
  const char* const given = std::getenv("PIPIT_DATA");
  const fs::path folder =
      given != nullptr && *given != '\0' ? fs::path(given) : fs::path(PIPIT_SOURCE_DIR "/../shared/data");
  std::error_code ignored;
  const fs::path full = folder / relative;
  return fs::exists(full, ignored) ? full.string() : std::string();
}

}  // namespace pipit

/// Skips the running test, and says so, when `path` (of data_path) is empty.
#define PIPIT_NEED_DATA(path) \
  if ((path).empty()) GTEST_SKIP() << "public data not found: set PIPIT_DATA or put it in ../shared/data"
