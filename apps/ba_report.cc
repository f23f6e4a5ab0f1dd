#include "ba_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/version.h"
#include "pictures.h"
#include "report.h"
#include "view/report.h"

namespace pipit {
namespace {

std::vector<SE3<double>> poses_of(const Scene& scene) {
  std::vector<SE3<double>> out;
  for (const View& view : scene.views) out.push_back(view.T_cam_world.inverse());
  return out;
}

/// Cameras as a path, and points as near to it as it is long: a few far away must not shrink all else to a dot.
Figure map_of(const std::string& title, const Scene& scene, const MapView& view) {
  constexpr const char* kAxes[] = {"x", "y", "z"};
  Figure figure(title);
  figure.x_axis({.label = kAxes[view.across], .unit = "m"}).y_axis({.label = kAxes[view.up], .unit = "m"});
  figure.equal_aspect().size(560, 520);
  std::vector<double> x, y, near_x, near_y;
  for (const SE3<double>& pose : poses_of(scene)) x.push_back(pose.t[view.across]), y.push_back(pose.t[view.up]);
  const auto [left, right] = std::minmax_element(x.begin(), x.end());
  const auto [low, high] = std::minmax_element(y.begin(), y.end());
  const double margin = 0.5 * std::max({*right - *left, *high - *low, 1e-3});
  for (const Eigen::Vector3d& p : scene.points) {
    const double a = p[view.across], b = p[view.up];
    if (!(a > *left - margin && a < *right + margin && b > *low - margin && b < *high + margin)) continue;
    near_x.push_back(a), near_y.push_back(b);
  }
  figure.points("points", near_x, near_y, {.ink = Ink::Grey, .width_px = 1.5, .opacity = 0.5});
  figure.line("", x, y, {.ink = Ink::Blue, .width_px = 1});
  figure.points("cameras", x, y, {.ink = Ink::Blue, .width_px = 4});
  return figure;
}

}  // namespace

std::string BaReport::in_words() const {
  const BundleSummary& s = summary;
  const Summary& m = s.minimise;
  std::string text;
  const auto line = [&text](const char* what, const std::string& words) {
    text += fmt::format("{:<11}  {}\n", what, words);
  };
  line("scene",
       fmt::format("{}: {} views, {} points, {} observations{}",
                   file,
                   end.views.size(),
                   end.points.size(),
                   end.observations.size(),
                   s.before.not_seen > 0
                       ? fmt::format("; {} of points behind their cameras have no part", s.before.not_seen)
                       : ""));
  line("cost", fmt::format("{:.7g} -> {:.8g} (half the squared error)", s.before.cost, s.after.cost));
  line("error", fmt::format("{:.4g} -> {:.4g} px RMS", s.before.rms_px, s.after.rms_px));
  if (robust != "none")
    line("robust", fmt::format("{}: objective {:.7g} -> {:.8g}", robust, m.cost_initial, m.cost_final));
  line("stop", stop_in_words(m));
  line("solver", fmt::format("{}{}", m.linear.chosen, m.linear.reason.empty() ? "" : " (" + m.linear.reason + ")"));
  line("work", work_in_words(m.linear));
  line("precision", fmt::format("{}: {}", precision, describe(summary.precision)));
  line("fp16", range_in_words(m.linear.range));
  line("time",
       fmt::format("{} = linearize {}, solve {}, update {}, rest; reading {}; {} thread{}",
                   seconds(m.seconds.total),
                   seconds(m.seconds.linearize),
                   seconds(m.seconds.solve),
                   seconds(m.seconds.update),
                   seconds(seconds_read),
                   options.num_threads,
                   options.num_threads == 1 ? "" : "s"));
  line("memory", fmt::format("{:.0f} MB at the peak", peak_rss_mb()));
  return text;
}

Json BaReport::as_json() const {
  Json json;
  json["file"] = file;
  json["cameras"] = end.cameras.size();
  json["views"] = end.views.size();
  json["points"] = end.points.size();
  json["observations"] = end.observations.size();
  json["taking_part"] = summary.taking_part;
  json["cost_initial"] = number(summary.before.cost);
  json["cost_final"] = number(summary.after.cost);
  json["objective_initial"] = number(summary.minimise.cost_initial);
  json["objective_final"] = number(summary.minimise.cost_final);
  json["rms_px_initial"] = number(summary.before.rms_px);
  json["rms_px_final"] = number(summary.after.rms_px);
  json["robust"] = robust;
  json["fixed_intrinsics"] = options.fix_intrinsics;
  add_run(json, summary.minimise, precision, summary.precision, options.num_threads);
  json["seconds"]["read"] = number(seconds_read);
  return json;
}

std::string BaReport::pictures(bool html) const {
  const MapView view = map_view(poses_of(end));
  const std::vector<Figure> figures = {
      map_of(fmt::format("before: {:.3g} px RMS", summary.before.rms_px), start, view),
      map_of(fmt::format("after: {:.3g} px RMS", summary.after.rms_px), end, view),
      cost_figure(
          "cost per iteration",
          {{.name = precision, .initial = 2 * summary.minimise.cost_initial, .trace = summary.minimise.trace}})};
  if (!html) return side_by_side(figures, 560, 520);
  Report page("Bundle adjustment of " + file, fmt::format("pipit {}, commit {}", version(), build_commit()));
  page.figures({figures[0], figures[1]}, "Cameras in the order of the file, and the points near them.");
  page.figure(figures[2]).heading("The run").code(in_words());
  return page.html();
}

}  // namespace pipit
