#include "view/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "view/thin.h"
#include "view/well_formed.h"

namespace pipit {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// "−0.5", "10⁻³", "2·10⁶" as numbers: reads a label as a person does.
double number_of(std::string text) {
  const char* raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  text = replaced(replaced(text, "−", "-"), "10⁻", "1e-");
  for (int d = 0; d < 10; ++d) text = replaced(text, std::string("10") + raised[d], "1e" + std::to_string(d));
  for (int d = 0; d < 10; ++d) text = replaced(text, raised[d], std::to_string(d));
  if (const auto dot = text.find("·1e"); dot != std::string::npos) text.replace(dot, 3, "e");
  return std::stod(text);
}

struct Read {
  std::vector<std::pair<double, double>> x_ticks, y_ticks;  // pixel, value
  std::vector<Spot> spots;                                  // corners of all series, in order
  int num_moves = 0;
};

/// Reads the drawing back: ticks with their common power of ten, and the series' corners in px.
Read read(const std::string& svg) {
  Read out;
  const auto attribute = [&](std::size_t from, const std::string& name) {
    const auto at = svg.find(" " + name + "=\"", from) + name.size() + 3;
    return svg.substr(at, svg.find('"', at) - at);
  };
  double x_unit = 1, y_unit = 1;
  for (auto at = svg.find("<text class=\"label\""); at != std::string::npos;
       at = svg.find("<text class=\"label\"", at + 1)) {
    const auto text = svg.find('>', at), bracket = svg.find('[', text), end = svg.find('<', text);
    if (bracket > end || svg.compare(bracket + 1, 2, "10") != 0) continue;
    const double unit = number_of(svg.substr(bracket + 1, svg.find_first_of(" ]", bracket) - bracket - 1));
    (svg.substr(at, text - at).find("rotate") == std::string::npos ? x_unit : y_unit) = unit;
  }
  for (auto at = svg.find("<text class=\"tick"); at != std::string::npos; at = svg.find("<text class=\"tick", at + 1)) {
    const auto text = svg.find('>', at) + 1;
    const double value = number_of(svg.substr(text, svg.find('<', text) - text));
    if (svg.compare(at, 20, "<text class=\"tick tx") == 0)
      out.x_ticks.emplace_back(std::stod(attribute(at, "x")), value * x_unit);
    else
      out.y_ticks.emplace_back(std::stod(attribute(at, "y")) - 4, value * y_unit);
  }
  const auto window = svg.find("<svg", 5);
  for (auto at = svg.find("<path class=\"s", window); at != std::string::npos;
       at = svg.find("<path class=\"s", at + 1)) {
    const std::string d = attribute(at, "d");
    char command = 0;
    for (std::size_t i = 0; i < d.size();) {
      if (d[i] == 'M' || d[i] == 'l' || d[i] == 'h') {
        command = d[i++];
      } else if (d[i] == ' ') {
        ++i;
      } else {
        std::size_t used = 0;
        const double a = std::stod(d.substr(i, 12), &used);
        i += used;
        if (command == 'h') continue;
        i += d[i] == ' ';
        const double b = std::stod(d.substr(i, 12), &used);
        i += used;
        if (command == 'M') {
          out.spots.push_back({a, b});
          ++out.num_moves;
        } else {
          out.spots.push_back({out.spots.back().x + a, out.spots.back().y + b});
        }
      }
    }
  }
  return out;
}

/// The pixel at which the ticks say that a value lies.
double by_ticks(const std::vector<std::pair<double, double>>& ticks, Scale scale, double value) {
  const auto f = [scale](double v) { return scale == Scale::Log ? std::log10(v) : v; };
  const auto [p0, v0] = ticks.front();
  const auto [p1, v1] = ticks.back();
  return p0 + (f(value) - f(v0)) / (f(v1) - f(v0)) * (p1 - p0);
}

// 0.05 px by writing tenths, 0.005 px per tick times the way beyond the ticks (below 3 spacings): 0.1 px in all.
constexpr double kPx = 0.1;

TEST(Figure, DataLandWhereTheAxesSay) {
  struct Case {
    Scale sx, sy;
    double x0, x1, y0, y1;
  };
  const auto lin = Scale::Linear, log = Scale::Log;
  for (const Case& c : {Case{lin, lin, 0, 10, -3, 4},
                        Case{lin, lin, -1e6, 5e6, 1e-9, 7e-9},
                        Case{log, lin, 1e-3, 1e5, 0, 1},
                        Case{lin, log, 4300, 4310, 1e-12, 1e30},
                        Case{log, log, 2, 5, 0.3, 70},
                        Case{log, log, 3e7, 4e7, 1, 900},
                        Case{lin, lin, -1e300, 1e300, 1e-299, 3e-299},
                        Case{lin, lin, 700000, 700001, -2e-5, 0}}) {
    Random random(3);
    std::vector<double> x{c.x0, c.x1}, y{c.y0, c.y1};
    const auto between = [&](Scale s, double a, double b) {
      const double u = random.uniform();
      return s == Scale::Log ? std::pow(10, std::log10(a) * (1 - u) + std::log10(b) * u) : a * (1 - u) + b * u;
    };
    for (int i = 0; i < 40; ++i) x.push_back(between(c.sx, c.x0, c.x1)), y.push_back(between(c.sy, c.y0, c.y1));
    for (const bool dots : {true, false}) {
      Figure figure("t");
      figure.x_axis({"x", "m", c.sx}).y_axis({"y", "s", c.sy});
      dots ? figure.points("p", x, y) : figure.line("p", x, y);
      const std::string svg = figure.svg();
      ASSERT_EQ(xml_fault(svg), "");
      const Read r = read(svg);
      ASSERT_EQ(r.spots.size(), x.size());
      ASSERT_GE(r.x_ticks.size(), 2u) << svg;
      ASSERT_GE(r.y_ticks.size(), 2u);
      ASSERT_LE(r.y_ticks.size(), 14u);
      EXPECT_EQ(r.num_moves, dots ? static_cast<int>(x.size()) : 1);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_NEAR(r.spots[i].x, by_ticks(r.x_ticks, c.sx, x[i]), kPx) << x[i];
        ASSERT_NEAR(r.spots[i].y, by_ticks(r.y_ticks, c.sy, y[i]), kPx) << y[i];
        ASSERT_TRUE(r.spots[i].x > 0 && r.spots[i].x < 720 && r.spots[i].y > 0 && r.spots[i].y < 440);
      }
    }
  }
}

TEST(Figure, EqualAspectMeansEqual) {
  for (const bool tall : {false, true}) {
    Figure figure("map");
    figure.x_axis({"x", "m"}).y_axis({"y", "m"}).equal_aspect();
    std::vector<Segment> edges{{0, 0, 100, 3}, {100, 3, 50, -4}, {7, 7, 8, 8}};
    if (tall) {
      for (Segment& e : edges) e = {e.y0, e.x0, e.y1, e.x1};
    }
    figure.segments("edges", edges);
    const Read r = read(figure.svg());
    const double per_x =
        (r.x_ticks.back().first - r.x_ticks[0].first) / (r.x_ticks.back().second - r.x_ticks[0].second);
    const double per_y =
        (r.y_ticks[0].first - r.y_ticks.back().first) / (r.y_ticks.back().second - r.y_ticks[0].second);
    EXPECT_NEAR(per_x, per_y, 1e-3 * per_x);
    // The second stroke goes on from the first; the third starts anew.
    ASSERT_EQ(r.spots.size(), 5u);
    EXPECT_EQ(r.num_moves, 2);
    EXPECT_NEAR(r.spots[2].x - r.spots[1].x, (edges[1].x1 - edges[1].x0) * per_x, kPx);
    EXPECT_NEAR(r.spots[2].y - r.spots[1].y, -(edges[1].y1 - edges[1].y0) * per_y, kPx);
  }
}

TEST(Figure, FixedEndsCutOff) {
  Figure figure;
  figure.x_axis({.label = "x", .low = 0, .high = 10}).y_axis({.label = "y", .low = 0.0, .high = 1.0});
  const std::vector<double> x{5, 50, 1e200}, y{0.5, 0.5, 0.5};
  figure.points("", x, y);
  const std::string svg = figure.svg();
  EXPECT_EQ(read(svg).spots.size(), 1u);
  Figure senseless;  // no range at all: the data decide
  senseless.x_axis({.label = "x", .low = 3, .high = 3}).y_axis({.label = "y", .low = kNan, .high = -kInf});
  senseless.line("", std::vector<double>{1, 2}, std::vector<double>{1, 2});
  EXPECT_EQ(read(senseless.svg()).spots.size(), 2u);
}

TEST(Figure, BadNumbersAreGaps) {
  const std::vector<double> x{0, 1, 2, 3, kNan, 5, 6, 7}, y{1, 2, kNan, 4, 5, kInf, 7, 1e301};
  Figure figure;
  figure.line("line", x, y);
  const Read r = read(figure.svg());
  ASSERT_EQ(r.spots.size(), 4u);  // (0,1)-(1,2), (3,4), (6,7)
  EXPECT_EQ(r.num_moves, 3);
  for (const Spot& s : r.spots) EXPECT_TRUE(std::isfinite(s.x) && std::isfinite(s.y));
  Figure log;
  log.y_axis({.label = "y", .scale = Scale::Log});
  log.points("", std::vector<double>{1, 2, 3}, std::vector<double>{0, -1, 10});
  EXPECT_EQ(read(log.svg()).spots.size(), 1u);
  Figure edges;
  edges.segments("", std::vector<Segment>{{0, 0, 1, 1}, {0, kNan, 1, 1}, {0, 0, -kInf, 0}});
  EXPECT_EQ(read(edges.svg()).spots.size(), 2u);
  EXPECT_EQ(edges.svg().find("nan"), std::string::npos);
  EXPECT_EQ(edges.svg().find("inf"), std::string::npos);
}

TEST(Figure, NothingToShowIsShownAsNothing) {
  const std::vector<double> none, nans{kNan, kNan};
  for (const Scale scale : {Scale::Linear, Scale::Log}) {
    Figure figure("empty");
    figure.x_axis({"x", "m", scale}).y_axis({"y", "m", scale});
    EXPECT_EQ(xml_fault(figure.svg()), "");
    figure.line("a", none, none);
    figure.points("b", nans, nans);
    figure.segments("c", {});
    figure.histogram("d", none);
    figure.cumulative("e", nans);
    const std::string svg = figure.svg();
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_NE(svg.find("no data"), std::string::npos);
    EXPECT_TRUE(read(svg).spots.empty());
  }
  // One single point still gets axes with room around it.
  for (const double v : {0.0, 5.0, -1e300, 1e-300, 123456789.0}) {
    Figure figure;
    figure.points("", std::vector<double>{v}, std::vector<double>{v});
    const Read r = read(figure.svg());
    ASSERT_EQ(r.spots.size(), 1u) << v;
    EXPECT_GE(r.x_ticks.size(), 2u) << v;
    EXPECT_GE(r.y_ticks.size(), 2u) << v;
  }
}

TEST(Figure, TextIsEscaped) {
  Figure figure("</svg><script>alert(1)</script>");
  figure.x_axis({"<x>", "m&m"}).y_axis({"<y> & \"y\"", "'"});
  figure.line("<b>&", std::vector<double>{1, 2}, std::vector<double>{1, 2});
  const std::string svg = figure.svg();
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_NE(svg.find("m&amp;m"), std::string::npos);
}

TEST(Figure, CumulativeIsAFraction) {
  // 1, 2, 2, 4 and one failure: 0.2 at 1, 0.6 at 2, 0.8 at 4 and on to the edge.
  Figure figure;
  figure.x_axis({"e", "m"}).y_axis({"fraction"});
  figure.cumulative("c", std::vector<double>{4, 2, kNan, 1, 2});
  const Read r = read(figure.svg());
  ASSERT_EQ(r.spots.size(), 7u);
  const double want_x[] = {1, 1, 2, 2, 4, 4}, want_y[] = {0, 0.2, 0.2, 0.6, 0.6, 0.8, 0.8};
  for (int i = 0; i < 7; ++i) {
    if (i < 6) {
      EXPECT_NEAR(r.spots[i].x, by_ticks(r.x_ticks, Scale::Linear, want_x[i]), kPx) << i;
    }
    EXPECT_NEAR(r.spots[i].y, by_ticks(r.y_ticks, Scale::Linear, want_y[i]), kPx) << i;
  }
  EXPECT_NEAR(r.spots[6].x, 700, kPx);
}

TEST(Figure, HistogramCounts) {
  std::vector<double> values{0, 0.1, 0.2, 1.5, 2.5, 2.6, 4};
  Figure figure;
  figure.x_axis({"v"}).y_axis({"count"});
  figure.histogram("h", values, 4);
  const std::string svg = figure.svg();
  const Read r = read(svg);
  const auto d = svg.find(" d=\"M", svg.find("<path class=\"b", svg.find("<svg", 5)));
  std::vector<double> heights;
  for (std::size_t at = d; at < svg.find("\"/>", d); ++at)
    if (svg[at] == 'v') heights.push_back(std::stod(svg.substr(at + 1, 10)));
  const double per_count = by_ticks(r.y_ticks, Scale::Linear, 0) - by_ticks(r.y_ticks, Scale::Linear, 1);
  ASSERT_EQ(heights.size(), 4u);  // [0,1) 3, [1,2) 1, [2,3) 2, [3,4] 1
  const double want[] = {3, 1, 2, 1};
  for (int b = 0; b < 4; ++b) EXPECT_NEAR(heights[b], want[b] * per_count, kPx) << b;
  EXPECT_EQ(xml_fault(svg), "");
}

// A million of everything stays below 2 MB and within seconds.
TEST(Figure, AMillionPointsMakeASmallFile) {
  Random random(5);
  const std::size_t n = 1000000;
  std::vector<double> t(n), walk(n), noise(n);
  std::vector<Segment> edges(n);
  for (std::size_t i = 0; i < n; ++i) {
    t[i] = static_cast<double>(i);
    walk[i] = (i ? walk[i - 1] : 0) + random.normal();
    noise[i] = random.normal();
    edges[i] = {random.normal(), noise[i], random.normal(), random.normal()};
  }
  const auto check = [](const char* what, const auto& fill) {
    Figure figure(what);
    fill(figure);
    const std::string svg = figure.svg();
    EXPECT_LT(svg.size(), 2000000u) << what;
    EXPECT_GT(svg.size(), 10000u) << what;
    EXPECT_EQ(xml_fault(svg), "") << what;
  };
  check("walk", [&](Figure& f) { f.line("w", t, walk); });
  check("scribble", [&](Figure& f) { f.line("w", noise, walk); });
  check("cloud", [&](Figure& f) { f.points("p", noise, walk); });
  check("edges", [&](Figure& f) { f.segments("e", edges); });
  check("all", [&](Figure& f) {
    f.line("w", noise, walk);
    f.points("p", walk, noise);
    f.segments("e", edges);
    f.cumulative("c", noise);
    f.histogram("h", noise);
  });
  check("holes", [&](Figure& f) {
    auto holes = noise;
    for (std::size_t i = 0; i < n; i += 2) holes[i] = kNan;
    f.line("h", t, holes);
  });
}

// Thinning hides nothing: the extremes of a long line stay, ends stay, and no kept spot is invented.
TEST(Thin, KeepsWhatCanBeSeen) {
  Random random(6);
  std::vector<Spot> line(200000);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = {600.0 * static_cast<double>(i) / 200000, random.normal()};
  line[77777].y = 300;
  line[123456].y = -300;
  const auto kept = thin_line(line, 20000);
  EXPECT_LE(kept.size(), 20000u);
  const auto has = [&](const Spot& s) {
    return std::any_of(kept.begin(), kept.end(), [&](const Spot& k) { return k.x == s.x && k.y == s.y; });
  };
  EXPECT_TRUE(has(line[77777]));
  EXPECT_TRUE(has(line[123456]));
  EXPECT_TRUE(has(line.front()));
  EXPECT_TRUE(has(line.back()));

  // Every spot has a kept one within the cell's diagonal.
  std::vector<Spot> cloud(5000);
  for (Spot& s : cloud) s = {random.uniform(0, 50), random.uniform(0, 50)};
  const auto some = thin_spots(cloud, 100000);
  EXPECT_LT(some.size(), cloud.size());
  for (const Spot& s : cloud)
    EXPECT_TRUE(
        std::any_of(some.begin(), some.end(), [&](const Spot& k) { return std::hypot(k.x - s.x, k.y - s.y) < 0.71; }));
  EXPECT_LE(thin_spots(cloud, 100).size(), 100u);

  // A stroke and its reverse are one; different strokes stay; a small drawing is not touched.
  const std::vector<Stroke> strokes{{{0, 0}, {10, 10}}, {{10, 10}, {0, 0}}, {{0, 0}, {10, 20}}, {{300, 0}, {10, 20}}};
  EXPECT_EQ(thin_strokes(strokes, 1000).size(), 3u);
  EXPECT_EQ(thin_line({{0, 0}, {0.1, 0}}, 10).size(), 2u);
}

TEST(FigureDeathTest, LengthsMustAgree) {
  Figure figure;
  const std::vector<double> two(2), three(3);
  EXPECT_DEATH(figure.line("", two, three), "Figure::line: x and y differ in length");
  EXPECT_DEATH(figure.points("", two, three), "Figure::points");
  EXPECT_DEATH(figure.size(10, 10), "at least 200 x 150");
}

}  // namespace
}  // namespace pipit
