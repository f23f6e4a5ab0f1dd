// nn/json.h — nlohmann-json without its assertions, which would end the process. Seen by .cc files of nn alone.
#pragma once
#include <optional>
#include <string_view>

#include "base/contract.h"

#define JSON_ASSERT(condition) PIPIT_DCHECK(condition)
#include <nlohmann/json.hpp>

namespace pipit {

/// Nothing where the text is no JSON, or nested deeper than 64 (what walks it later is recursive).
inline std::optional<nlohmann::json> parse_json(std::string_view text) {
  bool too_deep = false;
  const auto depth_guard = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > 64;
    return !too_deep;
  };
  nlohmann::json parsed = nlohmann::json::parse(text, depth_guard, false);
  if (too_deep || parsed.is_discarded()) return std::nullopt;
  return parsed;
}

}  // namespace pipit
