// apps/json.h — numbers and files as JSON. Keys keep the order in which they were written; what is not finite is null.
#pragma once
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"

namespace pipit {

using Json = nlohmann::ordered_json;

inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Writes to a file, or to standard output for "-"; nothing for an empty path.
inline Status write_json(const std::string& path, const Json& json) {
  if (path.empty()) return Done{};
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return write_file(path, text);
}

}  // namespace pipit
