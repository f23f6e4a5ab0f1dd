// apps/options.h — options that check themselves: a number with its range, a choice with its words. The help line tells
// unit, range and default, and takes the default from the variable that the option sets.
#pragma once
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "app.h"
#include "base/text.h"

namespace pipit {

/// `--flag N`, a number in [low, high]; no number, NaN and anything outside is a wrong call.
template <class Number>
CLI::Option* add_number(
    CLI::App& app, const std::string& flag, Number& value, Number low, Number high, const std::string& help) {
  const std::string range = fmt::format("{}..{}", low, high);
  const auto check = [=](const std::string& text) -> std::string {
    const auto number = parse_number<Number>(text);
    if (number && *number >= low && *number <= high) return {};
    return fmt::format("'{}' is no {} in {}", text, std::is_integral_v<Number> ? "whole number" : "number", range);
  };
  return app.add_option(flag, value, fmt::format("{}; {} (default {})", help, range, value))
      ->option_text(std::is_integral_v<Number> ? "N" : "X")
      ->check(CLI::Validator(check, ""));
}

template <class Value>
struct Choice {
  std::string word;
  Value value;
};

/// `--flag a|b|c`: one of a few words.
template <class Value>
CLI::Option* add_choice(CLI::App& app,
                        const std::string& flag,
                        Value& value,
                        const std::vector<Choice<Value>>& words,
                        const std::string& help) {
  std::string all, standard;
  for (const auto& w : words) {
    all += (all.empty() ? "" : "|") + w.word;
    if (w.value == value) standard = w.word;
  }
  const auto set = [&value, words](const std::string& text) {
    for (const auto& w : words)
      if (w.word == text) value = w.value;
  };
  const auto check = [words, all](const std::string& text) -> std::string {
    for (const auto& w : words)
      if (w.word == text) return {};
    return fmt::format("'{}' is none of {}", text, all);
  };
  return app.add_option_function<std::string>(flag, set, fmt::format("{} (default {})", help, standard))
      ->option_text(all)
      ->check(CLI::Validator(check, ""));
}

/// `--json [FILE]`: without a name, or with "-", standard output. A file that exists and holds no JSON is not written
/// over:
/// "--json graph.g2o" was meant as "--json -" and the graph to read.
inline CLI::Option* add_json(CLI::App& app, std::string& path) {
  const auto check = [](const std::string& text) -> std::string {
    std::error_code ignored;
    if (text.empty() || text == "-" || !std::filesystem::is_regular_file(text, ignored)) return {};
    char first = '{';
    std::ifstream(text) >> first;  // an empty or unreadable file leaves it as it is
    if (first == '{' || first == '[') return {};
    return fmt::format("'{}' exists and is no JSON, so it stays as it is; '--json -' writes to standard output", text);
  };
  return app.add_option("--json", path, "the same as JSON; '-' or no name: standard output (default: none)")
      ->option_text("[FILE]")
      ->expected(0, 1)
      ->default_str("-")
      ->check(CLI::Validator(check, ""));
}

/// A file to write, or "-".
inline CLI::Option* add_output(CLI::App& app, const std::string& flag, std::string& path, const std::string& help) {
  return app.add_option(flag, path, help + " (default: none)")->option_text("FILE");
}

/// Asked when everything is parsed: a wrong call where two outputs, by flag and path, would be written to one file.
inline void expect_different_files(const std::vector<std::pair<std::string, std::string>>& outputs) {
  namespace fs = std::filesystem;
  const auto place = [](const std::string& path) -> std::string {
    std::error_code error;
    if (is_standard_output(path)) return "-";
    if (path.empty() || (fs::exists(path, error) && !fs::is_regular_file(path, error))) return {};  // /dev/null
    fs::path file = path;
    for (int links = 0; links < 8 && fs::is_symlink(file, error);
         ++links)  // where it leads, even if nothing is there yet
      file = file.parent_path() / fs::read_symlink(file, error);
    const fs::path full = fs::weakly_canonical(file, error);
    return error ? path : full.string();
  };
  for (std::size_t i = 0; i < outputs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (const std::string where = place(outputs[i].second); !where.empty() && where == place(outputs[j].second))
        throw CLI::ValidationError(fmt::format("{} and {}", outputs[j].first, outputs[i].first),
                                   fmt::format("both write to '{}'", outputs[i].second));
}

/// A picture to write, by its ending.
inline CLI::Option* add_plot(CLI::App& app, std::string& path, const std::string& help) {
  const auto check = [](const std::string& text) -> std::string {
    if (text.ends_with(".svg") || text.ends_with(".html")) return {};
    return fmt::format("'{}' ends neither in .svg nor in .html", text);
  };
  return add_output(app, "--plot", path, help + "; .svg or .html")->check(CLI::Validator(check, ""));
}

}  // namespace pipit
