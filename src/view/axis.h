// view/axis.h — from numbers to places along an axis, and the round numbers written beside it.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace pipit {

enum class Scale { Linear, Log };

struct AxisOptions {
  std::string label = "";  // what is shown, e.g. "x"
  std::string unit = "";   // e.g. "m"; empty for a pure number
  Scale scale = Scale::Linear;
  std::optional<double> low = std::nullopt, high = std::nullopt;  // fixed ends; by default the data decide
};

struct Tick {
  double value;
  std::string label;  // times 10^exponent of the axis is the value
};

/// One axis, laid out: values in [low, high] go to pixels [begin, end] (end < begin on a y axis).
class AxisLayout {
 public:
  /// True for numbers that the axis can show: finite, |v| <= 1e300, and above zero on a log scale.
  static bool shows(Scale scale, double value);

  /// `low`, `high`: ends of the data (low > high when there is none). Pads by 4 %, then widens a range too small to
  /// tell apart. Fixed ends in the options are kept as they are, if they make sense (shown by the axis, low < high).
  AxisLayout(const AxisOptions& options, double low, double high);

  /// Sets the pixels and finds the ticks, about one per `spacing_px`.
  void place(double begin_px, double end_px, double spacing_px);
  /// Widens a linear range about its middle so that one pixel is `units_per_px`. Needs place before and after.
  void widen_to(double units_per_px);

  double pixel(double value) const;
  double units_per_px() const;
  const std::vector<Tick>& ticks() const { return ticks_; }
  /// "cost [10⁶ m]": label, common power of ten, unit.
  std::string title() const;
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  void linear_ticks(double target);
  void log_ticks(double target);

  AxisOptions options_;
  double low_ = 0, high_ = 1;  // log10 of the ends on a log scale
  double begin_ = 0, end_ = 1;
  int exponent_ = 0;
  std::vector<Tick> ticks_;
};

}  // namespace pipit
