#include "audio/feature_norm.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/contract.h"
#include "base/text.h"

namespace pipit {

std::string format_feature_norm(const FeatureNorm& norm) {
  std::string text;
  for (int b = 0; b < kNumBands; ++b) text += fmt::format("{}\t{}\n", norm.mean[b], norm.inverse_deviation[b]);
  return text;
}

Result<FeatureNorm> parse_feature_norm(std::string_view text, std::string_view name) {
  FeatureNorm norm;
  Lines lines(text);
  int band = 0;
  while (const auto line = lines.next()) {
    Fields fields(*line);
    const auto mean = parse_number<float>(fields.next()), inverse = parse_number<float>(fields.next());
    if (band == kNumBands || !mean || !inverse || !std::isfinite(*mean) || !std::isfinite(*inverse) || *inverse <= 0 ||
        !fields.next().empty())
      return Error{Code::BadFormat,
                   fmt::format("{}:{}: found '{}', wanted {} lines of a mean and an inverse deviation above 0",
                               name,
                               lines.number(),
                               line->substr(0, 60),
                               kNumBands)};
    norm.mean[band] = *mean;
    norm.inverse_deviation[band] = *inverse;
    ++band;
  }
  if (band != kNumBands) return Error{Code::BadFormat, fmt::format("{}: {} lines, wanted {}", name, band, kNumBands)};
  return norm;
}

RunningNorm::RunningNorm(const FeatureNorm& norm) : norm_(norm) {
  expects(norm.prior_frames >= 0 && std::isfinite(norm.prior_frames), "RunningNorm: prior_frames");
  for (int b = 0; b < kNumBands; ++b)
    expects(std::isfinite(norm.mean[b]) && std::isfinite(norm.inverse_deviation[b]), "RunningNorm: not finite");
  reset();
}

void RunningNorm::apply(std::span<float, kNumBands> frame) {
  ++num_frames_;
  const double weight = 1 / (static_cast<double>(norm_.prior_frames) + static_cast<double>(num_frames_));
  for (int b = 0; b < kNumBands; ++b) {
    sum_[b] += static_cast<double>(frame[b]);
    frame[b] = static_cast<float>((static_cast<double>(frame[b]) - sum_[b] * weight) *
                                  static_cast<double>(norm_.inverse_deviation[b]));
  }
}

void RunningNorm::reset() {
  num_frames_ = 0;
  for (int b = 0; b < kNumBands; ++b)
    sum_[b] = static_cast<double>(norm_.prior_frames) * static_cast<double>(norm_.mean[b]);
}

}  // namespace pipit
