#include "view/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/contract.h"
#include "view/canvas.h"
#include "view/markup.h"
#include "view/thin.h"

namespace pipit {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Strokes, spots and line corners of one figure, all series together: about 20 bytes each, hence below 2 MB.
constexpr std::size_t kBudget = 60000;

constexpr std::string_view name(Ink ink) {
  constexpr std::string_view kNames[] = {"blue", "orange", "green", "purple", "sky", "amber", "grey", "black"};
  return kNames[static_cast<int>(ink)];
}

}  // namespace

struct Figure::Extent {
  double x_low = kInfinity, x_high = -kInfinity, y_low = kInfinity, y_high = -kInfinity;
  void add(double x, double y) {
    x_low = std::min(x_low, x);
    x_high = std::max(x_high, x);
    y_low = std::min(y_low, y);
    y_high = std::max(y_high, y);
  }
};

Figure::Figure(std::string title) : title_(std::move(title)) {}

Figure& Figure::x_axis(AxisOptions options) {
  x_ = std::move(options);
  return *this;
}

Figure& Figure::y_axis(AxisOptions options) {
  y_ = std::move(options);
  return *this;
}

Figure& Figure::equal_aspect(bool on) {
  equal_ = on;
  return *this;
}

Figure& Figure::size(int width_px, int height_px) {
  expects(width_px >= 200 && height_px >= 150, "Figure::size: at least 200 x 150");
  width_ = width_px;
  height_ = height_px;
  return *this;
}

void Figure::line(std::string label, std::span<const double> x, std::span<const double> y, Style style) {
  expects(x.size() == y.size(), "Figure::line: x and y differ in length");
  series_.push_back({Kind::Line, std::move(label), style, {x.begin(), x.end()}, {y.begin(), y.end()}, {}});
}

void Figure::points(std::string label, std::span<const double> x, std::span<const double> y, Style style) {
  expects(x.size() == y.size(), "Figure::points: x and y differ in length");
  series_.push_back({Kind::Points, std::move(label), style, {x.begin(), x.end()}, {y.begin(), y.end()}, {}});
}

void Figure::segments(std::string label, std::span<const Segment> segments, Style style) {
  series_.push_back({Kind::Segments, std::move(label), style, {}, {}, {segments.begin(), segments.end()}});
}

void Figure::histogram(std::string label, std::span<const double> values, int num_bins, Style style) {
  expects(num_bins >= 0, "Figure::histogram: num_bins must not be negative");
  series_.push_back({Kind::Histogram, std::move(label), style, {values.begin(), values.end()}, {}, {}, num_bins});
}

void Figure::cumulative(std::string label, std::span<const double> values, Style style) {
  series_.push_back({Kind::Cumulative, std::move(label), style, {values.begin(), values.end()}, {}, {}});
}

/// Turns values into what is drawn: a histogram into bars (x: the num_bins + 1 edges, y: the counts), a cumulative
/// curve into a stair; the others stay.
Figure::Series Figure::resolved(const Series& series) const {
  Series out = series;
  if (series.kind != Kind::Histogram && series.kind != Kind::Cumulative) return out;
  std::erase_if(out.x, [&](double v) { return !AxisLayout::shows(x_.scale, v); });
  std::sort(out.x.begin(), out.x.end());
  const std::vector<double> values = std::move(out.x);
  out.x.clear();
  if (values.empty()) return out;
  if (series.kind == Kind::Cumulative) {
    const double total = static_cast<double>(series.x.size());
    out.kind = Kind::Line;
    out.cumulative = true;
    double below = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i + 1 < values.size() && values[i + 1] == values[i]) continue;
      const double upto = static_cast<double>(i + 1) / total;
      out.x.insert(out.x.end(), {values[i], values[i]});
      out.y.insert(out.y.end(), {below, upto});
      below = upto;
    }
    return out;
  }
  const bool log = x_.scale == Scale::Log;
  const double n = static_cast<double>(values.size());
  const int bins = series.num_bins > 0 ? series.num_bins : std::clamp(static_cast<int>(std::ceil(std::sqrt(n))), 5, 60);
  double low = kInfinity, high = -kInfinity;  // of all histograms here, so that their bins can be compared
  for (const Series& other : series_) {
    if (other.kind != Kind::Histogram) continue;
    for (const double v : other.x) {
      if (!AxisLayout::shows(x_.scale, v)) continue;
      low = std::min(low, log ? std::log10(v) : v);
      high = std::max(high, log ? std::log10(v) : v);
    }
  }
  const double least = std::max({std::abs(low), std::abs(high), 1e-9}) * 1e-6;
  if (high - low < least) {
    low -= 0.5 * least;
    high += 0.5 * least;
  }
  out.y.assign(bins, 0);
  for (int b = 0; b <= bins; ++b) {
    const double edge = low + (high - low) * b / bins;
    out.x.push_back(log ? std::pow(10.0, edge) : edge);
  }
  for (const double v : values) {
    const double place = ((log ? std::log10(v) : v) - low) / (high - low) * bins;
    out.y[std::clamp(static_cast<int>(place), 0, bins - 1)] += 1;
  }
  return out;
}

/// One run of svg(): axes laid out, series written.
class Figure::Drawing {
 public:
  Drawing(const Figure& figure, int width, int height) : f_(figure), width_(width), height_(height) {
    for (const Series& series : f_.series_) series_.push_back(f_.resolved(series));
  }

  std::string run() {
    canvas_.open(width_, height_, f_.title_);
    write_heads();
    lay_out();
    write_axes();
    canvas_.open_window(left_, top_, right_ - left_, bottom_ - top_);
    for (const Series& series : series_) write(series);
    canvas_.close_window();
    if (empty_) canvas_.text(0.5 * (left_ + right_), 0.5 * (top_ + bottom_), "no data", "note", Anchor::Middle);
    return canvas_.close();
  }

 private:
  bool shows(double x, double y) const {
    return AxisLayout::shows(f_.x_.scale, x) && AxisLayout::shows(f_.y_.scale, y);
  }
  Spot spot(double x, double y) const {
    const auto clamped = [](double v) { return std::clamp(v, -20000.0, 20000.0); };
    return {clamped(x_.pixel(x)), clamped(y_.pixel(y))};
  }
  /// Both ends beyond the same edge: cannot be seen.
  bool outside(const Spot& a, const Spot& b, double margin) const {
    return std::max(a.x, b.x) < left_ - margin || std::min(a.x, b.x) > right_ + margin ||
           std::max(a.y, b.y) < top_ - margin || std::min(a.y, b.y) > bottom_ + margin;
  }

  /// Title and legend rows; moves top_ below them.
  void write_heads() {
    double y = 12;
    if (!f_.title_.empty()) {
      y += 14;
      canvas_.text(16, y, f_.title_, "title", Anchor::Start);
      y += 8;
    }
    double x = 16;
    bool any = false;
    for (const Series& series : f_.series_) {
      if (series.label.empty()) continue;
      const double width = 26 + 6.9 * num_characters(series.label) + 18;
      if (!any) y += 14;
      if (any && x + width > width_ - 8) {
        x = 16;
        y += 18;
      }
      any = true;
      write_swatch(series, x, y - 4);
      canvas_.text(x + 26, y, series.label, "label", Anchor::Start);
      x += width;
    }
    top_ = y + (any || !f_.title_.empty() ? 14 : 4);
  }

  void write_swatch(const Series& series, double x, double y) {
    if (series.kind == Kind::Points) {
      canvas_.open_series(ink(series), std::max(series.style.width_px, 4.0), series.style.opacity, false);
      canvas_.dot({x + 10, y});
    } else if (series.kind == Kind::Histogram) {
      canvas_.open_bars(ink(series), series.style.opacity);
      canvas_.bar(x + 2, y - 5, 16, 10);
    } else {
      // Thin or pale lines are shown a little stronger here, or nobody would know their colour.
      canvas_.open_series(
          ink(series), std::max(series.style.width_px, 1.6), std::max(series.style.opacity, 0.7), series.style.dashed);
      canvas_.stroke({{x, y}, {x + 20, y}});
    }
    canvas_.close_series();
  }

  static std::string_view ink(const Series& series) { return name(series.style.ink); }

  Extent extent() const {
    Extent e;
    for (const Series& series : series_) {
      const bool bars = series.kind == Kind::Histogram;
      for (std::size_t i = 0; i < series.y.size(); ++i) {
        if (bars) {
          const double floor = f_.y_.scale == Scale::Log ? 0.8 : 0;
          e.add(series.x[i], floor);
          e.add(series.x[i + 1], std::max(series.y[i], floor));
        } else if (shows(series.x[i], series.y[i])) {
          e.add(series.x[i], series.y[i]);
        }
      }
      for (const Segment& s : series.segments)
        if (shows(s.x0, s.y0) && shows(s.x1, s.y1)) {
          e.add(s.x0, s.y0);
          e.add(s.x1, s.y1);
        }
    }
    return e;
  }

  bool starts_at_zero() const {
    return f_.y_.scale == Scale::Linear && std::any_of(f_.series_.begin(), f_.series_.end(), [](const Series& s) {
             return s.kind == Kind::Histogram || s.kind == Kind::Cumulative;
           });
  }

  void lay_out() {
    const Extent e = extent();
    empty_ = !(e.x_low <= e.x_high);
    AxisOptions y_options = f_.y_;
    if (starts_at_zero() && !y_options.low && e.y_low >= 0) y_options.low = 0;
    x_ = AxisLayout(f_.x_, e.x_low, e.x_high);
    y_ = AxisLayout(y_options, e.y_low, e.y_high);
    right_ = width_ - 20;
    bottom_ = height_ - (f_.x_.label.empty() && f_.x_.unit.empty() ? 30 : 50);
    const auto place = [this] {
      x_.place(left_, right_, 90);
      y_.place(bottom_, top_, 46);
    };
    const auto left_for = [this] {
      int longest = 1;
      for (const Tick& tick : y_.ticks()) longest = std::max(longest, num_characters(tick.label));
      return 22 + 6.9 * longest + (y_.title().empty() ? 0 : 22);
    };
    left_ = 60;
    // Widths of labels and the range of an equal aspect need each other: twice round is enough.
    for (int round = 0; round < 3; ++round) {
      place();
      left_ = left_for();
      place();
      if (!f_.equal_ || f_.x_.scale == Scale::Log || f_.y_.scale == Scale::Log) continue;
      const double units = std::max(x_.units_per_px(), y_.units_per_px());
      x_.widen_to(units);
      y_.widen_to(units);
      place();
    }
  }

  void write_axes() {
    canvas_.open_group("grid");
    for (const Tick& tick : y_.ticks()) canvas_.rule({left_, y_.pixel(tick.value)}, {right_, y_.pixel(tick.value)});
    for (const Tick& tick : x_.ticks()) canvas_.rule({x_.pixel(tick.value), top_}, {x_.pixel(tick.value), bottom_});
    canvas_.close_group();
    canvas_.open_group("axis");
    canvas_.rule({left_, bottom_}, {right_, bottom_});
    canvas_.rule({left_, top_}, {left_, bottom_});
    canvas_.close_group();
    for (const Tick& tick : x_.ticks())
      canvas_.text(x_.pixel(tick.value), bottom_ + 17, tick.label, "tick tx", Anchor::Middle);
    for (const Tick& tick : y_.ticks())
      canvas_.text(left_ - 8, y_.pixel(tick.value) + 4, tick.label, "tick ty", Anchor::End);
    canvas_.text(0.5 * (left_ + right_), height_ - 12, x_.title(), "label", Anchor::Middle);
    canvas_.upright_text(20, 0.5 * (top_ + bottom_), y_.title(), "label");
  }

  void write(const Series& series) {
    const std::size_t budget = std::max<std::size_t>(kBudget / std::max<std::size_t>(series_.size(), 1), 100);
    const Style& style = series.style;
    if (series.kind == Kind::Histogram) {
      canvas_.open_bars(ink(series), style.opacity);
      write_bars(series);
    } else {
      canvas_.open_series(ink(series), style.width_px, style.opacity, style.dashed);
      if (series.kind == Kind::Line) write_line(series, budget);
      if (series.kind == Kind::Points) write_points(series, budget);
      if (series.kind == Kind::Segments) write_segments(series, budget);
    }
    canvas_.close_series();
  }

  void write_line(const Series& series, std::size_t budget) {
    std::vector<std::vector<Spot>> runs(1);
    std::size_t total = 0;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!shows(series.x[i], series.y[i])) {
        if (!runs.back().empty()) runs.emplace_back();
        continue;
      }
      runs.back().push_back(spot(series.x[i], series.y[i]));
      ++total;
    }
    // A cumulative curve keeps its last height.
    if (series.cumulative && !runs.back().empty()) runs.back().push_back({right_, runs.back().back().y});
    if (runs.size() > budget / 4) {  // more gaps than anybody could see: dots will do
      std::vector<Spot> all;
      for (const auto& run : runs) all.insert(all.end(), run.begin(), run.end());
      for (const Spot& s : thin_spots(all, budget)) canvas_.dot(s);
      return;
    }
    for (const auto& run : runs) {
      if (run.empty()) continue;
      if (run.size() == 1) {
        canvas_.dot(run[0]);
        continue;
      }
      const double share = static_cast<double>(run.size()) / static_cast<double>(total);
      canvas_.polyline(thin_line(run, 2 + static_cast<std::size_t>(share * static_cast<double>(budget) / 2)));
    }
  }

  void write_points(const Series& series, std::size_t budget) {
    std::vector<Spot> spots;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!shows(series.x[i], series.y[i])) continue;
      const Spot s = spot(series.x[i], series.y[i]);
      if (!outside(s, s, series.style.width_px)) spots.push_back(s);
    }
    for (const Spot& s : thin_spots(spots, budget)) canvas_.dot(s);
  }

  void write_segments(const Series& series, std::size_t budget) {
    std::vector<Stroke> strokes;
    for (const Segment& s : series.segments) {
      if (!shows(s.x0, s.y0) || !shows(s.x1, s.y1)) continue;
      const Stroke stroke{spot(s.x0, s.y0), spot(s.x1, s.y1)};
      if (!outside(stroke.a, stroke.b, series.style.width_px)) strokes.push_back(stroke);
    }
    for (const Stroke& s : thin_strokes(strokes, budget)) canvas_.stroke(s);
  }

  void write_bars(const Series& series) {
    const double floor = f_.y_.scale == Scale::Log ? bottom_ : y_.pixel(0);
    for (std::size_t i = 0; i < series.y.size() && i < 2000; ++i) {
      if (series.y[i] <= 0) continue;
      const double from = x_.pixel(series.x[i]), to = x_.pixel(series.x[i + 1]), upper = y_.pixel(series.y[i]);
      const double gap = to - from > 4 ? 0.5 : 0;
      canvas_.bar(from + gap, upper, std::max(to - from - 2 * gap, 0.3), std::max(floor - upper, 0.0));
    }
  }

  const Figure& f_;
  int width_, height_;
  std::vector<Series> series_;
  Canvas canvas_;
  AxisLayout x_{{}, 0, 1}, y_{{}, 0, 1};
  double left_ = 0, right_ = 1, top_ = 0, bottom_ = 1;
  bool empty_ = false;
};

std::string Figure::svg() const { return svg(width_, height_); }

std::string Figure::svg(int width_px, int height_px) const {
  expects(width_px >= 200 && height_px >= 150, "Figure::svg: at least 200 x 150");
  return Drawing(*this, width_px, height_px).run();
}

}  // namespace pipit
