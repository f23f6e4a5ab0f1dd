#include "view/canvas.h"

#include <charconv>
#include <cmath>

#include "view/markup.h"

namespace pipit {
namespace {

// Written in full (no custom properties), so that every SVG viewer understands it.
constexpr std::string_view kCss =
    ".pp{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:12px;"
    "font-variant-numeric:tabular-nums}"
    ".pp .paper{fill:#fff}.pp text{fill:#4a535e}.pp .title{font-size:15px;font-weight:600;fill:#1b2128}"
    ".pp .label{fill:#2d343c}.pp .note{fill:#8a939e;font-size:14px}"
    ".pp .grid path{stroke:#e8ebef}.pp .axis path{stroke:#a4adb7}"
    ".pp .s{fill:none;stroke-linecap:round;stroke-linejoin:round}"
    ".pp .blue{stroke:#0072b2}.pp .orange{stroke:#d55e00}.pp .green{stroke:#009e73}.pp .purple{stroke:#b3548c}"
    ".pp .sky{stroke:#56b4e9}.pp .amber{stroke:#d99a00}.pp .grey{stroke:#8a939e}.pp .black{stroke:#1b2128}"
    ".pp .b{stroke:none}.pp .b.blue{fill:#0072b2}.pp .b.orange{fill:#d55e00}.pp .b.green{fill:#009e73}"
    ".pp .b.purple{fill:#b3548c}.pp .b.sky{fill:#56b4e9}.pp .b.amber{fill:#d99a00}.pp .b.grey{fill:#8a939e}"
    ".pp .b.black{fill:#1b2128}"
    "@media screen and (prefers-color-scheme:dark){"
    ".pp .paper{fill:#12161c}.pp text{fill:#a7b0bb}.pp .title{fill:#eef1f5}.pp .label{fill:#d3d9e0}"
    ".pp .note{fill:#7d8691}.pp .grid path{stroke:#232a33}.pp .axis path{stroke:#5b6570}"
    ".pp .blue{stroke:#4aa8e8}.pp .orange{stroke:#ff8b4d}.pp .green{stroke:#35c79b}.pp .purple{stroke:#e08fc0}"
    ".pp .sky{stroke:#8fd0f7}.pp .amber{stroke:#f0bd45}.pp .grey{stroke:#8a939e}.pp .black{stroke:#eef1f5}"
    ".pp .b{stroke:none}.pp .b.blue{fill:#4aa8e8}.pp .b.orange{fill:#ff8b4d}.pp .b.green{fill:#35c79b}"
    ".pp .b.purple{fill:#e08fc0}.pp .b.sky{fill:#8fd0f7}.pp .b.amber{fill:#f0bd45}.pp .b.grey{fill:#8a939e}"
    ".pp .b.black{fill:#eef1f5}}";

long tenths(double px) { return std::lround(px * 10); }

std::string plain(double v) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::round(v * 100) / 100).ptr;
  return {buffer, end};
}

std::string attribute(std::string_view name, double v) {
  return std::string(" ") + std::string(name) + "=\"" + plain(v) + "\"";
}

}  // namespace

void Canvas::open(int width, int height, std::string_view title) {
  const std::string w = std::to_string(width), h = std::to_string(height), name = escape(title);
  out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pp\" width=\"" + w + "\" height=\"" + h +
         "\" viewBox=\"0 0 " + w + " " + h + "\" role=\"img\" aria-label=\"" + name + "\">\n<style>" +
         std::string(kCss) + "</style>\n<rect class=\"paper\" width=\"" + w + "\" height=\"" + h + "\" rx=\"6\"/>\n";
}

std::string Canvas::close() { return std::move(out_ += "</svg>\n"); }

void Canvas::open_group(std::string_view css_class) { out_ += "<g class=\"" + std::string(css_class) + "\">"; }

void Canvas::close_group() { out_ += "</g>\n"; }

void Canvas::rule(Spot a, Spot b) {
  // On half pixels a line of one pixel is sharp.
  const auto sharp = [](double v) { return std::floor(v) + 0.5; };
  if (a.x == b.x) a.x = b.x = sharp(a.x);
  if (a.y == b.y) a.y = b.y = sharp(a.y);
  out_ += "<path d=\"M" + plain(a.x) + " " + plain(a.y) + "L" + plain(b.x) + " " + plain(b.y) + "\"/>";
}

void Canvas::text(double x, double y, std::string_view text, std::string_view css_class, Anchor anchor) {
  if (text.empty()) return;
  constexpr std::string_view kAnchor[] = {"start", "middle", "end"};
  out_ += "<text class=\"" + std::string(css_class) + "\"" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" +
          std::string(kAnchor[static_cast<int>(anchor)]) + "\">" + escape(text) + "</text>\n";
}

void Canvas::upright_text(double x, double y, std::string_view text, std::string_view css_class) {
  if (text.empty()) return;
  out_ += "<text class=\"" + std::string(css_class) + "\" transform=\"translate(" + plain(x) + " " + plain(y) +
          ") rotate(-90)\" text-anchor=\"middle\">" + escape(text) + "</text>\n";
}

void Canvas::open_window(double x, double y, double width, double height) {
  // A little wider than the axes, so that a thick line along an edge is not halved.
  x -= 3, y -= 3, width += 6, height += 6;
  out_ += "<svg" + attribute("x", x) + attribute("y", y) + attribute("width", width) + attribute("height", height) +
          " viewBox=\"" + plain(x) + " " + plain(y) + " " + plain(width) + " " + plain(height) + "\">\n";
}

void Canvas::close_window() { out_ += "</svg>\n"; }

void Canvas::open_series(std::string_view ink, double width, double opacity, bool dashed) {
  out_ += "<path class=\"s " + std::string(ink) + "\"" + attribute("stroke-width", width);
  if (opacity < 1) out_ += attribute("stroke-opacity", opacity);
  if (dashed) out_ += " stroke-dasharray=\"5 4\"";
  out_ += " d=\"";
  pen_known_ = lines_ = false;
}

void Canvas::open_bars(std::string_view ink, double opacity) {
  out_ +=
      "<path class=\"b " + std::string(ink) + "\"" + (opacity < 1 ? attribute("fill-opacity", opacity) : "") + " d=\"";
  pen_known_ = lines_ = false;
}

void Canvas::close_series() { out_ += "\"/>\n"; }

void Canvas::number(long t) {
  if (t < 0) out_ += '-', t = -t;
  out_ += std::to_string(t / 10);
  if (t % 10 != 0) out_ += '.', out_ += static_cast<char>('0' + t % 10);
}

void Canvas::move_to(Spot s) {
  const long x = tenths(s.x), y = tenths(s.y);
  if (pen_known_ && x == x_ && y == y_) return;
  x_ = x, y_ = y;
  out_ += 'M';
  number(x);
  out_ += ' ';
  number(y);
  pen_known_ = true;
  lines_ = false;
}

void Canvas::line_to(Spot s) {
  const long x = tenths(s.x), y = tenths(s.y);
  if (!lines_) out_ += 'l';
  if (lines_ && x >= x_) out_ += ' ';
  number(x - x_);
  if (y >= y_) out_ += ' ';
  number(y - y_);
  x_ = x, y_ = y;
  lines_ = true;
}

void Canvas::dot(Spot s) {
  pen_known_ = false;
  move_to(s);
  out_ += "h0";
  pen_known_ = false;
}

void Canvas::stroke(const Stroke& s) {
  move_to(s.a);
  line_to(s.b);
}

void Canvas::polyline(const std::vector<Spot>& line) {
  pen_known_ = false;
  for (std::size_t i = 0; i < line.size(); ++i) i == 0 ? move_to(line[i]) : line_to(line[i]);
}

void Canvas::bar(double x, double y, double width, double height) {
  pen_known_ = false;
  move_to({x, y});
  out_ += 'h';
  number(tenths(width));
  out_ += 'v';
  number(tenths(height));
  out_ += "h-";
  number(tenths(width));
  out_ += 'z';
  pen_known_ = false;
}

}  // namespace pipit
