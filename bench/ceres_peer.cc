#include "ceres_peer.h"

#include <ceres/ceres.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <Eigen/Core>
#include <memory>

#include "graph/between.h"
#include "poses/chi2.h"

namespace pipit {
namespace {

// A pose as one block of 7: x y z qx qy qz qw. The tangent is Pipit's (translation and rotation in the body frame). A
// cost function delivers its derivative with respect to the tangent in the first six columns, and PlusJacobian picks
// them: the product with it is all that Ceres ever uses, and nothing is computed twice.
class PoseManifold final : public ceres::Manifold {
 public:
  int AmbientSize() const override { return 7; }
  int TangentSize() const override { return 6; }
  bool Plus(const double* x, const double* delta, double* out) const override {
    const SE3<double> moved = read(x).retract(Eigen::Map<const Eigen::Matrix<double, 6, 1>>(delta));
    Eigen::Map<Eigen::Vector3d>{out} = moved.t;
    Eigen::Map<Eigen::Vector4d>{out + 3} = moved.q.coeffs();
    return true;
  }
  bool PlusJacobian(const double*, double* jacobian) const override {
    Eigen::Map<Eigen::Matrix<double, 7, 6, Eigen::RowMajor>>{jacobian}.setIdentity();
    return true;
  }
  bool Minus(const double* y, const double* x, double* delta) const override {
    Eigen::Map<Eigen::Matrix<double, 6, 1>>{delta} = read(x).local(read(y));
    return true;
  }
  bool MinusJacobian(const double*, double* jacobian) const override {
    Eigen::Map<Eigen::Matrix<double, 6, 7, Eigen::RowMajor>>{jacobian}.setIdentity();
    return true;
  }
  static SE3<double> read(const double* x) { return {Eigen::Quaterniond(x + 3), Eigen::Vector3d(x)}; }
};

class CostSE3 final : public ceres::SizedCostFunction<6, 7, 7> {
 public:
  explicit CostSE3(const Edge<SE3<double>>& edge) : factor_(edge) {}
  bool Evaluate(const double* const* x, double* residuals, double** jacobians) const override {
    Eigen::Map<Eigen::Matrix<double, 6, 1>> r(residuals);
    const SE3<double> i = PoseManifold::read(x[0]), j = PoseManifold::read(x[1]);
    if (jacobians == nullptr) {
      r = factor_(i, j);
      return true;
    }
    Eigen::Matrix<double, 6, 1> value;
    Eigen::Matrix<double, 6, 6> J[2];
    factor_.linearise(i, j, value, J[0], J[1]);
    r = value;
    for (int k = 0; k < 2; ++k)
      if (jacobians[k] != nullptr) {
        Eigen::Map<Eigen::Matrix<double, 6, 7, Eigen::RowMajor>> out(jacobians[k]);
        out.leftCols<6>() = J[k];
        out.col(6).setZero();
      }
    return true;
  }

 private:
  BetweenSE3 factor_;
};

// In the plane a pose is a plain vector x, y, angle: no manifold. Derivatives turn from the body's frame to the
// world's.
class CostSE2 final : public ceres::SizedCostFunction<3, 3, 3> {
 public:
  explicit CostSE2(const Edge<SE2<double>>& edge) : factor_(edge) {}
  bool Evaluate(const double* const* x, double* residuals, double** jacobians) const override {
    Eigen::Map<Eigen::Vector3d> r(residuals);
    const SE2<double> i = read(x[0]), j = read(x[1]);
    if (jacobians == nullptr) {
      r = factor_(i, j);
      return true;
    }
    Eigen::Vector3d value;
    Eigen::Matrix3d J[2];
    factor_.linearise(i, j, value, J[0], J[1]);
    r = value;
    for (int k = 0; k < 2; ++k)
      if (jacobians[k] != nullptr) {
        Eigen::Map<Eigen::Matrix<double, 3, 3, Eigen::RowMajor>> out(jacobians[k]);
        out.leftCols<2>() = J[k].leftCols<2>() * (k == 0 ? i : j).rotation().transpose();
        out.col(2) = J[k].col(2);
      }
    return true;
  }
  static SE2<double> read(const double* x) { return {Eigen::Vector2d(x[0], x[1]), x[2]}; }

 private:
  BetweenSE2 factor_;
};

template <class Pose>
struct Blocks;
template <>
struct Blocks<SE3<double>> {
  using Cost = CostSE3;
  static constexpr std::size_t kSize = 7;
  static void write(const SE3<double>& pose, double* x) {
    Eigen::Map<Eigen::Vector3d>{x} = pose.t;
    Eigen::Map<Eigen::Vector4d>{x + 3} = pose.q.coeffs();
  }
  static SE3<double> read(const double* x) { return PoseManifold::read(x); }
};
template <>
struct Blocks<SE2<double>> {
  using Cost = CostSE2;
  static constexpr std::size_t kSize = 3;
  static void write(const SE2<double>& pose, double* x) { x[0] = pose.t.x(), x[1] = pose.t.y(), x[2] = pose.theta; }
  static SE2<double> read(const double* x) { return CostSE2::read(x); }
};

ceres::Solver::Options options_of(const std::string& setting, double tolerance, int num_threads) {
  ceres::Solver::Options o;
  o.linear_solver_type = ceres::SPARSE_NORMAL_CHOLESKY;
  o.sparse_linear_algebra_library_type = ceres::SUITE_SPARSE;
  o.num_threads = num_threads;
  o.max_num_iterations = 200;
  o.function_tolerance = tolerance;
  o.gradient_tolerance = 1e-30;  // only the relative decrease stops it, as Pipit
  o.parameter_tolerance = 1e-30;
  o.logging_type = ceres::SILENT;
  if (setting.find("wide") != std::string::npos)
    o.initial_trust_region_radius = 1e12;  // first steps are Gauss-Newton's
  if (setting.find("dogleg") != std::string::npos) o.trust_region_strategy_type = ceres::DOGLEG;
  if (setting.find("postorder") != std::string::npos) o.use_postordering = true;
  return o;
}

}  // namespace

std::vector<CeresSetting> ceres_settings() {
  return {{"LM", false},
          {"LM, postorder", false},
          {"LM wide", true},
          {"LM wide, postorder", true},
          {"dogleg", true},
          {"dogleg wide", true}};
}

template <class Pose>
Run run_ceres(const PoseGraph<Pose>& graph,
              const std::vector<Pose>& guess,
              const std::string& setting,
              double tolerance,
              int num_threads) {
  using B = Blocks<Pose>;
  std::vector<double> x(guess.size() * B::kSize);
  for (std::size_t p = 0; p < guess.size(); ++p) B::write(guess[p], x.data() + p * B::kSize);
  ceres::Problem::Options problem_options;
  problem_options.enable_fast_removal = false;
  problem_options.disable_all_safety_checks = true;
  ceres::Problem problem(problem_options);
  const auto block = [&](std::int32_t p) { return x.data() + static_cast<std::size_t>(p) * B::kSize; };
  ceres::Manifold* const manifold = Pose::kDim == 6 ? new PoseManifold : nullptr;  // one for all; the problem owns it
  for (std::int32_t p = 0; p < graph.num_poses(); ++p) problem.AddParameterBlock(block(p), B::kSize, manifold);
  for (const auto& edge : graph.edges)
    problem.AddResidualBlock(new typename B::Cost(edge), nullptr, block(edge.from), block(edge.to));
  for (const std::int32_t p : graph.fixed) problem.SetParameterBlockConstant(block(p));
  if (graph.fixed.empty()) problem.SetParameterBlockConstant(block(0));

  ceres::Solver::Summary summary;
  ceres::Solve(options_of(setting, tolerance, num_threads), &problem, &summary);

  Run run;
  run.seconds = summary.total_time_in_seconds;
  run.iterations = summary.num_successful_steps + summary.num_unsuccessful_steps;
  run.solver = setting + ", sparse Cholesky";
  for (const ceres::IterationSummary& it : summary.iterations)
    if (it.iteration == 0 || it.step_is_successful) run.diary.push_back({it.cumulative_time_in_seconds, 2 * (it.cost)});
  PoseGraph<Pose> end = graph;
  for (std::int32_t p = 0; p < graph.num_poses(); ++p) end.poses[static_cast<std::size_t>(p)] = B::read(block(p));
  run.chi2 = chi2(end);
  return run;
}

template Run run_ceres(const PoseGraph2&, const std::vector<SE2<double>>&, const std::string&, double, int);
template Run run_ceres(const PoseGraph3&, const std::vector<SE3<double>>&, const std::string&, double, int);

std::string ceres_version() { return CERES_VERSION_STRING; }

std::string blas_library() {
  Dl_info info{};
  void* gemm = dlsym(RTLD_DEFAULT, "dgemm_");
  if (gemm == nullptr || dladdr(gemm, &info) == 0 || info.dli_fname == nullptr) return "none";
  return info.dli_fname;
}

}  // namespace pipit
