// apps/loops_report.h — what `pipit eval loops` found, as a table, pictures and JSON.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "json.h"
#include "solve/minimise.h"

namespace pipit {

/// One way to solve one problem.
struct LoopResult {
  double chi2 = 0;
  double ate_m = 0;          ///< to the truth, after rotation and translation
  double from_double_m = 0;  ///< RMS of positions to the answer in double
  double seconds = 0;        ///< of the optimisation, symbolic work included
  int iterations = 0;
  std::int64_t inner = 0;  ///< of conjugate gradients, in all
  Stop stop = Stop::Converged;
};

struct LoopProblem {
  std::uint64_t seed = 0;
  std::int32_t poses = 0;
  std::int64_t edges = 0;
  double ate_without_m = 0;  ///< of odometry alone
  double path_m = 0, end_drift_m = 0;
  std::map<std::string, LoopResult> results = {};  ///< by name: double, single, mixed, none (block scaling only), half
};

class LoopsReport {
 public:
  explicit LoopsReport(const std::vector<LoopProblem>& problems) : problems_(problems) {}
  std::string in_words() const;
  std::string pictures(bool html) const;
  Json as_json() const;

 private:
  std::vector<double> ates(const std::string& name) const;  ///< "without": of odometry
  bool has(const std::string& name) const { return !problems_.empty() && problems_.front().results.contains(name); }
  /// Share of problems whose chi2 is within 0.1 % of that of `other`.
  double share_equal(const std::string& name, const std::string& other) const;
  double total_inner(const std::string& name) const;
  double total_seconds(const std::string& name) const;
  double time_power(const std::string& name) const;  ///< p of time ~ poses^p
  std::vector<double> drifts_percent() const;        ///< end of odometry to the truth over the path, ascending

  const std::vector<LoopProblem>& problems_;
};

}  // namespace pipit
