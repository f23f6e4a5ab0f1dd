// reproject/state.h — where bundle adjustment is, and how a step moves it. .
#pragma once
#include <algorithm>
#include <vector>

#include "reproject/linearise.h"

namespace pipit {

/// A step and what the linear model promises of it.
struct BundleStep {
  std::vector<double> views, points;  ///< dc, dp
  double promised = 0;                ///< decrease of the cost, damping not counted
  int inner_iterations = 0;
  bool fine = false;  ///< finite, downhill
};

/// The scene's values.
void take_values(const Scene& scene, BundleState& state);
inline BundleState state_of(const Scene& scene) {
  BundleState state;
  take_values(scene, state);
  return state;
}
/// The numbers of each view at a state.
void fill_views(const Scene& scene, const BundleState& state, int intrinsics, std::vector<ViewNumbers>& views);
/// Who takes part: observations of points that stand before their cameras, where `job` (its `taking` unused) is.
void taking_part(const LineariseJob& job, std::vector<std::uint8_t>& taking);
LineariseForm form_of(const Scene& scene, const RobustLoss& loss);
/// A state with all that a pass needs to look at it. It stays where it is: `job` points into it.
struct Placed {
  Placed() = default;
  Placed(const Scene& of, const BundleLayout& layout, const LineariseForm& form) { place(of, layout, form); }
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;
  /// At the scene's values, and who takes part there. All arguments stay.
  void place(const Scene& of, const BundleLayout& layout, const LineariseForm& form, const PosePrior* prior = nullptr);
  /// After a change of `state`.
  void refresh();
  /// to = state (+) step; fixed views keep their poses. Needs `to` as large as `state`.
  void move(const BundleStep& step, BundleState& to) const;

  const Scene* scene = nullptr;
  BundleState state;
  std::vector<ViewNumbers> views;
  std::vector<std::uint8_t> taking;
  std::vector<double> prior_gradient;
  InverseDepths inverse_depths;  ///< where the form says so
  std::vector<Eigen::Matrix3d> slopes;
  double prior_cost = 0;
  LineariseJob job;
};

}  // namespace pipit
