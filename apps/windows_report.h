// apps/windows_report.h — what `pipit eval windows` found, as a table, pictures and JSON.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bits/counters.h"
#include "geom/trajectory.h"
#include "json.h"
#include "scene/scene.h"
#include "solve/minimise.h"

namespace pipit {

/// One way to solve one window.
struct WindowResult {
  double cost = 0;           ///< half the squared error, in fp64
  double ate_m = 0;          ///< to the truth, after rotation and translation
  double from_double_m = 0;  ///< RMS of camera positions to the answer in double
  double seconds = 0, seconds_solve = 0, seconds_products = 0;
  int iterations = 0;
  std::int64_t inner = 0;  ///< of conjugate gradients, in all
  Stop stop = Stop::Converged;
  RangeCounters range = {};
  double cost_start = 0;              ///< in the residual's format, as those of the trace
  std::vector<Iteration> trace = {};  ///< of the first window only
};

struct WindowProblem {
  std::uint64_t seed = 0;
  int views = 0, points = 0, observations = 0, residuals = 2;
  double ate_start_m = 0;
  std::vector<std::pair<std::string, WindowResult>> results = {};  ///< the first is the reference
};

class WindowsReport {
 public:
  explicit WindowsReport(const std::vector<WindowProblem>& problems) : problems_(problems) {}
  std::string in_words() const;
  std::string pictures(bool html) const;
  Json as_json() const;

 private:
  struct Row;
  std::vector<Row> rows() const;
  double flop_share() const;

  const std::vector<WindowProblem>& problems_;
};

/// Of one window: how far the cost of every contender is above the least after each iteration; and the errors of pixels
/// at the optimum of the first contender, beside what rounding makes of the pixels themselves.
std::string first_window_pictures(const WindowProblem& problem, const Scene& optimum);

/// RMSE of camera positions in m; NaN where the estimate is not finite.
double ate_m(const Scene& est, const Scene& truth, Align align);

}  // namespace pipit
