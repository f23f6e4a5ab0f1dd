// apps/demo_report.h — the demo's table and pictures.
#pragma once
#include <string>
#include <vector>

#include "poses/generate.h"
#include "spoken.h"
#include "trial.h"

namespace pipit {

struct DemoRow {
  std::string precision;
  Trial<SE2<double>> trial;
  double ate_m = 0;  ///< to the truth, after rotation and translation
};

struct DemoResult {
  Simulated<SE2<double>> day;
  std::uint64_t seed = 1;
  double chi2_before = 0, ate_before_m = 0;
  std::vector<DemoRow> rows = {};
  std::vector<Spoken> spoken = {};  ///< empty: there is no spoken part

  static std::string head();
  std::string line(std::size_t row) const;
  /// In words: what became of this precision, judged against the first row.
  std::string verdict(std::size_t row) const;
};

/// HTML: what happened, table, maps, cost curves, position error along the way.
std::string report_page(const DemoResult& result);

/// SVG: the home as the robot believed it before, and after.
std::string readme_picture(const DemoResult& result);

}  // namespace pipit
