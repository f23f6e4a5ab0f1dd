#include "ba_race.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "household/household.h"
#include "pipit_ba.h"
#ifdef PIPIT_WITH_CERES
#include "ceres_ba.h"
#endif

namespace pipit {

constexpr double kTolerance = 1e-6;

BaProblem window_of(const BaOptions& o, int k) {
  HouseholdOptions options{.third = o.third, .num_fixed = 10, .seed = o.seed + static_cast<std::uint64_t>(k)};
  SimulatedScene made = simulate_household(options);
  return {fmt::format("window, seed {}", options.seed), std::move(made.start), std::move(made.truth)};
}

std::vector<Contender> contenders(const BaOptions& o, bool window) {
  std::vector<Contender> all;
  for (const char* precision : {"mixed", "single", "double"})
    all.push_back({fmt::format("Pipit, {}", precision), false, [precision, window, &o](const Scene& scene) {
                     return run_pipit_ba(scene,
                                         {.precision = precision,
                                          .tolerance = kTolerance,
                                          .num_threads = o.num_threads,
                                          .watch_memory = !window});
                   }});
#ifdef PIPIT_WITH_CERES
  for (const std::string& setting : ceres_ba_settings()) {
    if (window && setting != "dense schur") continue;
    if (!o.settings.empty() && std::find(o.settings.begin(), o.settings.end(), setting) == o.settings.end()) continue;
    all.push_back(
        {"Ceres, " + setting, true, [setting, window, &o](const Scene& scene) {
           return run_ceres_ba(
               scene,
               {.setting = setting, .tolerance = kTolerance, .num_threads = o.num_threads, .watch_memory = !window});
         }});
  }
#endif
  return all;
}

std::string in_ms(double seconds) {
  return std::isfinite(seconds) ? fmt::format("{:.2f}", 1e3 * seconds) : std::string("not reached");
}

std::vector<Contender> race(const BaProblem& problem, const BaOptions& o, bool window) {
  std::vector<Contender> all = contenders(o, window);
  for (int r = 0; r < o.repeat; ++r)
    for (Contender& c : all) c.take(c.solve(problem.start));
  return all;
}

}  // namespace pipit
