#include "report.h"

#include <fmt/format.h>

#include <cmath>

#include "app.h"
#include "base/clock.h"
#include "base/version.h"

namespace pipit {

std::string seconds(double s) {
  if (s >= 100) return fmt::format("{:.0f} s", s);
  if (s >= 1) return fmt::format("{:.2f} s", s);
  if (s >= 1e-3) return fmt::format("{:.3g} ms", s * 1e3);
  return fmt::format("{:.0f} us", s * 1e6);
}

std::string stop_in_words(const Summary& m) {
  switch (m.stop) {
    case Stop::Converged:
      return fmt::format("converged after {} iterations", m.iterations);
    case Stop::MaxIterations:
      return fmt::format("stopped at the limit of {} iterations", m.iterations);
    case Stop::TimeLimit:
      return fmt::format("stopped by the time limit after {} iterations", m.iterations);
    case Stop::NoProgress:
      return fmt::format("no progress: after {} iterations no step lowers the cost", m.iterations);
    case Stop::Diverged:
      return "diverged: the cost of the initial guess is not finite; all is left as it was";
    case Stop::Cancelled:
      return fmt::format("cancelled after {} iterations; the best so far is kept", m.iterations);
  }
  return "";
}

std::string work_in_words(const LinearReport& linear) {
  return fmt::format("{} linear iterations, {} factorisations, factor {:.1f} MB",
                     linear.inner_iterations,
                     linear.factorisations,
                     static_cast<double>(linear.factor_bytes) * 1e-6);
}

std::string range_in_words(const RangeCounters& range) {
  return fmt::format(
      "{} overflows, {} underflows, {} subnormals in conversions", range.overflow, range.underflow, range.subnormal);
}

namespace {

std::string precision_in_words(const RunReport& r) {
  const Stop stop = r.summary.minimise.stop;
  std::string text = fmt::format("{}: {}", r.precision, describe(r.options.minimise.precision));
  if (r.precision != "half") return text;
  if (stop == Stop::Diverged) return text + "\n             half FAILED: fp16 overflowed before the first step";
  if (stop == Stop::NoProgress) return text + "\n             half FAILED: rounding in fp16 hides the way down";
  return text + "\n             half alone is not to be trusted: compare chi2 with --precision mixed";
}

}  // namespace

std::string solver_name(const LinearReport& linear) { return linear.chosen.substr(0, linear.chosen.find(',')); }

std::string in_words(const RunReport& r) {
  const OptimiseSummary& s = r.summary;
  const Summary& m = s.minimise;
  std::string text;
  const auto line = [&text](const char* what, const std::string& words) {
    text += fmt::format("{:<11}  {}\n", what, words);
  };
  line("graph",
       fmt::format("{}: {} poses in the {}, {} edges, {} of them loop closures{}{}",
                   r.file,
                   r.poses,
                   r.space ? "space" : "plane",
                   r.edges,
                   r.closures,
                   r.landmarks > 0 ? fmt::format(", {} landmarks", r.landmarks) : "",
                   r.dropped_edges > 0
                       ? fmt::format("; {} edges of kinds Pipit does not use were left out", r.dropped_edges)
                       : ""));
  const std::string file = s.chi2_file ? fmt::format("{:.7g} in the file, ", *s.chi2_file) : "";
  line("chi2", fmt::format("{}{:.7g} at the {} guess -> {:.8g}", file, s.chi2_initial, name(s.init), s.chi2_final));
  if (r.robust != "none")
    line("robust",
         fmt::format("{}: {} edges kept, {} rejected, objective {:.7g} -> {:.8g}",
                     r.robust,
                     r.edges - s.rejected,
                     s.rejected,
                     s.objective_initial,
                     s.objective_final));
  line("stop", stop_in_words(m));
  line("solver", fmt::format("{}{}", m.linear.chosen, m.linear.reason.empty() ? "" : " (" + m.linear.reason + ")"));
  line("work", work_in_words(m.linear));
  line("precision", precision_in_words(r));
  line("fp16", range_in_words(m.linear.range));
  line("time",
       fmt::format("{} = init {}, linearize {}, factor {}, solve {}, update {}, rest; reading {}; {}",
                   seconds(m.seconds.total),
                   seconds(s.seconds_init),
                   seconds(m.seconds.linearize),
                   seconds(m.seconds.factor),
                   seconds(m.seconds.solve),
                   seconds(m.seconds.update),
                   seconds(r.seconds_read),
                   r.options.minimise.num_threads == 1 ? "1 thread"
                                                       : fmt::format("{} threads", r.options.minimise.num_threads)));
  line("memory", fmt::format("{:.0f} MB at the peak", peak_rss_mb()));
  return text;
}

void add_run(Json& json, const Summary& m, const std::string& preset, const Precision& precision, int threads) {
  json["iterations"] = m.iterations;
  json["stop"] = name(m.stop);
  json["solver"] = solver_name(m.linear);
  json["solver_detail"] = m.linear.chosen;
  json["solver_reason"] = m.linear.reason;
  json["inner_iterations"] = m.linear.inner_iterations;
  json["factorisations"] = m.linear.factorisations;
  json["factor_bytes"] = m.linear.factor_bytes;
  json["precision"] = preset;
  json["precision_detail"] = describe(precision);
  json["threads"] = threads;
  json["seconds"] = {{"total", number(m.seconds.total)},
                     {"linearize", number(m.seconds.linearize)},
                     {"factor", number(m.seconds.factor)},
                     {"solve", number(m.seconds.solve)},
                     {"update", number(m.seconds.update)}};
  json["half"] = {{"overflow", m.linear.range.overflow},
                  {"underflow", m.linear.range.underflow},
                  {"subnormal", m.linear.range.subnormal}};
  json["peak_rss_mb"] = number(peak_rss_mb());
  json["version"] = version();
  json["instruction_set"] = instruction_set();
  Json trace = Json::array();
  for (const Iteration& it : m.trace)
    trace.push_back({{"iteration", it.number},
                     {"cost", number(it.cost)},
                     {"chi2", number(2 * it.cost)},
                     {"relative_decrease", number(it.relative_decrease)},
                     {"damping", number(it.damping)},
                     {"inner", it.inner_iterations},
                     {"attempts", it.attempts},
                     {"accepted", it.accepted},
                     {"seconds", number(it.seconds)}});
  json["trace"] = trace;
}

Json as_json(const RunReport& r) {
  const OptimiseSummary& s = r.summary;
  const Summary& m = s.minimise;
  Json json;
  json["file"] = r.file;
  json["dimensions"] = r.space ? 3 : 2;
  json["poses"] = r.poses;
  json["landmarks"] = r.landmarks;
  json["edges"] = r.edges;
  json["loop_closures"] = r.closures;
  json["dropped_edges"] = r.dropped_edges;
  json["init"] = name(s.init);
  json["chi2_file"] = s.chi2_file ? number(*s.chi2_file) : Json(nullptr);
  json["chi2_initial"] = number(s.chi2_initial);
  json["chi2_final"] = number(s.chi2_final);
  json["objective_initial"] = number(s.objective_initial);
  json["objective_final"] = number(s.objective_final);
  json["robust"] = {{"kind", r.robust},
                    {"inliers", r.edges - s.rejected},
                    {"rejected", s.rejected},
                    {"rejected_edges", s.rejected_edges},
                    {"rejected_landmark_edges", s.rejected_landmark_edges}};
  add_run(json, m, r.precision, r.options.minimise.precision, r.options.minimise.num_threads);
  json["seconds"]["read"] = number(r.seconds_read);
  json["seconds"]["init"] = number(s.seconds_init);
  return json;
}

}  // namespace pipit
