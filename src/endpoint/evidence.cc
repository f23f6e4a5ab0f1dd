#include "endpoint/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace pipit {
namespace {

// Calls take(name, value) for each line "name<TAB>number"; what it answers, if anything, is what is wrong.
template <class Take>
Status each_line(std::string_view text, std::string_view file, const Take& take) {
  Lines lines(text);
  for (auto line = lines.next(); line; line = lines.next()) {
    if (line->empty() || line->front() == '#') continue;
    const auto tab = line->find('\t');
    std::optional<double> value;
    if (tab != std::string_view::npos) value = parse_number<double>(line->substr(tab + 1));
    const char* wrong = "wanted a name, a tab and a number";
    if (value && std::isfinite(*value)) wrong = take(line->substr(0, tab), *value);
    if (wrong != nullptr)
      return Error{Code::BadFormat, fmt::format("{}:{}: {}: {}", file, lines.number(), in_quotes(*line), wrong)};
  }
  return Done{};
}

// What the file says, by name.
std::vector<std::pair<std::string_view, double*>> numbers_of(EndWeights& weights) {
  std::vector<std::pair<std::string_view, double*>> out;
  for (std::size_t k = kSilence + 1; k < kNumEvidence; ++k) out.emplace_back(kEvidenceNames[k], &weights.per_unit[k]);
  out.insert(out.end(), {{"offset_s", &weights.offset_s}, {"least_s", &weights.least_s}, {"most_s", &weights.most_s}});
  return out;
}

}  // namespace

Result<EndWeights> parse_end_weights(std::string_view text, std::string_view name) {
  EndWeights out;
  auto numbers = numbers_of(out);
  std::vector<bool> seen(numbers.size());
  const auto take = [&](std::string_view what, double value) -> const char* {
    const auto found =
        std::find_if(numbers.begin(), numbers.end(), [&](const auto& number) { return number.first == what; });
    if (found == numbers.end()) return "an unknown name";
    const auto k = static_cast<std::size_t>(found - numbers.begin());
    if (seen[k]) return "there already";
    seen[k] = true;
    *found->second = value;
    return nullptr;
  };
  if (const Status fine = each_line(text, name, take); !fine) return fine.error();
  for (std::size_t k = 0; k < seen.size(); ++k)
    if (!seen[k]) return Error{Code::BadFormat, fmt::format("{}: no line for '{}'", name, numbers[k].first)};
  if (out.least_s > out.most_s)
    return Error{Code::BadFormat, fmt::format("{}: least_s {} above most_s {}", name, out.least_s, out.most_s)};
  return out;
}

Result<EndWeights> read_end_weights(const std::string& path) {
  const auto text = read_file(path, 1 << 20);
  if (!text) return text.error();
  return parse_end_weights(*text, path);
}

std::string format_end_weights(const EndWeights& weights) {
  EndWeights copy = weights;
  std::string out;
  for (const auto& [name, number] : numbers_of(copy)) out += fmt::format("{}\t{}\n", name, *number);
  return out;
}

Result<SentenceEnds> SentenceEnds::parse(std::string_view text, std::string_view name) {
  SentenceEnds out;
  std::optional<double> other;
  const auto take = [&](std::string_view word, double value) -> const char* {
    if (word.empty()) return "no word";
    if (word == "other" ? std::exchange(other, value).has_value()
                        : !out.words_.emplace(std::string(word), static_cast<float>(value)).second)
      return "there already";
    return nullptr;
  };
  if (const Status fine = each_line(text, name, take); !fine) return fine.error();
  if (!other) return Error{Code::BadFormat, fmt::format("{}: no line for 'other'", name)};
  out.other_ = static_cast<float>(*other);
  return out;
}

Result<SentenceEnds> SentenceEnds::open(const std::string& path) {
  const auto text = read_file(path, 1 << 24);
  if (!text) return text.error();
  return parse(*text, path);
}

float SentenceEnds::after(std::string_view word) const {
  const auto found = words_.find(word);
  return found == words_.end() ? other_ : found->second;
}

}  // namespace pipit
