// Complete against incomplete factors, formats of the stored factor, orders of elimination.
#include <fmt/format.h>

#include <array>
#include <map>

#include "sparse/choose.h"
#include "study.h"

namespace pipit {
namespace {

constexpr std::array kTargets = {1e-1, 1e-2, 1e-4, 1e-6};
constexpr int kMaxIterations = 3000;

struct Kind {
  FactorKind kind;
  const char* name;
};
constexpr std::array kKinds = {Kind{FactorKind::Complete, "complete"},
                               Kind{FactorKind::Icl, "IC(2)"},
                               Kind{FactorKind::Ic0, "IC(0)"},
                               Kind{FactorKind::Jacobi, "block-Jacobi"}};
// Of mixed: factor computed in fp32 with the shift of H in fp64 (LinearOptions::shift), stored in fp16.
constexpr PreconditionerOptions kMixed{.compute = Format::Single, .storage = Format::Half, .shift = 1e-7};

/// Seconds by kind and target, of one size.
using Times = std::map<std::pair<std::string, double>, double>;

std::string cell(int iterations, double ms) {
  return iterations < 0 ? fmt::format("{:>14}", "-") : fmt::format("{:>5} {:>8.2f}", iterations, ms);
}

Times compare_factors(Study& study, StudyGraph& graph) {
  graph.reset();
  StudySteps steps(graph, study.workers);
  steps.linearise();
  const StudySystem& s = steps.system();
  Times out;
  if (s.n() == 0) {
    fmt::print("{:<20} is all chains: nothing is left to solve\n", graph.name);
    return out;
  }
  if (!s.solved()) {
    fmt::print("{:<20} left out: the direct solve in fp64 leaves {:.1e}\n", graph.name, s.relative_residual);
    return out;
  }
  for (const Kind& kind : kKinds) {
    const Stopwatch planning;
    StudyFactor factor(s.H.pattern(), s.B(), kind.kind, study.workers);
    const double seconds_plan = planning.seconds();
    bool built = true;
    const double seconds_factor = best_seconds(study.repeat, [&] { built = factor.build(s.H, kMixed); });
    Json row{{"graph", graph.name},
             {"poses", graph.num_poses},
             {"blocks", s.n()},
             {"factor", kind.name},
             {"reference_residual", s.relative_residual},
             {"seconds_plan", seconds_plan},
             {"seconds_factor", seconds_factor},
             {"shift", kind.kind == FactorKind::Jacobi ? 0 : factor.factor().shift()},
             {"factor_bytes", factor.factor().bytes()},
             {"to", Json::array()}};
    std::string line;
    std::vector<double> errors;
    if (built) errors = errors_of<double>(s, factor, kTargets.back(), kMaxIterations, study.limit_s, study.workers);
    for (const double target : kTargets) {
      const int iterations = iterations_to(errors, target);
      double seconds = std::numeric_limits<double>::quiet_NaN();
      if (iterations >= 0)
        seconds = seconds_factor + seconds_of_iterations<double>(s, factor, iterations, study.repeat, study.workers);
      row["to"].push_back({{"error", target},
                           {"iterations", iterations < 0 ? Json(nullptr) : Json(iterations)},
                           {"seconds", number(seconds)}});
      out[{kind.name, target}] = seconds;
      line += cell(iterations, 1e3 * seconds) + "  ";
    }
    fmt::print("{:<20} {:>7} {:<13} {:>9.2f} {:>9.2f}  {}\n",
               graph.name,
               s.n(),
               kind.name,
               1e3 * seconds_plan,
               1e3 * seconds_factor,
               line);
    std::fflush(stdout);
    study.json["factors"].push_back(row);
  }
  return out;
}

void compare_sizes(Study& study, GraphKind kind) {
  std::vector<double> poses;
  std::map<std::pair<std::string, double>, std::vector<double>> ms;
  for (const std::int32_t size : {1000, 2000, 5000, 10'000, 20'000, 50'000}) {
    if (size > study.max_poses) break;
    auto graph = simulated_graph(kind, size);
    if (!graph) continue;
    poses.push_back(size);
    for (const auto& [key, seconds] : compare_factors(study, *graph)) ms[key].push_back(1e3 * seconds);
  }
  Figure figure(fmt::format("factor and solve, {}: energy error 0.01 (lines), 1e-6 (dashes)", name(kind)));
  figure.size(600, 380)
      .x_axis({.label = "poses", .unit = "", .scale = Scale::Log})
      .y_axis({.label = "time", .unit = "ms", .scale = Scale::Log});
  for (std::size_t k = 0; k < kKinds.size(); ++k)
    for (const double target : {1e-2, 1e-6}) {
      auto& line = ms[{kKinds[k].name, target}];
      line.resize(poses.size(), std::numeric_limits<double>::quiet_NaN());
      const bool rough = target == 1e-2;
      figure.line(rough ? kKinds[k].name : "", poses, line, {.ink = ink_of(k), .dashed = !rough});
      figure.points("", poses, line, {.ink = ink_of(k), .width_px = 4});
    }
  study.figures.emplace_back(fmt::format("solvers_size_{}", name(kind)), std::move(figure));
}

template <class V>
std::array<int, 2> iterations_of(Study& study, const StudySystem& s, StudyFactor& factor) {
  const auto errors = errors_of<V>(s, factor, 1e-4, 500, study.limit_s, study.workers);
  return {iterations_to(errors, 1e-2), iterations_to(errors, 1e-4)};
}

struct Stored {
  Format format;
  const char* name;
  std::vector<double> megabytes, speedup;  // of the factor in fp64; against it
};

void compare_formats(Study& study, StudyGraph& graph, std::vector<Stored>& formats) {
  graph.reset();
  StudySteps steps(graph, study.workers);
  steps.linearise();
  const StudySystem& s = steps.system();
  if (s.n() == 0 || !s.solved()) return;
  StudyFactor factor(s.H.pattern(), s.B(), FactorKind::Complete, study.workers);
  double seconds_fp64 = 0, bytes_fp64 = 0;
  for (Stored& format : formats) {
    const bool twice = format.format == Format::Double;
    const PreconditionerOptions how{
        .compute = twice ? Format::Double : Format::Single, .storage = format.format, .shift = twice ? 1e-13 : 1e-7};
    bool built = true;
    const double seconds_factor = best_seconds(study.repeat, [&] { built = factor.build(s.H, how); });
    if (!built) continue;
    const auto iterations = twice ? iterations_of<double>(study, s, factor) : iterations_of<float>(study, s, factor);
    const auto solve = [&]<class V>(V) {
      std::vector<V> r(s.gradient.begin(), s.gradient.end()), z(r.size());
      const int some = std::max(1, static_cast<int>(1e7 / static_cast<double>(factor.factor().bytes() + 1)));
      return best_seconds(4 * study.repeat,
                          [&] {
                            for (int k = 0; k < some; ++k) factor.apply(std::span<const V>(r), std::span<V>(z));
                          }) /
             some;
    };
    const double seconds = twice ? solve(double{}) : solve(float{});
    const double bytes = static_cast<double>(factor.factor().bytes());
    if (twice) seconds_fp64 = seconds, bytes_fp64 = bytes;
    const double speedup = seconds_fp64 / seconds;
    format.megabytes.push_back(1e-6 * bytes_fp64);
    format.speedup.push_back(speedup);
    const auto count = [](int k) { return k < 0 ? Json(nullptr) : Json(k); };
    study.json["formats"].push_back({{"graph", graph.name},
                                     {"poses", graph.num_poses},
                                     {"blocks", s.n()},
                                     {"format", format.name},
                                     {"factor_bytes", bytes},
                                     {"seconds_factor", seconds_factor},
                                     {"seconds_solve", seconds},
                                     {"bytes_per_second", 2 * bytes / seconds},
                                     {"speedup_vs_fp64", speedup},
                                     {"smallest_pivot", factor.factor().smallest_pivot()},
                                     {"iterations_to_1e-2", count(iterations[0])},
                                     {"iterations_to_1e-4", count(iterations[1])}});
    const auto text = [](int k) { return k < 0 ? std::string("-") : std::to_string(k); };
    fmt::print("{:<20} {:>7} {:<6} {:>9.2f} {:>9.2f} {:>9.3f} {:>7.1f} {:>7.2f} {:>9.1e} {:>6} {:>6}\n",
               graph.name,
               s.n(),
               format.name,
               1e-6 * bytes,
               1e3 * seconds_factor,
               1e3 * seconds,
               2e-9 * bytes / seconds,
               speedup,
               factor.factor().smallest_pivot(),
               text(iterations[0]),
               text(iterations[1]));
    std::fflush(stdout);
  }
}

void compare_orders(Study& study, StudyGraph& graph) {
  graph.reset();
  Linearisation linearisation(graph.problem(), mixed_precision(), study.workers);
  const BlockPattern& whole = linearisation.pattern();
  const BlockPattern rest = has_chains(whole) ? contract_chains(whole).rest : whole;
  const int B = linearisation.width();
  if (rest.n < 2) return;
  for (const OrderingKind kind : {OrderingKind::Amd, OrderingKind::NestedDissection}) {
    std::vector<std::int32_t> permutation;
    const double seconds = best_seconds(study.repeat, [&] { permutation = order(rest, kind); });
    const PanelLayout layout = complete_layout(rest, permutation, B);
    const double fill = static_cast<double>(layout.num_blocks()) / rest.num_blocks();
    study.json["orders"].push_back({{"graph", graph.name},
                                    {"poses", graph.num_poses},
                                    {"blocks", rest.n},
                                    {"order", name(kind)},
                                    {"seconds", seconds},
                                    {"gigaflop", 1e-9 * layout.flops(B)},
                                    {"fill", fill},
                                    {"seconds_factor_predicted", 1e-9 * layout.factor_ns(B)}});
    fmt::print("{:<20} {:>7} {:<18} {:>9.2f} {:>10.4f} {:>7.2f} {:>10.2f}\n",
               graph.name,
               rest.n,
               name(kind),
               1e3 * seconds,
               1e-9 * layout.flops(B),
               fill,
               1e-6 * layout.factor_ns(B));
    std::fflush(stdout);
  }
}

/// Graphs beyond those of the study: larger than the caches.
std::vector<StudyGraph> large_graphs(const Study& study) {
  std::vector<StudyGraph> out;
  for (const auto& [kind, size] : {std::pair{GraphKind::Home, 50'000},
                                   std::pair{GraphKind::Sphere, 20'000},
                                   std::pair{GraphKind::Sphere, 50'000}}) {
    if (size > study.max_poses) continue;
    if (auto graph = simulated_graph(kind, size)) out.push_back(std::move(*graph));
  }
  return out;
}

}  // namespace

void study_factors(Study& study) {
  fmt::print(
      "\n== complete and incomplete factors: iterations and ms of factor and solve to a relative energy error\n");
  fmt::print("{:<20} {:>7} {:<13} {:>9} {:>9}  {:>14}  {:>14}  {:>14}  {:>14}\n",
             "graph",
             "blocks",
             "factor",
             "plan ms",
             "factor ms",
             "1e-1",
             "1e-2",
             "1e-4",
             "1e-6");
  for (StudyGraph& graph : study.graphs) compare_factors(study, graph);
  compare_sizes(study, GraphKind::Home);
  compare_sizes(study, GraphKind::Sphere);
}

void study_formats(Study& study) {
  fmt::print(
      "\n== format of the stored factor: one solve, and iterations to 1e-2 and 1e-4 (recurrences as in mixed)\n");
  fmt::print("{:<20} {:>7} {:<6} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9} {:>6} {:>6}\n",
             "graph",
             "blocks",
             "format",
             "MB",
             "factor ms",
             "solve ms",
             "GB/s",
             "times",
             "pivot",
             "1e-2",
             "1e-4");
  std::vector<Stored> formats = {{Format::Double, "fp64", {}, {}},
                                 {Format::Single, "fp32", {}, {}},
                                 {Format::Half, "fp16", {}, {}},
                                 {Format::BFloat16, "bf16", {}, {}}};
  for (StudyGraph& graph : study.graphs) compare_formats(study, graph, formats);
  for (StudyGraph& graph : large_graphs(study)) compare_formats(study, graph, formats);
  Figure figure("one pair of triangular solves, against the same factor in fp64");
  figure.size(600, 380)
      .x_axis({.label = "factor in fp64", .unit = "MB", .scale = Scale::Log})
      .y_axis({.label = "times as fast", .unit = "", .scale = Scale::Log});
  for (std::size_t k = 1; k < formats.size(); ++k)
    figure.points(formats[k].name, formats[k].megabytes, formats[k].speedup, {.ink = ink_of(k - 1), .width_px = 6});
  study.figures.emplace_back("solvers_format", std::move(figure));
}

void study_ordering(Study& study) {
  fmt::print("\n== order of elimination, of what chains leave\n{:<20} {:>7} {:<18} {:>9} {:>10} {:>7} {:>10}\n",
             "graph",
             "blocks",
             "order",
             "order ms",
             "Gflop",
             "fill",
             "factor ms");
  for (StudyGraph& graph : study.graphs) compare_orders(study, graph);
  for (StudyGraph& graph : large_graphs(study)) compare_orders(study, graph);
}

}  // namespace pipit
