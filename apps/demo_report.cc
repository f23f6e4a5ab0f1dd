#include "demo_report.h"

#include <fmt/format.h>

#include <cmath>

#include "base/version.h"
#include "pictures.h"
#include "report.h"
#include "view/report.h"

namespace pipit {
namespace {

const DemoRow* find(const DemoResult& result, std::string_view precision) {
  for (const DemoRow& row : result.rows)
    if (row.precision == precision) return &row;
  return nullptr;
}

// The map of a home, brought onto the truth as the ATE does: the true way pale beneath, the estimate on top.
Figure home_figure(const std::string& title,
                   const DemoResult& result,
                   const std::vector<SE2<double>>& poses,
                   bool closures) {
  Figure figure(title);
  figure.x_axis({.label = "x", .unit = "m"}).y_axis({.label = "y", .unit = "m"}).equal_aspect().size(560, 400);
  std::vector<double> x, y, true_x, true_y;
  const auto places = aligned_positions(poses, result.day.truth);
  for (std::size_t i = 0; i < poses.size(); ++i) {
    x.push_back(places[i].x());
    y.push_back(places[i].y());
    true_x.push_back(result.day.truth[i].t.x());
    true_y.push_back(result.day.truth[i].t.y());
  }
  figure.line("truth", true_x, true_y, {.ink = Ink::Grey, .width_px = 3.2, .opacity = 0.45});
  if (closures) {
    std::vector<Segment> segments;
    for (const auto& edge : result.day.graph.edges)
      if (!is_odometry(edge)) {
        const auto i = static_cast<std::size_t>(edge.from), j = static_cast<std::size_t>(edge.to);
        segments.push_back({x[i], y[i], x[j], y[j]});
      }
    figure.segments("loop closures", segments, {.ink = Ink::Orange, .width_px = 0.7, .opacity = 0.5});
  }
  figure.line("the robot's map", x, y, {.ink = Ink::Blue, .width_px = 1.1});
  return figure;
}

Figure error_figure(const DemoResult& result) {
  Figure figure("distance from the truth along the day");
  figure.x_axis({.label = "key-frame", .unit = ""})
      .y_axis({.label = "position error", .unit = "m", .scale = Scale::Log})
      .size(560, 420);
  const auto add = [&](const std::string& label, const std::vector<SE2<double>>& poses, Ink ink, double width) {
    std::vector<double> x, y;
    const auto places = aligned_positions(poses, result.day.truth);
    for (std::size_t i = 0; i < poses.size(); ++i) {
      x.push_back(static_cast<double>(i));
      y.push_back((places[i] - result.day.truth[i].t).norm());
    }
    figure.line(label, x, y, {.ink = ink, .width_px = width, .opacity = 0.8});
  };
  add("odometry", result.day.graph.poses, Ink::Grey, 1.2);
  if (const DemoRow* half = find(result, "half")) add("half", half->trial.poses, Ink::Purple, 1.2);
  if (const DemoRow* exact = find(result, "double")) add("double", exact->trial.poses, Ink::Orange, 3);
  if (const DemoRow* mixed = find(result, "mixed")) add("mixed", mixed->trial.poses, Ink::Blue, 1);
  return figure;
}

// chi2 counts squares of standard deviations: where the least is below one (two poses: zero), differences count by
// themselves.
double excess_of(double chi2, double least) { return (chi2 - least) / std::max(least, 1.0); }

// How far above the lowest chi2 each precision is after each iteration, as it computes that itself.
Figure excess_figure(const DemoResult& result) {
  static constexpr Ink kInks[] = {Ink::Orange, Ink::Green, Ink::Blue, Ink::Purple};
  Figure figure("cost per iteration");
  figure.x_axis({.label = "iteration", .unit = ""})
      .y_axis({.label = "chi2 above the optimum, relative", .unit = "", .scale = Scale::Log})
      .size(560, 420);
  const double lowest = result.rows.front().trial.summary.chi2_final;
  std::size_t k = 0;
  for (const DemoRow& row : result.rows) {
    std::vector<double> x = {0}, y = {std::max(excess_of(row.trial.summary.objective_initial, lowest), 1e-10)};
    for (const Iteration& it : row.trial.summary.minimise.trace) {
      x.push_back(it.number);
      y.push_back(std::max(excess_of(2 * it.cost, lowest), 1e-10));
    }
    const Ink ink = kInks[k % std::size(kInks)];
    const double width = k == 0 ? 4 : 1.6;  // the reference lies beneath those that follow it
    figure.line(row.precision, x, y, {.ink = ink, .width_px = width, .opacity = k == 0 ? 0.5 : 1});
    figure.points("", x, y, {.ink = ink, .width_px = 5});
    ++k;
  }
  return figure;
}

}  // namespace

std::string DemoResult::head() {
  return fmt::format(
      "{:<10}{:>14}{:>12}{:>12}{:>12}   {}", "precision", "chi2", "ATE (m)", "time (ms)", "iterations", "");
}

std::string DemoResult::line(std::size_t row) const {
  const DemoRow& r = rows[row];
  return fmt::format("{:<10}{:>14.6g}{:>12.4g}{:>12.4g}{:>12}   {}",
                     r.precision,
                     r.trial.summary.chi2_final,
                     r.ate_m,
                     1e3 * r.trial.seconds,
                     r.trial.summary.minimise.iterations,
                     verdict(row));
}

std::string DemoResult::verdict(std::size_t row) const {
  const Summary& m = rows[row].trial.summary.minimise;
  if (row == 0) return "the reference";
  const double chi2 = rows[row].trial.summary.chi2_final, least = rows[0].trial.summary.chi2_final;
  const double excess = excess_of(chi2, least);
  const std::string stop = m.stop == Stop::Converged ? "" : fmt::format(" ({})", name(m.stop));
  if (!std::isfinite(excess)) return "failed: no finite answer" + stop;
  if (excess > 1e-3 && least < 1) return fmt::format("failed: chi2 is {:.3g} above that of double{}", excess, stop);
  if (excess > 1e-3) return fmt::format("failed: chi2 is {:.3g} times that of double{}", excess + 1, stop);
  return fmt::format("same answer: chi2 within {:.1e} of double{}", std::abs(excess), stop);
}

std::string report_page(const DemoResult& result) {
  const PoseGraph2& graph = result.day.graph;
  Report page("A day of a household robot, in few bits",
              fmt::format("simulated home, {} key-frames, {} edges, seed {}; pipit {}, commit {}",
                          graph.num_poses(),
                          graph.edges.size(),
                          result.seed,
                          version(),
                          build_commit()));
  page.paragraph(
      fmt::format("The robot drove corridors and swept rooms. Its odometry drifts: at the end the map is {:.2f} m "
                  "wrong (ATE). Whenever it came "
                  "back to a place it knew, it closed a loop. Optimising the graph makes all measurements agree as "
                  "well as they can.",
                  result.ate_before_m));
  Table table{
      .columns = {{.name = "precision"},
                  {.name = "chi2", .significant = 7},
                  {.name = "ATE", .unit = "m"},
                  {.name = "time", .unit = "ms"},
                  {.name = "iterations"},
                  {.name = "what became of it"},
                  {.name = "solver"}},
      .rows =
          {{std::string("odometry"), result.chi2_before, result.ate_before_m, NAN, 0LL, std::string(), std::string()}},
      .caption =
          "ATE: RMSE of positions to the truth after rotation and translation. Time: optimisation on this machine."};
  for (std::size_t k = 0; k < result.rows.size(); ++k) {
    const DemoRow& r = result.rows[k];
    table.rows.push_back({r.precision,
                          r.trial.summary.chi2_final,
                          r.ate_m,
                          1e3 * r.trial.seconds,
                          static_cast<long long>(r.trial.summary.minimise.iterations),
                          result.verdict(k),
                          solver_name(r.trial.summary.minimise.linear)});
  }
  page.table(table);
  page.heading("Before and after");
  std::vector<Figure> maps = {home_figure("before: odometry", result, graph.poses, true)};
  if (const DemoRow* mixed = find(result, "mixed"))
    maps.push_back(home_figure("after: mixed precision", result, mixed->trial.poses, false));
  page.figures(maps, "The home as the robot believed it. Left: odometry, and the loop closures that contradict it.");
  page.heading("Precision");
  std::vector<Figure> figures = {excess_figure(result), error_figure(result)};
  page.figures(figures,
               "Left: chi2 after each iteration, as each precision computes it. Right: how far each key-frame is from "
               "where it was in truth.");
  if (const DemoRow* half = find(result, "half"))
    page.figures({home_figure("half precision alone", result, half->trial.poses, false)},
                 "Everything in fp16, sums included: the negative control.");
  if (!result.spoken.empty()) add_spoken(page, result.spoken);
  return page.html();
}

std::string readme_picture(const DemoResult& result) {
  const DemoRow* mixed = find(result, "mixed");
  if (mixed == nullptr) return side_by_side({home_figure("before", result, result.day.graph.poses, true)}, 560, 400);
  return side_by_side(
      {home_figure(
           fmt::format("before: odometry, {:.2f} m off", result.ate_before_m), result, result.day.graph.poses, true),
       home_figure(fmt::format("after: mixed precision, {:.1f} mm off", 1e3 * mixed->ate_m),
                   result,
                   mixed->trial.poses,
                   false)},
      560,
      400);
}

}  // namespace pipit
