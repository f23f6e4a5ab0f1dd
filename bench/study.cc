#include "study.h"

#include <cmath>
#include <numeric>

#include "bits/vector_ops.h"
#include "graph/initial_guess.h"
#include "sparse/choose.h"
#include "sparse/pcg.h"
#include "sparse/products.h"

namespace pipit {

Problem& StudyGraph::problem() {
  return std::visit([](auto& made) -> Problem& { return made->problem; }, made_);
}

Result<StudyGraph> study_graph(const std::string& name, AnyPoseGraph any) {
  return std::visit(
      [&]<class Pose>(PoseGraph<Pose>& graph) -> Result<StudyGraph> {
        Workers workers(1);
        auto guess = initial_guess(graph, Init::Chordal, workers);
        if (!guess) return guess.error();
        graph.poses = std::move(guess->poses);
        StudyGraph out;
        out.name = name;
        out.num_poses = static_cast<std::int32_t>(graph.poses.size());
        out.num_edges = static_cast<std::int32_t>(graph.edges.size());
        auto made = std::make_unique<GraphProblem<Pose>>(RobustLoss{});
        made->follow(graph);
        made->problem.save(1);
        out.made_ = std::move(made);
        return out;
      },
      any);
}

Result<StudyGraph> simulated_graph(GraphKind kind, std::int32_t num_poses) {
  AnySimulated simulated = simulate_graph({.kind = kind, .num_poses = num_poses});
  const std::string called = std::string(name(kind)) + " " + std::to_string(num_poses);
  return std::visit([&](auto& s) { return study_graph(called, std::move(s.graph)); }, simulated);
}

StudySteps::StudySteps(StudyGraph& graph, Workers& workers)
    : graph_(graph), workers_(workers), linearisation_(graph.problem(), mixed_precision(), workers) {
  linearisation_.prepare({.H = true, .format = Format::Double});
  condensed_ = has_chains(linearisation_.pattern());
  if (condensed_) condensation_.analyse(linearisation_.pattern(), linearisation_.width());
}

double StudySteps::linearise() {
  const double cost = linearisation_.linearise();
  const auto gradient = linearisation_.gradient();
  condensed_ = condensed_ && condensation_.build({&linearisation_.H64(), {}});
  if (condensed_) {
    system_.H = condensation_.matrix();
    system_.gradient.resize(static_cast<std::size_t>(system_.H.size()));
    condensation_.reduce(gradient, system_.gradient);
  } else {
    system_.H = linearisation_.H64();
    system_.gradient.assign(gradient.begin(), gradient.end());
  }
  // The exact answer: a factor in fp64 without a shift, and two rounds of refinement.
  const BlockSymmetric<double>& H = system_.H;
  const std::size_t size = system_.gradient.size();
  Preconditioner direct;
  direct.analyse(H.pattern(), best_layout(H.pattern(), H.B()).layout, true, H.B());
  system_.exact.assign(size, 0.0);
  system_.relative_residual = 1;
  if (!direct.build(DampedMatrix<double>{&H, {}},
                    make_scaling(H, {}, ScalingKind::Block),
                    false,
                    {.compute = Format::Double, .storage = Format::Double, .shift = 0, .retry = false},
                    workers_))
    return cost;
  const BlockRowIndex rows = row_index_of(H.pattern().col_begin, H.pattern().row);
  std::vector<double> r(size), z(size), Hx(size);
  for (int round = 0;; ++round) {
    multiply(H, rows, std::span<const double>(system_.exact), std::span<double>(Hx), workers_);
    for (std::size_t i = 0; i < size; ++i) r[i] = -system_.gradient[i] - Hx[i];
    system_.relative_residual = norm2(r) / norm2(system_.gradient);
    system_.energy = dot(system_.exact, Hx);
    if (round == 3) break;
    direct.apply(std::span<const double>(r), std::span<double>(z));
    axpy(1.0, z, system_.exact);
  }
  return cost;
}

void StudySteps::step() {
  std::vector<double> dx(static_cast<std::size_t>(linearisation_.num_blocks() * linearisation_.width()));
  if (condensed_)
    condensation_.extend(system_.exact, dx);
  else
    dx = system_.exact;
  for (const auto& set : graph_.problem().sets()) set->retract(dx, linearisation_.width(), Format::Double, workers_);
}

StudyFactor::StudyFactor(const BlockPattern& pattern, int B, FactorKind kind, Workers& workers)
    : kind_(kind), workers_(workers) {
  if (kind == FactorKind::Jacobi) return;
  const bool complete = kind == FactorKind::Complete;
  layout_ = complete ? best_layout(pattern, B).layout
                     : std::make_shared<const PanelLayout>(incomplete_layout(
                           pattern, order(pattern, OrderingKind::Natural), kind == FactorKind::Ic0 ? 0 : 2));
  factor_.analyse(pattern, layout_, complete, B);
}

bool StudyFactor::build(const BlockSymmetric<double>& H, const PreconditionerOptions& options) {
  scaling_ = make_scaling(H, {}, ScalingKind::Block);
  return kind_ == FactorKind::Jacobi || factor_.build(DampedMatrix<double>{&H, {}}, scaling_, false, options, workers_);
}

template <class V>
void StudyFactor::apply(std::span<const V> r, std::span<V> z) {
  if (kind_ != FactorKind::Jacobi) return factor_.apply(r, z);
  scale_vector<V>(scaling_, r, z);
  scale_vector_transposed<V>(scaling_, z, z);
}

namespace {

// Conjugate gradients that never find their answer good enough: `give_up` decides.
template <class V>
struct Solve {
  Solve(const StudySystem& system, StudyFactor& with, Workers& workers)
      : factor(with), product(Format::Double, Accumulate::Single, workers), b(system.gradient.size()), x(b.size()) {
    product.load({.H64 = &system.H}, system.n(), system.B());
    std::transform(
        system.gradient.begin(), system.gradient.end(), b.begin(), [](double g) { return static_cast<V>(-g); });
  }
  void run(int max_iterations, const std::function<bool()>* give_up) {
    constexpr double kNever = 1e-30;
    pcg<V>([&](std::span<const V> p, std::span<V> q) { return product(p, q); },
           [&](std::span<const V> r, std::span<V> z) { factor.apply(r, z); },
           [](std::span<const V>, std::span<V>) {},
           std::span<const V>(b),
           std::span<V>(x),
           {.eta = kNever, .max_iterations = max_iterations, .give_up = give_up},
           scratch);
  }
  StudyFactor& factor;
  Product<V> product;
  PcgScratch<V> scratch;
  std::vector<V> b, x;
};

}  // namespace

template <class V>
std::vector<double> errors_of(const StudySystem& system,
                              StudyFactor& factor,
                              double target,
                              int max_iterations,
                              double limit_s,
                              Workers& workers) {
  const BlockRowIndex rows = row_index_of(system.H.pattern().col_begin, system.H.pattern().row);
  std::vector<double> d(system.exact.size()), Hd(d.size()), errors{1.0};
  Solve<V> solve(system, factor, workers);
  const Stopwatch watch;
  const auto look = [&] {
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = static_cast<double>(solve.x[i]) - system.exact[i];
    multiply(system.H, rows, std::span<const double>(d), std::span<double>(Hd), workers);
    errors.push_back(std::sqrt(std::max(0.0, dot(d, Hd)) / system.energy));
  };
  const std::function<bool()> seen = [&] {
    look();
    return errors.back() <= target || watch.seconds() > limit_s;
  };
  solve.run(max_iterations, &seen);
  look();
  return errors;
}

int iterations_to(const std::vector<double>& errors, double target) {
  const auto at = std::find_if(errors.begin(), errors.end(), [&](double e) { return e <= target; });
  return at == errors.end() ? -1 : static_cast<int>(at - errors.begin());
}

template <class V>
double seconds_of_iterations(
    const StudySystem& system, StudyFactor& factor, int iterations, int repeat, Workers& workers) {
  Solve<V> solve(system, factor, workers);
  return best_seconds(repeat, [&] { solve.run(iterations, nullptr); });
}

template void StudyFactor::apply(std::span<const float>, std::span<float>);
template void StudyFactor::apply(std::span<const double>, std::span<double>);
template std::vector<double> errors_of<float>(const StudySystem&, StudyFactor&, double, int, double, Workers&);
template std::vector<double> errors_of<double>(const StudySystem&, StudyFactor&, double, int, double, Workers&);
template double seconds_of_iterations<float>(const StudySystem&, StudyFactor&, int, int, Workers&);
template double seconds_of_iterations<double>(const StudySystem&, StudyFactor&, int, int, Workers&);

}  // namespace pipit
