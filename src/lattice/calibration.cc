#include "lattice/calibration.h"

#include <algorithm>
#include <numeric>

namespace pipit {

Result<Calibration> Calibration::from_table(std::vector<Point> points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& [x, y] = points[i];
    const bool inside = x >= 0 && x <= 1 && y >= 0 && y <= 1;
    if (!inside || (i > 0 && (x <= points[i - 1].posterior || y < points[i - 1].confidence)))
      return Error{Code::BadFormat,
                   "calibration: point " + std::to_string(i) + " (" + std::to_string(x) + ", " + std::to_string(y) +
                       "), want rising posteriors and confidences in [0, 1]"};
  }
  Calibration out;
  out.points_ = std::move(points);
  return out;
}

Calibration Calibration::fit(std::span<const double> posterior, std::span<const bool> right) {
  expects(posterior.size() == right.size(), "Calibration::fit: lengths differ");
  std::vector<std::size_t> order(posterior.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return posterior[a] < posterior[b]; });
  struct Block {
    double sum_x, sum_y, count;
    double y() const { return sum_y / count; }
  };
  std::vector<Block> blocks;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const double x = posterior[order[k]];
    expects(x >= 0 && x <= 1, "Calibration::fit: posterior out of [0, 1]");
    Block block{x, right[order[k]] ? 1.0 : 0.0, 1};
    const bool tie = k > 0 && posterior[order[k - 1]] == x;
    for (bool pool = tie; !blocks.empty() && (pool || blocks.back().y() >= block.y()); pool = false) {
      block = {block.sum_x + blocks.back().sum_x, block.sum_y + blocks.back().sum_y, block.count + blocks.back().count};
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  Calibration out;
  for (const auto& block : blocks)
    if (const double x = block.sum_x / block.count; out.points_.empty() || x > out.points_.back().posterior)
      out.points_.push_back({x, block.y()});
  return out;
}

double Calibration::operator()(double posterior) const {
  expects(posterior >= 0 && posterior <= 1, "Calibration: posterior out of [0, 1]");
  if (points_.empty()) return posterior;
  const auto above = std::upper_bound(
      points_.begin(), points_.end(), posterior, [](double x, const Point& point) { return x < point.posterior; });
  if (above == points_.begin()) return points_.front().confidence;
  if (above == points_.end()) return points_.back().confidence;
  const auto below = above - 1;
  const double part = (posterior - below->posterior) / (above->posterior - below->posterior);
  return below->confidence + part * (above->confidence - below->confidence);
}

}  // namespace pipit
