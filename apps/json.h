// apps/json.h — numbers and files as JSON. Keys keep the order in which they were written; what is not finite is null.
#pragma once
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "base/machine.h"
#include "base/version.h"

namespace pipit {

using Json = nlohmann::ordered_json;

inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Where results come from: the front of every file that write_json writes.
inline Json provenance() {
  return {{"command", command_line()},
          {"machine", machine()},
          {"cores", num_cores()},
          {"commit", build_commit()},
          {"compiler", build_compiler()}};
}

/// What fits in 200 columns stands on one line, so that a row of a table is one: some results have 800 of them. A list
/// of numbers is one line however long.
inline std::string in_lines(const Json& json, int indent = 0) {
  const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto has_parts = [](const Json& value) { return value.is_structured() && !value.empty(); };
  const bool table = json.is_object() || std::any_of(json.begin(), json.end(), has_parts);
  const bool fits = indent > 0 && line.size() + static_cast<std::size_t>(indent) <= 200;
  if (!has_parts(json) || !table || fits) return line;
  const std::string space(static_cast<std::size_t>(indent) + 2, ' ');
  std::string out(1, json.is_object() ? '{' : '[');
  for (const auto& [key, value] : json.items()) {
    if (out.size() > 1) out += ',';
    out.append("\n").append(space);
    if (json.is_object()) out.append(Json(key).dump(-1, ' ', false, Json::error_handler_t::replace)).append(": ");
    out += in_lines(value, indent + 2);
  }
  out.append("\n").append(space, 2);
  return out += json.is_object() ? '}' : ']';
}

/// Writes an object, headed by its provenance, to a file, or to standard output for "-"; nothing for an empty path.
inline Status write_json(const std::string& path, const Json& json) {
  if (path.empty()) return Done{};
  Json whole = provenance();
  whole.update(json);
  return write_file(path, in_lines(whole) + "\n");
}

}  // namespace pipit
