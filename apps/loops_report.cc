#include "loops_report.h"

#include <fmt/format.h>

#include "pictures.h"
#include "statistics.h"
#include "view/report.h"

namespace pipit {
namespace {

struct Line {
  const char* name;
  double q;  ///< quantile; 0: mean
};
constexpr Line kLines[] = {{"max", 1}, {"99 %", 0.99}, {"90 %", 0.9}, {"mean", 0}, {"median", 0.5}};

constexpr int kGrowthFrom = 500;  // below, fixed costs hide how the time grows

double line_of(const std::vector<double>& values, double q) {
  return q == 0 ? mean(values) : quantile(sorted(values), q);
}

}  // namespace

std::vector<double> LoopsReport::ates(const std::string& name) const {
  std::vector<double> values;
  for (const LoopProblem& p : problems_)
    values.push_back(name == "without" ? p.ate_without_m : p.results.at(name).ate_m);
  return values;
}

double LoopsReport::share_equal(const std::string& name, const std::string& other) const {
  double equal = 0;
  for (const LoopProblem& p : problems_) {
    const double a = p.results.at(name).chi2, b = p.results.at(other).chi2;
    // chi2 is in variances: below 1e-6 it is zero (a problem without loops). NaN compares false: not equal.
    equal += std::abs(a - b) <= 1e-3 * b + 1e-6 ? 1 : 0;
  }
  return equal / static_cast<double>(problems_.size());
}

double LoopsReport::total_inner(const std::string& name) const {
  double sum = 0;
  for (const LoopProblem& p : problems_) sum += static_cast<double>(p.results.at(name).inner);
  return sum;
}

double LoopsReport::total_seconds(const std::string& name) const {
  double sum = 0;
  for (const LoopProblem& p : problems_) sum += p.results.at(name).seconds;
  return sum;
}

double LoopsReport::time_power(const std::string& name) const {
  std::vector<double> poses, seconds;
  for (const LoopProblem& p : problems_)
    if (p.poses >= kGrowthFrom) {
      poses.push_back(p.poses);
      seconds.push_back(p.results.at(name).seconds);
    }
  return growth_power(poses, seconds);
}

std::vector<double> LoopsReport::drifts_percent() const {
  std::vector<double> drift;
  for (const LoopProblem& p : problems_) drift.push_back(100 * p.end_drift_m / p.path_m);
  return sorted(std::move(drift));
}

std::string LoopsReport::in_words() const {
  if (problems_.empty()) return "no problems\n";
  std::vector<std::string> columns = {"without", "double", "single", "mixed"};
  if (has("half")) columns.push_back("half");
  std::string text =
      fmt::format("{} problems of {} to {} poses. ATE to the truth in metres, with loop closures and without:\n{:<8}",
                  problems_.size(),
                  problems_.front().poses,
                  problems_.back().poses,
                  "");
  for (const auto& column : columns) text += fmt::format("{:>14}", column);
  text += "\n";
  for (const Line& line : kLines) {
    text += fmt::format("{:<8}", line.name);
    for (const auto& column : columns) text += fmt::format("{:>14.3e}", line_of(ates(column), line.q));
    text += "\n";
  }
  text += fmt::format("loop closures lower the mean ATE {:.3g} times (mixed)\n",
                      mean(ates("without")) / mean(ates("mixed")));
  text += fmt::format("chi2 of mixed within 0.1 % of single on {:.4g} % of the problems, of double on {:.4g} %\n",
                      100 * share_equal("mixed", "single"),
                      100 * share_equal("mixed", "double"));
  if (has("half"))
    text += fmt::format("chi2 of half within 0.1 % of double on {:.4g} %\n", 100 * share_equal("half", "double"));
  text += fmt::format("KS distance of the ATE distributions of mixed and single: {:.4f} (0.03 is allowed)\n",
                      ks_distance(ates("mixed"), ates("single")));
  text += fmt::format("linear iterations: mixed {:.0f}, single {:.0f} ({:+.2f} %)\n",
                      total_inner("mixed"),
                      total_inner("single"),
                      100 * (total_inner("mixed") / total_inner("single") - 1));
  if (has("none"))
    text += fmt::format("without a preconditioner {:.0f}, {:.3g} times mixed\n",
                        total_inner("none"),
                        total_inner("none") / total_inner("mixed"));
  for (const char* name : {"double", "mixed"})
    text += fmt::format("{}: {:.3g} s in all; time grows as poses^{:.2f} from {} poses on\n",
                        name,
                        total_seconds(name),
                        time_power(name),
                        kGrowthFrom);
  text += fmt::format(
      "odometry alone ends {:.2f} % of the path away from the truth (median), {:.2f} % at most (1.5 % is allowed)\n",
      quantile(drifts_percent(), 0.5),
      quantile(drifts_percent(), 1));
  return text;
}

std::string LoopsReport::pictures(bool html) const {
  Figure cumulative("ATE of all problems");
  cumulative.x_axis({.label = "ATE", .unit = "m", .scale = Scale::Log})
      .y_axis({.label = "share of problems", .unit = ""});
  cumulative.cumulative("without loop closure", ates("without"), {.ink = Ink::Grey, .width_px = 2});
  if (has("half")) cumulative.cumulative("half", ates("half"), {.ink = Ink::Purple, .width_px = 2});
  cumulative.cumulative("single", ates("single"), {.ink = Ink::Orange, .width_px = 3.5, .opacity = 0.6});
  cumulative.cumulative("mixed", ates("mixed"), {.ink = Ink::Blue, .width_px = 1.6});
  Figure time("time of one problem");
  time.x_axis({.label = "key-frames", .unit = ""}).y_axis({.label = "optimisation", .unit = "ms"});
  for (const auto& [name, ink] : {std::pair{"double", Ink::Orange}, std::pair{"mixed", Ink::Blue}}) {
    std::vector<double> x, y;
    for (const LoopProblem& p : problems_) {
      x.push_back(p.poses);
      y.push_back(1e3 * p.results.at(name).seconds);
    }
    time.points(
        std::string(name) + (name == std::string("double") ? ", Cholesky at every step" : ", factor in fp16, reused"),
        x,
        y,
        {.ink = ink, .width_px = 3.5, .opacity = 0.6});
  }
  if (!html) return side_by_side({cumulative, time}, 640, 440);
  return Report("Loop closures in few bits", fmt::format("{} growing problems of a household robot", problems_.size()))
      .figures({cumulative, time})
      .code(in_words())
      .html();
}

Json LoopsReport::as_json() const {
  Json json;
  json["count"] = problems_.size();
  for (const char* name : {"without", "double", "single", "mixed", "half"}) {
    if (name != std::string("without") && !has(name)) continue;
    if (problems_.empty()) break;
    for (const Line& line : kLines) json["ate_m"][name][line.name] = number(line_of(ates(name), line.q));
  }
  if (!problems_.empty()) {
    json["ate_ratio_without_over_mixed"] = number(mean(ates("without")) / mean(ates("mixed")));
    json["share_mixed_equals_single"] = number(share_equal("mixed", "single"));
    json["share_mixed_equals_double"] = number(share_equal("mixed", "double"));
    if (has("half")) json["share_half_equals_double"] = number(share_equal("half", "double"));
    json["ks_mixed_single"] = number(ks_distance(ates("mixed"), ates("single")));
    json["inner_mixed_over_single"] = number(total_inner("mixed") / total_inner("single"));
    if (has("none")) json["inner_none_over_mixed"] = number(total_inner("none") / total_inner("mixed"));
    for (const char* name : {"double", "mixed"}) {
      json["seconds"][name] = number(total_seconds(name));
      json["time_power"][name] = number(time_power(name));
    }
    json["drift_percent"] = {{"definition", "distance of the last pose of odometry to the truth over the path driven"},
                             {"median", number(quantile(drifts_percent(), 0.5))},
                             {"max", number(quantile(drifts_percent(), 1))}};
  }
  json["problems"] = Json::array();
  for (const LoopProblem& p : problems_) {
    Json row{{"seed", p.seed},
             {"poses", p.poses},
             {"edges", p.edges},
             {"ate_without_m", number(p.ate_without_m)},
             {"path_m", number(p.path_m)},
             {"end_drift_m", number(p.end_drift_m)}};
    for (const auto& [name, r] : p.results)
      row[name] = {{"chi2", number(r.chi2)},
                   {"ate_m", number(r.ate_m)},
                   {"from_double_m", number(r.from_double_m)},
                   {"seconds", number(r.seconds)},
                   {"iterations", r.iterations},
                   {"inner", r.inner},
                   {"stop", pipit::name(r.stop)}};
    json["problems"].push_back(row);
  }
  return json;
}

}  // namespace pipit
