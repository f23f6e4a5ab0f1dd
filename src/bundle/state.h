// bundle/state.h — where bundle adjustment is, and how a step moves it. Private to bundle/.
#pragma once
#include <algorithm>
#include <vector>

#include "bundle/linearise.h"
#include "bundle/steps.h"

namespace pipit {

/// Of the scene's values.
BundleState state_of(const Scene& scene);
LineariseForm form_of(const Scene& scene, const RobustLoss& loss);
/// to = from (+) step; fixed views keep their poses. Needs `to` as large as `from`.
void move(
    const Scene& scene, const BundleLayout& layout, const BundleState& from, const BundleStep& step, BundleState& to);

/// A state with all that a pass needs to look at it. It stays where it is: `job` points into it.
struct Placed {
  Placed(const Scene& of, const BundleLayout& layout, const LineariseForm& form, BundleState where);
  Placed(const Scene& of, const BundleLayout& layout, const LineariseForm& form)
      : Placed(of, layout, form, state_of(of)) {}
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;
  /// After a change of `state`.
  void refresh() {
    fill_views(*scene, state, job.layout->intrinsics, views);
    job.views = views, job.points = state.points;
  }

  const Scene* scene;
  BundleState state;
  std::vector<ViewNumbers> views;
  std::vector<std::uint8_t> taking;
  LineariseJob job;
};

}  // namespace pipit
