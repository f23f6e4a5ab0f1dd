// view/report.h — a page of text, tables and figures as one HTML file: no script, nothing fetched, fit to print.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "view/plot.h"

namespace pipit {

/// Numbers stand right, texts left. NaN shows as a dash.
using Cell = std::variant<std::string, double, long long>;

struct Column {
  std::string name;
  std::string unit = "";
  int significant = 4;  // digits of a double, 1 to 17, unless...
  int decimals = -1;    // ...this is >= 0 (to 17): then all rows have as many
};

/// Needs every row as long as `columns` (contract, checked by Report::table).
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::string caption = "";
};

/// Parts appear in the order of the calls. All text is escaped: whatever it holds, it is shown, never obeyed.
class Report {
 public:
  explicit Report(std::string_view title, std::string_view subtitle = "");

  Report& heading(std::string_view text);
  Report& paragraph(std::string_view text);
  /// Shown as typed, in a fixed-width font: commands, logs.
  Report& code(std::string_view text);
  Report& table(const Table& table);
  Report& figure(const Figure& figure, std::string_view caption = "");
  /// Side by side where the page is wide enough (before and after): drawn narrower, each in its own proportions, so
  /// that letters stay readable.
  Report& figures(const std::vector<Figure>& figures, std::string_view caption = "");

  /// An SVG drawn elsewhere (view/timeline.h), as it is: the one thing that is not escaped.
  Report& drawing(std::string_view svg, std::string_view caption = "");
  /// A WAV file to listen to, inside the page.
  Report& sound(std::string_view wav, std::string_view caption = "");

  std::string html() const;

 private:
  std::string title_, body_;
};

}  // namespace pipit
