// view/timeline.h — what was when: labelled boxes over a time axis, as SVG that stands alone. Words of a sound, say,
// with those that it might have been beneath them.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipit {

struct TimedLabel {
  std::string text;
  double start_s = 0, end_s = 0;
  double weight = 1;   ///< in [0, 1]: how dark the box is
  bool chosen = true;  ///< chosen ones stand above the others, in another colour
};

/// In      `sound`, samples over [0, seconds], drawn as an outline at the top; may be empty.
/// Labels  none covers another: rows are added as they are needed, the heaviest of those not chosen first.
///         Times outside [0, seconds] are cut off.   Needs seconds > 0, width_px >= 200 (contract).
std::string timeline_svg(std::string_view title,
                         std::vector<TimedLabel> labels,
                         std::span<const float> sound,
                         double seconds,
                         int width_px = 912);

}  // namespace pipit
