// view/canvas.h — writes SVG elements, compactly. Coordinates in px, kept to a tenth.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "view/thin.h"

namespace pipit {

enum class Anchor { Start, Middle, End };

/// Calls come in the order of the file: open, then anything, then close. Within open_series ... close_series all dots,
/// strokes and lines share one path; a stroke that begins where the last one ended costs only its far end.
class Canvas {
 public:
  void open(int width, int height, std::string_view title);
  std::string close();

  void open_group(std::string_view css_class);
  void close_group();
  void rule(Spot a, Spot b);
  /// Draws nothing for an empty text.
  void text(double x, double y, std::string_view text, std::string_view css_class, Anchor anchor);
  /// Reads from bottom to top, centred at (x, y).
  void upright_text(double x, double y, std::string_view text, std::string_view css_class);

  /// What is drawn until close_window is cut off at this rectangle.
  void open_window(double x, double y, double width, double height);
  void close_window();

  void open_series(std::string_view ink, double width, double opacity, bool dashed);
  void open_bars(std::string_view ink, double opacity);
  void close_series();
  void dot(Spot s);
  void stroke(const Stroke& s);
  void polyline(const std::vector<Spot>& line);
  void bar(double x, double y, double width, double height);

 private:
  void number(long tenths);
  void move_to(Spot s);
  void line_to(Spot s);

  std::string out_;
  bool lines_ = false;  // the last command was a relative line, so the letter may be left out
  long x_ = 0, y_ = 0;  // the pen, in tenths
  bool pen_known_ = false;
};

}  // namespace pipit
