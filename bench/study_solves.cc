// Stale factors, inexact tolerances, chains: what whole solves take.
#include <fmt/format.h>

#include <array>
#include <cmath>

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
  const BlockScaling made = make_scaling(H0, {}, ScalingKind::Block);
  ScalingIn<double> scaling;
  scaling.take(made);
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

/// The best of `repeat` runs of each, four times as many where a round takes less than 50 ms. They take turns, so that
/// a busy machine slows all.
std::vector<Solved> in_turns(int repeat, const std::vector<std::function<Solved()>>& runs) {
  constexpr double kQuick = 0.05, kPatience = 20;
  std::vector<Solved> out(runs.size());
  const Stopwatch watch;
  for (int round = 0, rounds = repeat; round < rounds && (round == 0 || watch.seconds() < kPatience); ++round) {
    for (std::size_t k = 0; k < runs.size(); ++k) {
      Solved solved = runs[k]();
      solved.seconds = std::min(solved.seconds, out[k].seconds);
      out[k] = solved;
    }
    if (round == 0 && watch.seconds() < kQuick) rounds = 4 * repeat;
  }
  return out;
}

Solved solve(StudyGraph& graph, const MinimiseOptions& options) {
  graph.reset();
  const Summary summary = minimise(graph.problem(), options);
  return {summary.seconds.total,
          summary.cost_final,
          summary.linear.inner_iterations,
          summary.linear.factorisations,
          summary.iterations,
          summary.stop == Stop::Converged};
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
  for (int rises = 0; !out.converged && rises <= 3 && out.iterations < 100 && watch.seconds() < limit_s;) {
    ++out.iterations;
    linearisation.linearise();
    solver.solve(linearisation.system(), {}, goal(cost), dx);
    if (solver.in_double() && !linearisation.refined()) {
      linearisation.refine();
      cost = linearisation.cost();
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

/// Of times, where both answers are right.
double ratio(const Solved& a, const Solved& b, double best) {
  return a.agrees(best) && b.agrees(best) ? a.seconds / b.seconds : kNaN;
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
  constexpr std::array kAges = {0, 1, 2, 4, 8, 16, 60};
  const double best = best_cost(graph);
  std::vector<std::function<Solved()>> runs;
  for (const int age : kAges)
    runs.emplace_back([&graph, age] {
      MinimiseOptions options = mixed();
      options.refresh_after = age;
      return solve(graph, options);
    });
  const std::vector<Solved> solved = in_turns(study.repeat, runs);
  std::vector<double> x, y;
  std::string line;
  for (std::size_t k = 0; k < kAges.size(); ++k) {
    Json row = row_of(graph, solved[k], best);
    row["refresh_after"] = kAges[k];
    study.json["refresh"].push_back(row);
    line += cell(solved[k], best);
    if (k > 0) x.push_back(kAges[k]), y.push_back(ratio(solved[k], solved[0], best));
  }
  fmt::print("{:<20}{}\n", graph.name, line);
  std::fflush(stdout);
  if (is_shown(graph)) add_line(figure, graph, place, x, y);
}

void tolerances(Study& study, StudyGraph& graph, Figure& figure, std::size_t place) {
  constexpr std::array kEtas = {0.5, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-6};
  const double best = best_cost(graph);
  const auto loop = [&](const std::function<LinearGoal(double cost)>& goal) {
    return [&study, &graph, goal] { return gauss_newton(graph, linear_mixed(), goal, study.limit_s, study.workers); };
  };
  std::vector<std::function<Solved()>> runs{[&graph] { return solve(graph, mixed()); }, loop(own_rule)};
  for (const double eta : kEtas) runs.emplace_back(loop([eta](double) { return LinearGoal{.eta = eta}; }));
  const std::vector<Solved> solved = in_turns(study.repeat, runs);
  std::vector<double> x, y;
  std::string line;
  for (std::size_t k = 0; k < solved.size(); ++k) {
    Json row = row_of(graph, solved[k], best);
    row["rule"] = k == 0 ? "minimiser" : k == 1 ? "its rule in this loop" : "constant";
    if (k >= 2) row["eta"] = kEtas[k - 2];
    study.json["tolerance"].push_back(row);
    line += cell(solved[k], best);
    if (k >= 2) x.push_back(kEtas[k - 2]), y.push_back(ratio(solved[k], solved[1], best));
  }
  fmt::print("{:<20}{}\n", graph.name, line);
  std::fflush(stdout);
  if (is_shown(graph)) add_line(figure, graph, place, x, y);
}

void chains(Study& study, StudyGraph& graph) {
  graph.reset();
  const Linearisation linearisation(graph.problem(), mixed_precision(), study.workers);
  if (!has_chains(linearisation.pattern())) return;
  const double kept = static_cast<double>(contract_chains(linearisation.pattern()).kept.size()) /
                      static_cast<double>(linearisation.num_blocks());
  const double best = best_cost(graph);
  std::vector<std::function<Solved()>> runs;
  for (const bool condense : {false, true})
    runs.emplace_back([&study, &graph, condense] {
      LinearOptions options = linear_mixed();
      options.condense = condense;
      return gauss_newton(graph, options, own_rule, study.limit_s, study.workers);
    });
  const std::vector<Solved> solved = in_turns(study.repeat, runs);
  for (const bool condense : {false, true}) {
    Json row = row_of(graph, solved[condense], best);
    row["condense"] = condense;
    row["kept"] = kept;
    study.json["chains"].push_back(row);
  }
  fmt::print("{:<20} {:>7.1f}{}{}  {:>6.2f}\n",
             graph.name,
             100 * kept,
             cell(solved[0], best),
             cell(solved[1], best),
             ratio(solved[0], solved[1], best));
  std::fflush(stdout);
}

Figure ratio_figure(const char* title, const char* across) {
  Figure figure(title);
  figure.size(600, 380)
      .x_axis({.label = across, .unit = "", .scale = Scale::Log})
      .y_axis({.label = "relative time", .unit = "", .scale = Scale::Log});
  return figure;
}

}  // namespace

void study_stale(Study& study) {
  fmt::print(
      "\n== the factor of an earlier iterate: for each later system how far it has moved, iterations to 1e-2\n{:<20} "
      "{:>7}  system: moved iterations\n",
      "graph",
      "factor");
  Figure figure("an earlier factor: iterations to an energy error of 0.01");
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
