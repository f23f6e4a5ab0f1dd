#include "windows_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bits/half.h"
#include "pictures.h"
#include "statistics.h"
#include "view/report.h"

namespace pipit {
namespace {

constexpr Ink kInks[] = {Ink::Black, Ink::Sky, Ink::Blue, Ink::Orange, Ink::Purple, Ink::Green, Ink::Amber};

std::vector<Eigen::Vector3d> centres(const Scene& scene) {
  std::vector<Eigen::Vector3d> out;
  for (const View& view : scene.views) out.push_back(view.T_cam_world.inverse().t);
  return out;
}

}  // namespace

double ate_m(const Scene& est, const Scene& truth, Align align) {
  const auto a = centres(est), b = centres(truth);
  return ate<3>(std::span<const Eigen::Vector3d>(a), std::span<const Eigen::Vector3d>(b), align).position_m.rmse;
}

/// One way to solve, over all windows.
struct WindowsReport::Row {
  std::string name;
  std::vector<double> ate = {}, from_double = {}, paired = {}, seconds = {};  // ascending
  double ks = 0, seconds_solve = 0, seconds_products = 0;
  std::int64_t failures = 0, inner = 0, iterations = 0;
  RangeCounters range = {};
};

std::vector<WindowsReport::Row> WindowsReport::rows() const {
  std::vector<Row> out;
  for (const WindowProblem& problem : problems_)
    for (std::size_t k = 0; k < problem.results.size(); ++k) {
      if (out.size() <= k) out.push_back({.name = problem.results[k].first});
      Row& row = out[k];
      const WindowResult &r = problem.results[k].second, &reference = problem.results.front().second;
      row.ate.push_back(r.ate_m);
      row.from_double.push_back(r.from_double_m);
      row.paired.push_back(std::abs(r.ate_m - reference.ate_m) / reference.ate_m);
      row.seconds.push_back(r.seconds);
      row.seconds_solve += r.seconds_solve, row.seconds_products += r.seconds_products;
      row.inner += r.inner, row.iterations += r.iterations;
      row.range += r.range;
      // a tenth more than the least error: it did not arrive
      if (!(r.cost <= 1.1 * reference.cost)) ++row.failures;
    }
  for (Row& row : out)
    for (auto* values : {&row.ate, &row.from_double, &row.paired, &row.seconds}) *values = sorted(*values);
  for (Row& row : out) row.ks = ks_distance(row.ate, out.front().ate);
  return out;
}

/// Of an iteration of conjugate gradients: two products of 2 R (C + 3) each observation, and beside them eight passes
/// over the n unknowns and one over the m residuals, two flops a number (sparse/pcg.h).
double WindowsReport::flop_share() const {
  double products = 0, rest = 0;
  for (const WindowProblem& p : problems_) {
    const double m = static_cast<double>(p.observations) * p.residuals, n = 6.0 * p.views + 3.0 * p.points;
    products += 4 * m * 9;
    rest += 16 * n + 2 * m;
  }
  return products / (products + rest);
}

std::string WindowsReport::in_words() const {
  if (problems_.empty()) return {};
  const WindowProblem& first = problems_.front();
  std::string text = fmt::format("{} windows of {} views, about {} points and {} observations ({} x {} Jacobian)\n\n",
                                 problems_.size(),
                                 first.views,
                                 first.points,
                                 first.observations,
                                 first.observations * first.residuals,
                                 6 * first.views + 3 * first.points);
  text += fmt::format("{:<18} {:>38}   {:>6} {:>8} {:>17} {:>19} {:>8} {:>6} {:>10}\n",
                      "",
                      "ATE (mm): median     90 %    99 %      max",
                      "failed",
                      "KS",
                      "|dATE| med    90 %",
                      "from double (mm) 50 %",
                      "ms",
                      "inner",
                      "overflows");
  const auto mm = [](const std::vector<double>& values, double q) { return 1e3 * quantile(values, q); };
  for (const Row& r : rows())
    text += fmt::format(
        "{:<18} {:>14.3f} {:>9.3f} {:>7.2f} {:>8.2f}   {:>6} {:>8.4f} {:>9.2f}% {:>6.2f}% {:>20.5f} "
        "{:>9.2f} {:>6.0f} {:>10}\n",
        r.name,
        mm(r.ate, 0.5),
        mm(r.ate, 0.9),
        mm(r.ate, 0.99),
        mm(r.ate, 1),
        r.failures,
        r.ks,
        100 * quantile(r.paired, 0.5),
        100 * quantile(r.paired, 0.9),
        mm(r.from_double, 0.5),
        1e3 * quantile(r.seconds, 0.5),
        static_cast<double>(r.inner) / static_cast<double>(problems_.size()),
        r.range.overflow);
  const Json saving = as_json()["saving"];
  if (saving.is_null()) return text;
  text += fmt::format(
      "\nproducts: {:.1f} % of the flops of an iteration of conjugate gradients, {:.1f} % of its time in single\n"
      "saving of the linear solve by fp16: modelled {:.1f} % (half of that share), measured {:.1f} % an iteration\n",
      100 * flop_share(),
      100 * saving["time_share_single"].get<double>(),
      100 * saving["modelled"].get<double>(),
      100 * saving["measured"].get<double>());
  return text;
}

Json WindowsReport::as_json() const {
  Json json;
  json["windows"] = problems_.size();
  Json table = Json::array();
  const std::vector<Row> all = rows();
  for (const Row& r : all)
    table.push_back(
        {{"name", r.name},
         {"ate_m",
          {{"median", number(quantile(r.ate, 0.5))},
           {"p90", number(quantile(r.ate, 0.9))},
           {"p99", number(quantile(r.ate, 0.99))},
           {"max", number(quantile(r.ate, 1))}}},
         {"failures", r.failures},
         {"ks_to_double", number(r.ks)},
         {"paired_median", number(quantile(r.paired, 0.5))},
         {"paired_p90", number(quantile(r.paired, 0.9))},
         {"from_double_m",
          {{"median", number(quantile(r.from_double, 0.5))}, {"p90", number(quantile(r.from_double, 0.9))}}},
         {"seconds", {{"median", number(quantile(r.seconds, 0.5))}, {"p99", number(quantile(r.seconds, 0.99))}}},
         {"seconds_solve", number(r.seconds_solve)},
         {"seconds_products", number(r.seconds_products)},
         {"iterations", r.iterations},
         {"inner", r.inner},
         {"overflow", r.range.overflow},
         {"underflow", r.range.underflow},
         {"subnormal", r.range.subnormal}});
  json["table"] = table;
  json["flop_share"] = number(flop_share());
  const auto find = [&](const char* name) {
    return std::find_if(all.begin(), all.end(), [&](const Row& r) { return r.name == name; });
  };
  const auto single = find("single"), mixed = find("mixed");
  json["saving"] = nullptr;
  if (single != all.end() && mixed != all.end()) {
    const auto an_iteration = [](const Row& r) { return r.seconds_solve / static_cast<double>(r.inner); };
    json["saving"] = {{"modelled", number(0.5 * flop_share())},
                      {"time_share_single", number(single->seconds_products / single->seconds_solve)},
                      {"time_share_mixed", number(mixed->seconds_products / mixed->seconds_solve)},
                      {"measured", number(1 - an_iteration(*mixed) / an_iteration(*single))},
                      {"jacobian_bytes_single", problems_.front().observations * problems_.front().residuals * 9 * 4},
                      {"jacobian_bytes_mixed", problems_.front().observations * problems_.front().residuals * 9 * 2}};
  }
  return json;
}

std::string WindowsReport::pictures(bool html) const {
  Figure ate("ATE to the truth, cumulative"), away("distance from the optimum in double, cumulative");
  const auto axes = [](Figure& figure, const char* what) {
    figure.x_axis({.label = what, .unit = "m", .scale = Scale::Log})
        .y_axis({.label = "share of windows", .unit = ""})
        .size(620, 420);
  };
  axes(ate, "ATE"), axes(away, "RMS distance of camera positions");
  std::size_t k = 0;
  for (const Row& r : rows()) {
    const Ink ink = kInks[k % std::size(kInks)];
    ate.cumulative(r.name, r.ate, {.ink = ink, .width_px = k == 0 ? 4.0 : 2.0});
    if (k++ > 0) away.cumulative(r.name, r.from_double, {.ink = ink, .width_px = 2});
  }
  if (!html) return side_by_side({ate, away}, 620, 420);
  Report page(fmt::format("{} windows", problems_.size()),
              fmt::format("pipit {}, commit {}", version(), build_commit()));
  page.figure(ate).figure(away).heading("The run").code(in_words());
  return page.html();
}

std::string first_window_pictures(const WindowProblem& problem, const Scene& optimum) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [name, r] : problem.results)
    for (const Iteration& it : r.trace) least = std::min(least, it.cost);
  Figure costs(fmt::format("window of seed {}: cost above the least, over the least", problem.seed));
  costs.x_axis({.label = "iteration", .unit = ""}).y_axis({.label = "excess", .unit = "", .scale = Scale::Log});
  std::size_t n = 0;
  for (const auto& [name, r] : problem.results) {
    std::vector<double> x = {0}, y = {r.cost_start / least - 1};
    for (const Iteration& it : r.trace) {
      x.push_back(it.number);
      y.push_back(it.cost / least - 1);
    }
    const Ink ink = kInks[n % std::size(kInks)];
    costs.line(name, x, y, {.ink = ink, .width_px = n == 0 ? 4.0 : 2.0});
    costs.points("", x, y, {.ink = ink, .width_px = n++ == 0 ? 8.0 : 5.0});
  }

  std::vector<double> errors, in_half, in_single;
  for (const Observation& o : optimum.observations) {
    const View& view = optimum.views[static_cast<std::size_t>(o.view)];
    const auto sight = optimum.cameras[static_cast<std::size_t>(view.camera)].sight(
        view.T_cam_world.act(optimum.points[static_cast<std::size_t>(o.point)]));
    if (!sight) continue;
    const double measured[2] = {o.u, o.v};
    for (int k = 0; k < 2; ++k) {
      errors.push_back(std::abs(sight->pixel[k] - measured[k]));
      in_half.push_back(std::abs(static_cast<double>(round_to_half(measured[k])) - measured[k]));
      in_single.push_back(std::abs(static_cast<double>(static_cast<float>(measured[k])) - measured[k]));
    }
  }
  Figure pixels("errors, and what rounding adds, cumulative");
  pixels.x_axis({.label = "size", .unit = "px", .scale = Scale::Log, .low = 1e-7, .high = 10})
      .y_axis({.label = "share of pixel coordinates", .unit = ""});
  pixels.cumulative("seen - measured, at the optimum", errors, {.ink = Ink::Black, .width_px = 4});
  pixels.cumulative("measured, rounded to fp32", in_single, {.ink = Ink::Blue, .width_px = 2});
  pixels.cumulative("measured, rounded to fp16", in_half, {.ink = Ink::Orange, .width_px = 2});
  return side_by_side({costs, pixels}, 620, 420);
}

}  // namespace pipit
