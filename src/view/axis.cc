#include "view/axis.h"

#include <algorithm>
#include <cmath>

#include "view/markup.h"

namespace pipit {
namespace {

/// The smallest of 1, 2, 5 times a power of ten that is at least `raw`.
double nice_step(double raw) {
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double f : {1.0, 2.0, 5.0})
    if (raw <= f * power * (1 + 1e-9)) return f * power;
  return 10 * power;
}

}  // namespace

bool AxisLayout::shows(Scale scale, double value) {
  return std::abs(value) <= 1e300 && (scale == Scale::Linear || value >= 1e-300);
}

AxisLayout::AxisLayout(const AxisOptions& options, double low, double high) : options_(options) {
  const bool log = options.scale == Scale::Log;
  const auto place_of = [log](double v) { return log ? std::log10(v) : v; };
  if (!(low <= high)) {
    low_ = 0;
    high_ = 1;
  } else {
    low_ = place_of(low);
    high_ = place_of(high);
  }
  // Below a billionth of the numbers themselves ticks could not be told apart.
  const double least = std::max({std::abs(low_), std::abs(high_), 1e-290}) * 1e-9;
  if (high_ - low_ < least) {
    const double pad = low_ == 0 && high_ == 0 ? 0.5 : log ? 0.5 : std::max(std::abs(low_) * 0.1, least);
    low_ -= pad;
    high_ += pad;
  } else {
    const double pad = 0.04 * (high_ - low_);
    low_ -= pad;
    high_ += pad;
  }
  const auto fixed = [&](const std::optional<double>& end) { return end && shows(options.scale, *end); };
  const double first = fixed(options.low) ? place_of(*options.low) : low_;
  const double last = fixed(options.high) ? place_of(*options.high) : high_;
  if (last - first > std::max(std::abs(first), std::abs(last)) * 1e-12) {
    low_ = first;
    high_ = last;
  }
}

void AxisLayout::place(double begin_px, double end_px, double spacing_px) {
  begin_ = begin_px;
  end_ = end_px;
  ticks_.clear();
  exponent_ = 0;
  const double target = std::max(2.0, std::abs(end_px - begin_px) / spacing_px);
  if (options_.scale == Scale::Log && high_ - low_ >= 0.8)
    log_ticks(target);
  else
    linear_ticks(target);
}

void AxisLayout::widen_to(double units_per_px) {
  const double half = 0.5 * units_per_px * std::abs(end_ - begin_), middle = 0.5 * (low_ + high_);
  low_ = middle - half;
  high_ = middle + half;
}

double AxisLayout::units_per_px() const { return (high_ - low_) / std::abs(end_ - begin_); }

double AxisLayout::pixel(double value) const {
  const double v = options_.scale == Scale::Log ? std::log10(value) : value;
  return begin_ + (v - low_) / (high_ - low_) * (end_ - begin_);
}

void AxisLayout::linear_ticks(double target) {
  const bool log = options_.scale == Scale::Log;  // a log axis of less than a decade: round numbers, unevenly spaced
  const double low = log ? std::pow(10.0, low_) : low_, high = log ? std::pow(10.0, high_) : high_;
  const double step = nice_step((high - low) / target);
  const double largest = std::max(std::abs(low), std::abs(high));
  const int top = static_cast<int>(std::floor(std::log10(largest)));
  if (top >= 6 || top < -3) exponent_ = top;
  const double unit = std::pow(10.0, exponent_);
  const int decimals = std::clamp(exponent_ - static_cast<int>(std::floor(std::log10(step) + 1e-9)), 0, 15);
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double k = first; k <= last && ticks_.size() < 100; ++k)
    ticks_.push_back({k * step, format_fixed(k * step / unit, decimals)});
}

void AxisLayout::log_ticks(double target) {
  const int first = static_cast<int>(std::ceil(low_ - 1e-9)), last = static_cast<int>(std::floor(high_ + 1e-9));
  const int every = std::max(1, static_cast<int>(std::ceil((last - first + 1) / target)));
  const bool plain = first >= -3 && last <= 5;  // 0.001 to 100000 read better in full
  for (int k = first; k <= last; ++k)
    if (k % every == 0)
      ticks_.push_back({std::pow(10.0, k), plain ? format_fixed(std::pow(10.0, k), std::max(0, -k)) : power_of_ten(k)});
  if (ticks_.size() >= 3 || every > 1) return;
  // Few decades: 2 and 5 as well.
  for (int k = first - 1; k <= last; ++k)
    for (const int f : {2, 5}) {
      const double value = f * std::pow(10.0, k), place = std::log10(value);
      if (place < low_ || place > high_) continue;
      const bool readable = k >= -3 && k <= 5;
      ticks_.push_back(
          {value, readable ? format_fixed(value, std::max(0, -k)) : std::to_string(f) + "·" + power_of_ten(k)});
    }
  std::sort(ticks_.begin(), ticks_.end(), [](const Tick& a, const Tick& b) { return a.value < b.value; });
}

std::string AxisLayout::title() const {
  std::string unit = exponent_ != 0 ? power_of_ten(exponent_) : "";
  if (!unit.empty() && !options_.unit.empty()) unit += " ";
  unit += options_.unit;
  if (unit.empty()) return options_.label;
  return options_.label + (options_.label.empty() ? "[" : " [") + unit + "]";
}

}  // namespace pipit
