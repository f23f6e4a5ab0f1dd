// apps/pictures.h — pose graphs and runs of the optimiser as figures.
#pragma once
#include <string>
#include <vector>

#include "poses/pose_graph.h"
#include "solve/minimise.h"
#include "view/plot.h"

namespace pipit {

/// Which coordinates a map shows: 0 x, 1 y, 2 z.
struct MapView {
  int across = 0, up = 1;
};

/// From above in the plane; in space along the axis of least spread, so that a graph is not seen edge-on.
template <class Pose>
MapView map_view(const std::vector<Pose>& poses);

/// A map in metres: odometry in one colour, loop closures in another. `poses` [P] in place of those of the graph.
template <class Pose>
Figure map_figure(const std::string& title,
                  const PoseGraph<Pose>& graph,
                  const std::vector<Pose>& poses,
                  const MapView& view);

struct CostCurve {
  std::string name;
  double initial = 0;  ///< chi2, or the objective where a loss is set, before the first iteration
  std::vector<Iteration> trace;
};

/// chi2 after each iteration, on a log scale.
Figure cost_figure(const std::string& title, const std::vector<CostCurve>& curves);

/// One SVG of several figures, each of the given size.
std::string side_by_side(const std::vector<Figure>& figures, int width_px, int height_px);

}  // namespace pipit
