#include "pictures.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <array>

namespace pipit {
namespace {

Eigen::Vector3d place(const SE2<double>& pose) { return {pose.t.x(), pose.t.y(), 0}; }
Eigen::Vector3d place(const SE3<double>& pose) { return pose.t; }

constexpr const char* kAxisNames[] = {"x", "y", "z"};

}  // namespace

template <class Pose>
MapView map_view(const std::vector<Pose>& poses) {
  if constexpr (Pose::kDim == 3) return {};
  // Of the three views along an axis the one in which the poses cover most: the smallest spread is looked along.
  std::array<double, 3> sum{}, squares{};
  for (const Pose& pose : poses)
    for (int k = 0; k < 3; ++k) {
      const double v = place(pose)[k];
      sum[k] += v;
      squares[k] += v * v;
    }
  const double n = static_cast<double>(std::max<std::size_t>(poses.size(), 1));
  int thin = 2;
  const auto spread = [&](int k) { return squares[k] / n - sum[k] / n * (sum[k] / n); };
  for (int k = 1; k >= 0; --k)
    if (spread(k) < 0.999 * spread(thin)) thin = k;
  return thin == 2 ? MapView{0, 1} : thin == 1 ? MapView{0, 2} : MapView{1, 2};
}

template <class Pose>
Figure map_figure(const std::string& title,
                  const PoseGraph<Pose>& graph,
                  const std::vector<Pose>& poses,
                  const MapView& view) {
  Figure figure(title);
  figure.x_axis({.label = kAxisNames[view.across], .unit = "m"})
      .y_axis({.label = kAxisNames[view.up], .unit = "m"})
      .equal_aspect()
      .size(560, 520);
  std::vector<Segment> odometry, closures;
  for (const auto& edge : graph.edges) {
    const Eigen::Vector3d a = place(poses[static_cast<std::size_t>(edge.from)]);
    const Eigen::Vector3d b = place(poses[static_cast<std::size_t>(edge.to)]);
    (is_odometry(edge) ? odometry : closures).push_back({a[view.across], a[view.up], b[view.across], b[view.up]});
  }
  const double pale = closures.size() > 2000 ? 0.35 : 0.6;
  if (!closures.empty())
    figure.segments("loop closures", closures, {.ink = Ink::Orange, .width_px = 0.8, .opacity = pale});
  figure.segments("odometry", odometry, {.ink = Ink::Blue, .width_px = 1.1});
  return figure;
}

Figure cost_figure(const std::string& title, const std::vector<CostCurve>& curves) {
  static constexpr Ink kInks[] = {Ink::Blue, Ink::Orange, Ink::Green, Ink::Purple, Ink::Amber, Ink::Grey};
  Figure figure(title);
  figure.x_axis({.label = "iteration", .unit = ""})
      .y_axis({.label = "chi2", .unit = "", .scale = Scale::Log})
      .size(560, 520);
  std::size_t k = 0;
  for (const CostCurve& curve : curves) {
    std::vector<double> x = {0}, y = {curve.initial};
    for (const Iteration& it : curve.trace) {
      x.push_back(it.number);
      y.push_back(2 * it.cost);
    }
    const Ink ink = kInks[k++ % std::size(kInks)];
    figure.line(curve.name, x, y, {.ink = ink});
    figure.points("", x, y, {.ink = ink, .width_px = 5});
  }
  return figure;
}

std::string side_by_side(const std::vector<Figure>& figures, int width_px, int height_px) {
  const int n = static_cast<int>(figures.size());
  std::string out =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\n",
                  n * width_px,
                  height_px);
  for (int k = 0; k < n; ++k) {
    Figure figure = figures[static_cast<std::size_t>(k)];
    std::string svg = figure.size(width_px, height_px).svg();
    if (svg.starts_with("<svg")) svg.insert(4, fmt::format(" x=\"{}\"", k * width_px));
    out += svg;
  }
  return out + "</svg>\n";
}

template MapView map_view(const std::vector<SE2<double>>&);
template MapView map_view(const std::vector<SE3<double>>&);
template Figure map_figure(const std::string&, const PoseGraph2&, const std::vector<SE2<double>>&, const MapView&);
template Figure map_figure(const std::string&, const PoseGraph3&, const std::vector<SE3<double>>&, const MapView&);

}  // namespace pipit
