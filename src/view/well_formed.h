// view/well_formed.h — a small XML reader for the tests of this room: finds what a strict parser would refuse.
#pragma once
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pipit {

/// The first fault of an XML text without comments and CDATA (an HTML doctype at the front is passed over), with its
/// place; empty when there is none. Checks: tags close in order, one root, attributes quoted and named once, no bare
/// '<' or '&', only the five entities and numbers, no control characters.
inline std::string xml_fault(std::string_view text) {
  std::size_t at = 0;
  std::vector<std::string> open;
  bool rooted = false;
  const auto fault = [&](const std::string& what) { return what + " at byte " + std::to_string(at); };
  const auto name_here = [&] {
    const std::size_t begin = at;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '-' || text[at] == ':'))
      ++at;
    return std::string(text.substr(begin, at - begin));
  };
  const auto blanks = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
  };
  const auto entity = [&] {
    const auto end = text.find(';', at);
    if (end == std::string_view::npos || end - at > 10) return false;
    const std::string_view name = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return name == "lt" || name == "gt" || name == "amp" || name == "quot" || name == "apos" ||
           (name.size() > 1 && name[0] == '#');
  };
  if (text.starts_with("<!DOCTYPE html>")) at = 15;
  while (at < text.size()) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') return fault("control character");
    if (c == '&') {
      if (!entity()) return fault("bad entity");
    } else if (c != '<') {
      if (open.empty() && !std::isspace(static_cast<unsigned char>(c))) return fault("text outside the root");
      ++at;
    } else if (text.substr(at, 2) == "</") {
      at += 2;
      const std::string name = name_here();
      if (open.empty() || open.back() != name) return fault("</" + name + "> closes nothing");
      open.pop_back();
      if (at >= text.size() || text[at++] != '>') return fault("tag without end");
    } else {
      ++at;
      const std::string name = name_here();
      if (name.empty()) return fault("bare <");
      if (open.empty() && rooted) return fault("second root");
      rooted = true;
      std::set<std::string> seen;
      for (blanks(); at < text.size() && text[at] != '>' && text[at] != '/'; blanks()) {
        const std::string key = name_here();
        if (key.empty() || !seen.insert(key).second) return fault("bad attribute '" + key + "'");
        if (text.substr(at, 2) != "=\"") return fault("attribute without quotes");
        for (at += 2; at < text.size() && text[at] != '"';) {
          if (text[at] == '<') return fault("< in an attribute");
          if (text[at] == '&') {
            if (!entity()) return fault("bad entity");
          } else {
            ++at;
          }
        }
        ++at;
      }
      const bool single = at < text.size() && text[at] == '/';
      at += single;
      if (at >= text.size() || text[at++] != '>') return fault("tag without end");
      if (!single) open.push_back(name);
    }
  }
  if (!open.empty()) return fault("<" + open.back() + "> stays open");
  return rooted ? "" : "no element";
}

}  // namespace pipit
