#include "view/timeline.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"
#include "view/canvas.h"
#include "view/markup.h"

namespace pipit {
namespace {

constexpr double kLeft = 14, kTop = 34, kWave = 64, kRow = 24, kBox = 19, kLetter = 7.4;  // px

struct Placed {
  TimedLabel label;
  double x, width;  // of the box
  std::size_t row;
};

// Each label goes to the first row from `least` on where nothing stands yet in its place.
void place(std::vector<Placed>& all,
           std::vector<std::vector<std::pair<double, double>>>& rows,
           std::size_t least,
           Placed one) {
  const double end = one.x + std::max(one.width, kLetter * num_characters(one.label.text) + 8) + 3;
  for (one.row = least;; ++one.row) {
    if (rows.size() <= one.row) rows.resize(one.row + 1);
    const bool taken = std::any_of(rows[one.row].begin(), rows[one.row].end(), [&](const auto& other) {
      return one.x < other.second && other.first < end;
    });
    if (!taken) break;
  }
  rows[one.row].push_back({one.x, end});
  all.push_back(std::move(one));
}

void draw_wave(Canvas& canvas, std::span<const float> sound, double width) {
  float most = 1e-9F;
  for (const float v : sound) most = std::max(most, std::abs(v));
  canvas.open_bars("grey", 0.8);
  const auto columns = static_cast<std::size_t>(width / 2);
  for (std::size_t c = 0; c < columns && sound.size() >= columns; ++c) {
    const auto part = sound.subspan(sound.size() * c / columns, sound.size() / columns);
    const auto [low, high] = std::minmax_element(part.begin(), part.end());
    const double up = 0.5 * kWave * static_cast<double>(std::max(0.0F, *high) / most);
    const double down = 0.5 * kWave * static_cast<double>(std::max(0.0F, -*low) / most);
    canvas.bar(kLeft + 2.0 * static_cast<double>(c), kTop + 0.5 * kWave - up, 1.5, std::max(0.5, up + down));
  }
  canvas.close_series();
}

}  // namespace

std::string timeline_svg(std::string_view title,
                         std::vector<TimedLabel> labels,
                         std::span<const float> sound,
                         double seconds,
                         int width_px) {
  expects(seconds > 0 && width_px >= 200, "timeline_svg: some time, and room for it");
  const double width = width_px - 2 * kLeft, scale = width / seconds;
  std::stable_sort(labels.begin(), labels.end(), [](const TimedLabel& a, const TimedLabel& b) {
    if (a.chosen != b.chosen) return a.chosen;
    return a.chosen ? a.start_s < b.start_s : a.weight > b.weight;
  });
  std::vector<Placed> all;
  std::vector<std::vector<std::pair<double, double>>> rows;
  std::size_t chosen_rows = 0;
  for (TimedLabel& label : labels) {
    const double start = std::clamp(label.start_s, 0.0, seconds), end = std::clamp(label.end_s, start, seconds);
    const bool chosen = label.chosen;
    place(all,
          rows,
          chosen ? 0 : chosen_rows,
          {std::move(label), kLeft + scale * start, std::max(3.0, scale * (end - start)), 0});
    if (chosen) chosen_rows = rows.size();
  }

  const double first = kTop + kWave + 26, bottom = first + kRow * static_cast<double>(rows.size());
  Canvas canvas;
  canvas.open(width_px, static_cast<int>(bottom + 12), title);
  canvas.text(kLeft, 22, title, "title", Anchor::Start);
  draw_wave(canvas, sound, width);
  const double step = seconds > 12 ? 2 : seconds > 4 ? 1 : 0.5;
  canvas.open_group("grid");
  for (double t = 0; t <= seconds; t += step)
    canvas.rule({kLeft + scale * t, kTop + kWave}, {kLeft + scale * t, bottom + 4});
  canvas.close_group();
  for (double t = 0; t <= seconds; t += step)
    canvas.text(
        kLeft + scale * t + 2, kTop + kWave + 13, format_fixed(t, step < 1 ? 1 : 0) + " s", "tick", Anchor::Start);
  for (const Placed& one : all) {
    const double y = first + kRow * static_cast<double>(one.row);
    canvas.open_bars(one.label.chosen ? "blue" : "orange", 0.12 + 0.5 * std::clamp(one.label.weight, 0.0, 1.0));
    canvas.bar(one.x, y, one.width, kBox);
    canvas.close_series();
    canvas.text(one.x + 3, y + 14, one.label.text, "label", Anchor::Start);
  }
  return canvas.close();
}

}  // namespace pipit
