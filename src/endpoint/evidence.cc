#include "endpoint/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

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

}  // namespace

Result<EndWeights> parse_end_weights(std::string_view text, std::string_view name) {
  EndWeights out;
  std::array<bool, kNumEvidence + 1> seen{};
  const auto take = [&](std::string_view what, double value) -> const char* {
    const auto k = static_cast<std::size_t>(std::find(kEvidenceNames.begin(), kEvidenceNames.end(), what) -
                                            kEvidenceNames.begin());
    if (k == kSilence || (k == kNumEvidence && what != "offset_s")) return "an unknown name";
    if (std::exchange(seen[k], true)) return "there already";
    (k < kNumEvidence ? out.per_unit[k] : out.offset_s) = value;
    return nullptr;
  };
  if (const Status fine = each_line(text, name, take); !fine) return fine.error();
  for (std::size_t k = kSilence + 1; k < seen.size(); ++k)
    if (!seen[k])
      return Error{Code::BadFormat,
                   fmt::format("{}: no line for '{}'", name, k < kNumEvidence ? kEvidenceNames[k] : "offset_s")};
  return out;
}

Result<EndWeights> read_end_weights(const std::string& path) {
  const auto text = read_file(path, 1 << 20);
  if (!text) return text.error();
  return parse_end_weights(*text, path);
}

std::string format_end_weights(const EndWeights& weights) {
  std::string out;
  for (std::size_t k = kSilence + 1; k < kNumEvidence; ++k)
    out += fmt::format("{}\t{}\n", kEvidenceNames[k], weights.per_unit[k]);
  return out + fmt::format("offset_s\t{}\n", weights.offset_s);
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
