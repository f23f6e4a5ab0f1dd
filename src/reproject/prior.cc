#include "reproject/prior.h"

#include <cstddef>

namespace pipit {

double PosePrior::evaluate(std::span<const SE3<double>> T_world_cam, std::span<double> gradient) const {
  const auto n = static_cast<std::size_t>(size());
  double cost = c;
  std::copy(g.begin(), g.end(), gradient.begin());
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto d = at[i].local(T_world_cam[static_cast<std::size_t>(views[i])]);
    for (std::size_t a = 0; a < 6; ++a) {
      const double* row = &H[(6 * i + a) * n];
      for (std::size_t b = 0; b < n; ++b) gradient[b] += row[b] * d[static_cast<Eigen::Index>(a)];
    }
  }
  // 1/2 d'(Hd + g) + 1/2 g'd
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto d = at[i].local(T_world_cam[static_cast<std::size_t>(views[i])]);
    for (std::size_t a = 0; a < 6; ++a)
      cost += 0.5 * d[static_cast<Eigen::Index>(a)] * (gradient[6 * i + a] + g[6 * i + a]);
  }
  return cost;
}

}  // namespace pipit
