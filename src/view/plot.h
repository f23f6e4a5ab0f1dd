// view/plot.h — a figure with two axes, as SVG that stands alone: no script, no font, no outside file.
// Legend   px: pixels of the drawing at its natural size. Every axis names its unit.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "view/axis.h"

namespace pipit {

/// Colours that stay apart for colour-blind eyes (after Okabe and Ito) and on white as on dark paper.
enum class Ink { Blue, Orange, Green, Purple, Sky, Amber, Grey, Black };

struct Style {
  Ink ink = Ink::Blue;
  double width_px = 1.6;  // of lines; diameter of points
  double opacity = 1;     // 0 to 1
  bool dashed = false;
};

/// An edge from (x0, y0) to (x1, y1) in the units of the axes.
struct Segment {
  double x0, y0, x1, y1;
};

/// Series are drawn in the order in which they were added; one with an empty label is not in the legend.
///
/// Bad numbers (not finite, beyond 1e300, zero or below on a log axis) are left out; a line has a gap there.
/// What nobody could see is left out as well (view/thin.h): whatever goes in, svg() stays below 2 MB.
/// Needs    equal lengths of x and y (contract). Keeps copies. Threads: const calls may run side by side.
class Figure {
 public:
  explicit Figure(std::string title = "");

  Figure& x_axis(AxisOptions options);
  Figure& y_axis(AxisOptions options);
  /// One unit of x is as long as one of y: for maps. Linear axes only; wins over fixed ends of an axis.
  Figure& equal_aspect(bool on = true);
  /// Default 720 x 440. Needs at least 200 x 150.
  Figure& size(int width_px, int height_px);

  void line(std::string label, std::span<const double> x, std::span<const double> y, Style style = {});
  void points(std::string label, std::span<const double> x, std::span<const double> y, Style style = {.width_px = 4});
  void segments(std::string label, std::span<const Segment> segments, Style style = {});
  /// Counts in bins of equal width on the x axis (on a log axis: equal ratio), from the lowest to the highest value of
  /// all histograms of the figure. num_bins 0: the square root of the count of values, between 5 and 60. The y axis
  /// counts from zero.
  void histogram(std::string label, std::span<const double> values, int num_bins = 0, Style style = {.opacity = 0.55});
  /// For each value the fraction of values that are not larger, 0 to 1. Numbers an axis cannot show still count in the
  /// total: a solver that failed on half of its problems ends at 0.5.
  void cumulative(std::string label, std::span<const double> values, Style style = {.width_px = 2});

  /// <svg>...</svg>, to be written to a file or placed into HTML as it is.
  std::string svg() const;
  /// The same at another size; letters and lines keep theirs. Needs at least 200 x 150.
  std::string svg(int width_px, int height_px) const;
  int width_px() const { return width_; }
  int height_px() const { return height_; }

 private:
  enum class Kind { Line, Points, Segments, Histogram, Cumulative };
  struct Series {
    Kind kind;
    std::string label;
    Style style;
    std::vector<double> x, y;
    std::vector<Segment> segments;
    int num_bins = 0;
    bool cumulative = false;
  };
  struct Extent;
  class Drawing;

  Series resolved(const Series& series) const;

  std::string title_;
  AxisOptions x_, y_;
  bool equal_ = false;
  int width_ = 720, height_ = 440;
  std::vector<Series> series_;
};

}  // namespace pipit
