// Stale factors, inexact tolerances, chains: what whole solves take.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "solve/minimise.h"
#include "study.h"

namespace pipit {
namespace {

constexpr double kTolerance = 1e-6, kAgree = 1.00001;
const double kNaN = std::numeric_limits<double>::quiet_NaN();

MinimiseOptions mixed() {
  MinimiseOptions options;
  options.precision = mixed_precision();
  options.tolerance = kTolerance;
  return options;
}

/// Cost in fp64 from the chordal guess, to 1e-10: what the others must agree with.
double best_cost(StudyGraph& graph) {
  MinimiseOptions options = mixed();
  options.precision = double_precision();
  options.solver = SolverKind::Cholesky;
  options.tolerance = 1e-10;
  options.max_iterations = 500;
  graph.reset();
  return minimise(graph.problem(), options).cost_final;
}

// --- the factor of an earlier iterate ---

/// ||S (H - H0) S'|| / ||S H0 S'|| in the Frobenius norm, S the block scaling of H0.
double moved(const BlockSymmetric<double>& H, const BlockSymmetric<double>& H0) {
  const BlockScaling scaling = make_scaling(H0, {}, ScalingKind::Block);
  BlockSymmetric<double> difference = H0;
  for (std::size_t k = 0; k < difference.values().size(); ++k) difference.values()[k] = H.values()[k] - H0.values()[k];
  const int B = H0.B();
  std::vector<double> block(static_cast<std::size_t>(B) * B);
  const auto norm = [&](const BlockSymmetric<double>& A) {
    double sum = 0;
    for (int j = 0; j < A.n(); ++j)
      for (int k = A.pattern().col_begin[j]; k < A.pattern().col_begin[j + 1]; ++k) {
        const int i = A.pattern().row[k];
        fetch_block<double>(DampedMatrix<double>{&A, {}}, scaling, 0, {k, 0, 0, i, j, false}, block.data(), B);
        for (const double v : block) sum += (i == j ? 1 : 2) * v * v;
      }
    return std::sqrt(sum);
  };
  return norm(difference) / norm(H0);
}

void stale_factors(Study& study, StudyGraph& graph, Figure& figure, std::size_t place) {
  constexpr int kIterates = 6, kFactors = 3;
  constexpr PreconditionerOptions kMixed{.compute = Format::Single, .storage = Format::Half, .shift = 1e-7};
  graph.reset();
  StudySteps steps(graph, study.workers);
  std::vector<StudySystem> systems;
  for (int k = 0; k < kIterates; ++k) {
    steps.linearise();
    if (!steps.system().solved()) break;
    systems.push_back(steps.system());
    steps.step();
  }
  std::vector<double> x, y;
  for (std::size_t j = 0; j < std::min<std::size_t>(kFactors, systems.size()); ++j) {
    StudyFactor factor(systems[j].H.pattern(), systems[j].B(), FactorKind::Complete, study.workers);
    if (!factor.build(systems[j].H, kMixed)) continue;
    std::string line;
    for (std::size_t k = j; k < systems.size(); ++k) {
      const auto errors = errors_of<double>(systems[k], factor, 1e-2, 500, study.limit_s, study.workers);
      const double distance = k == j ? 0 : moved(systems[k].H, systems[j].H);
      const int rough = iterations_to(errors, 1e-1), fine = iterations_to(errors, 1e-2);
      const auto count = [](int n) { return n < 0 ? Json(nullptr) : Json(n); };
      study.json["stale"].push_back({{"graph", graph.name},
                                     {"factor_of_iterate", j},
                                     {"system_of_iterate", k},
                                     {"moved", distance},
                                     {"iterations_to_1e-1", count(rough)},
                                     {"iterations_to_1e-2", count(fine)}});
      line += fmt::format("  {}: {:.1e} {:>3}", k, distance, fine < 0 ? "-" : std::to_string(fine));
      if (k > j && fine > 0) x.push_back(distance), y.push_back(fine);
    }
    fmt::print("{:<20} {:>7}{}\n", graph.name, j, line);
    std::fflush(stdout);
  }
  figure.points(graph.name, x, y, {.ink = ink_of(place), .width_px = 6});
}

// --- whole solves ---

struct Solved {
  double seconds = std::numeric_limits<double>::infinity(), cost = 0;
  std::int64_t inner = 0, factorisations = 0;
  int iterations = 0;
  bool converged = false;

  /// The right answer within 1e-5, or no time is worth anything.
  bool agrees(double best) const { return converged && cost <= kAgree * best; }
};

/// Best of `repeat` runs of the minimiser.
Solved solve(Study& study, StudyGraph& graph, const MinimiseOptions& options) {
  Solved out;
  best_seconds(study.repeat, [&] {
    graph.reset();
    const Summary summary = minimise(graph.problem(), options);
    out = {std::min(out.seconds, summary.seconds.total),
           summary.cost_final,
           summary.linear.inner_iterations,
           summary.linear.factorisations,
           summary.iterations,
           summary.stop == Stop::Converged};
  });
  return out;
}

/// Full Gauss-Newton steps to a relative decrease of 1e-6, each linear system solved as `goal` of the cost says; three
/// rises are borne. Without a step control nothing but the linear systems differs. Symbolic work is counted.
Solved gauss_newton(StudyGraph& graph,
                    const LinearOptions& options,
                    const std::function<LinearGoal(double cost)>& goal,
                    double limit_s,
                    Workers& workers) {
  graph.reset();
  Problem& problem = graph.problem();
  Solved out;
  const Stopwatch watch;
  Linearisation linearisation(problem, mixed_precision(), workers);
  LinearSolver solver(linearisation.width(), options, workers);
  solver.analyse(linearisation.pattern());
  linearisation.prepare(solver.needs());
  std::vector<double> dx(static_cast<std::size_t>(linearisation.num_blocks() * linearisation.width()));
  double cost = linearisation.cost();
  bool refined = false;
  for (int rises = 0; !out.converged && rises <= 3 && out.iterations < 100 && watch.seconds() < limit_s;) {
    ++out.iterations;
    linearisation.linearise();
    solver.solve(linearisation.system(), {}, goal(cost), dx);
    if (solver.in_double() && !refined) {
      linearisation.refine();
      cost = linearisation.cost();
      refined = true;
    }
    for (const auto& set : problem.sets()) set->retract(dx, linearisation.width(), Format::Double, workers);
    const double trial = linearisation.cost();
    out.converged = std::fabs(cost - trial) <= kTolerance * cost;
    if (!(trial <= cost)) ++rises;
    if (!std::isfinite(trial)) break;
    cost = trial;
  }
  out.seconds = watch.seconds();
  out.cost = cost;
  out.inner = solver.report().inner_iterations;
  out.factorisations = solver.report().factorisations;
  return out;
}

Solved best_gauss_newton(Study& study,
                         StudyGraph& graph,
                         const LinearOptions& options,
                         const std::function<LinearGoal(double cost)>& goal) {
  Solved out;
  best_seconds(study.repeat, [&] {
    const double before = out.seconds;
    out = gauss_newton(graph, options, goal, study.limit_s, study.workers);
    out.seconds = std::min(out.seconds, before);
  });
  return out;
}

/// As the minimiser asks (kRelax, kShareOfTolerance, kTightEta in solve/minimise.cc).
LinearGoal own_rule(double cost) {
  return {.eta = 1e-3, .enough = 0.5 * kTolerance * cost, .relax = cost > 0 ? 1 / (30 * cost) : 0};
}

LinearOptions linear_mixed() {
  LinearOptions options;
  options.matrix = mixed_precision().matrix;
  return options;
}

Json row_of(const StudyGraph& graph, const Solved& solved, double best) {
  return {{"graph", graph.name},
          {"poses", graph.num_poses},
          {"seconds", solved.agrees(best) ? number(solved.seconds) : Json(nullptr)},
          {"iterations", solved.iterations},
          {"inner", solved.inner},
          {"factorisations", solved.factorisations},
          {"cost", number(solved.cost)},
          {"above_best", number(solved.cost / best - 1)},
          {"agrees", solved.agrees(best)}};
}

std::string cell(const Solved& solved, double best) {
  return solved.agrees(best)
             ? fmt::format("  {:>8.2f} {:>4} {:>2}", 1e3 * solved.seconds, solved.inner, solved.factorisations)
             : fmt::format("  {:>8} {:>4} {:>2}", "-", solved.inner, solved.factorisations);
}

void add_line(Figure& figure,
              const StudyGraph& graph,
              std::size_t place,
              const std::vector<double>& x,
              const std::vector<double>& y) {
  figure.line(graph.name, x, y, {.ink = ink_of(place)});
  figure.points("", x, y, {.ink = ink_of(place), .width_px = 4});
}

/// Graphs for the pictures: others would hide the lines.
bool is_shown(const StudyGraph& graph) {
  static const std::vector<std::string> kShown = {
      "sphere2500", "torus3D", "M3500", "kitti_05", "parking-garage", "CSAIL", "home 10000", "sphere 10000"};
  return std::find(kShown.begin(), kShown.end(), graph.name) != kShown.end();
}

void refresh_ages(Study& study, StudyGraph& graph, Figure& figure, std::size_t place) {
  const double best = best_cost(graph);
  std::vector<double> x, y;
  std::string line;
  double automatic = kNaN;
  for (const int age : {0, 1, 2, 4, 8, 16, 60}) {
    MinimiseOptions options = mixed();
    options.refresh_after = age;
    const Solved solved = solve(study, graph, options);
    Json row = row_of(graph, solved, best);
    row["refresh_after"] = age;
    study.json["refresh"].push_back(row);
    line += cell(solved, best);
    const double seconds = solved.agrees(best) ? solved.seconds : kNaN;
    if (age == 0) automatic = seconds;
    if (age > 0) x.push_back(age), y.push_back(seconds / automatic);
  }
  fmt::print("{:<20}{}\n", graph.name, line);
  std::fflush(stdout);
  if (is_shown(graph)) add_line(figure, graph, place, x, y);
}

void tolerances(Study& study, StudyGraph& graph, Figure& figure, std::size_t place) {
  const double best = best_cost(graph);
  const Solved minimiser = solve(study, graph, mixed());
  const Solved own = best_gauss_newton(study, graph, linear_mixed(), own_rule);
  std::string line = cell(minimiser, best) + cell(own, best);
  for (const auto& [rule, solved] : {std::pair{"minimiser", minimiser}, std::pair{"its rule in this loop", own}}) {
    Json row = row_of(graph, solved, best);
    row["rule"] = rule;
    study.json["tolerance"].push_back(row);
  }
  std::vector<double> x, y;
  for (const double eta : {0.5, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-6}) {
    const Solved solved =
        best_gauss_newton(study, graph, linear_mixed(), [&](double) { return LinearGoal{.eta = eta}; });
    Json row = row_of(graph, solved, best);
    row["rule"] = "constant";
    row["eta"] = eta;
    study.json["tolerance"].push_back(row);
    line += cell(solved, best);
    x.push_back(eta), y.push_back(solved.agrees(best) ? solved.seconds / own.seconds : kNaN);
  }
  fmt::print("{:<20}{}\n", graph.name, line);
  std::fflush(stdout);
  if (is_shown(graph) && own.agrees(best)) add_line(figure, graph, place, x, y);
}

void chains(Study& study, StudyGraph& graph) {
  graph.reset();
  const Linearisation linearisation(graph.problem(), mixed_precision(), study.workers);
  if (!has_chains(linearisation.pattern())) return;
  const double kept = static_cast<double>(contract_chains(linearisation.pattern()).kept.size()) /
                      static_cast<double>(linearisation.num_blocks());
  const double best = best_cost(graph);
  std::string line;
  double whole = kNaN, rest = kNaN;
  for (const bool condense : {false, true}) {
    LinearOptions options = linear_mixed();
    options.condense = condense;
    const Solved solved = best_gauss_newton(study, graph, options, own_rule);
    Json row = row_of(graph, solved, best);
    row["condense"] = condense;
    row["kept"] = kept;
    study.json["chains"].push_back(row);
    line += cell(solved, best);
    if (solved.agrees(best)) (condense ? rest : whole) = solved.seconds;
  }
  fmt::print("{:<20} {:>7.1f}{}  {:>6.2f}\n", graph.name, 100 * kept, line, whole / rest);
  std::fflush(stdout);
}

Figure ratio_figure(const char* title, const char* across) {
  Figure figure(title);
  figure.size(600, 380)
      .x_axis({.label = across, .unit = "", .scale = Scale::Log})
      .y_axis({.label = "time", .unit = "", .scale = Scale::Log});
  return figure;
}

}  // namespace

void study_stale(Study& study) {
  fmt::print(
      "\n== the factor of an earlier iterate: for each later system how far it has moved, iterations to 1e-2\n{:<20} "
      "{:>7}  system: moved iterations\n",
      "graph",
      "factor");
  Figure figure("the factor of iterate 0, 1 or 2 on later systems, to an energy error of 0.01");
  figure.size(600, 380)
      .x_axis({.label = "relative change of the scaled H since", .unit = "", .scale = Scale::Log})
      .y_axis({.label = "inner iterations", .unit = "", .scale = Scale::Log});
  std::size_t place = 0;
  for (StudyGraph& graph : study.graphs)
    if (is_shown(graph)) stale_factors(study, graph, figure, place++);
  study.figures.emplace_back("solvers_stale", std::move(figure));
}

void study_refresh(Study& study) {
  fmt::print("\n== whole solves: ms, inner iterations, factors, when a kept factor is renewed after so many\n{:<20}",
             "graph");
  for (const char* age : {"automatic", "1", "2", "4", "8", "16", "60"}) fmt::print("  {:>16}", age);
  fmt::print("\n");
  Figure figure = ratio_figure("whole solve: time over that of the automatic rule", "inner iterations before renewal");
  std::size_t place = 0;
  for (StudyGraph& graph : study.graphs) refresh_ages(study, graph, figure, is_shown(graph) ? place++ : 0);
  study.figures.emplace_back("solvers_refresh", std::move(figure));
}

void study_tolerance(Study& study) {
  fmt::print("\n== whole solves: ms, inner iterations, factors, for linear systems solved to a constant eta\n{:<20}",
             "graph");
  for (const char* eta : {"minimiser", "its rule here", "0.5", "0.3", "0.1", "0.03", "0.01", "1e-3", "1e-6"})
    fmt::print("  {:>16}", eta);
  fmt::print("\n");
  Figure figure = ratio_figure("whole solve: time over that of the minimiser's rule", "constant eta");
  std::size_t place = 0;
  for (StudyGraph& graph : study.graphs) tolerances(study, graph, figure, is_shown(graph) ? place++ : 0);
  study.figures.emplace_back("solvers_tolerance", std::move(figure));
}

void study_chains(Study& study) {
  fmt::print("\n== chains first: share of blocks kept (%); ms, inner iterations, factors without and with; times\n");
  for (StudyGraph& graph : study.graphs) chains(study, graph);
  for (const std::int32_t size : {1000, 3000, 20'000, 50'000})
    if (size <= study.max_poses)
      if (auto graph = simulated_graph(GraphKind::Home, size)) chains(study, *graph);
}

}  // namespace pipit
