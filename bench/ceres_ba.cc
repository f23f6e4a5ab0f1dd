#include "ceres_ba.h"

#include <ceres/ceres.h>

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/contract.h"

namespace pipit {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;
template <int Rows, int Columns>
using RowMajor = Eigen::Matrix<double, Rows, Columns, Eigen::RowMajor>;

// A view is a block of plain numbers, as in Ceres' own example: angle-axis w, shift t, and f, k1, k2 of a BAL camera.
// What all observations of a view share is computed once for each point of evaluation, by Ceres' callback for that:
// nothing is left to do for an observation but some products of small matrices. (With jets it takes three times as
// long.)
struct SharedView {
  Matrix3d R = Matrix3d::Zero(), turn = Matrix3d::Zero();  // turn: J_r(w);  d (R p) / d w = -R [p]x J_r(w)
  Vector3d t = Vector3d::Zero();
  std::array<double, kNumLens> lens{};
};

class Blocks final : public ceres::EvaluationCallback {
 public:
  explicit Blocks(const Scene& scene) : scene_(scene) {
    std::vector<bool> used(scene.cameras.size());
    for (const View& view : scene.views) {
      const auto k = static_cast<std::size_t>(view.camera);
      const Camera& camera = scene.cameras[k];
      expects(!is_fisheye(camera.model), "run_ceres_ba: no fisheyes");
      const bool bal = camera.model == CameraModel::Bal;
      expects(!bal || (!used[k] && scene.third == Third::None),
              "run_ceres_ba: every BAL camera belongs to one view and sees no third number");
      used[k] = true;
      const bool kept = SO3<double>::exp(view.turn).q.coeffs() == view.T_cam_world.q.coeffs();
      const Vector3d w = kept ? view.turn : view.T_cam_world.so3().log();
      std::array<double, 9> x{w[0], w[1], w[2], view.T_cam_world.t[0], view.T_cam_world.t[1], view.T_cam_world.t[2]};
      for (std::size_t p = 0; bal && p < 3; ++p) x[6 + p] = camera.parameters[p];
      views.push_back(x);
      sizes.push_back(bal ? 9 : 6);
      shared.emplace_back().lens = camera.lens();
    }
    points = scene.points;
    PrepareForEvaluation(true, true);
  }
  void PrepareForEvaluation(bool, bool new_point) override {
    if (!new_point) return;
    for (std::size_t v = 0; v < views.size(); ++v) {
      const std::array<double, 9>& x = views[v];
      const Vector3d w(x[0], x[1], x[2]);
      SharedView& s = shared[v];
      s.R = SO3<double>::exp(w).matrix();
      s.turn = SO3<double>::right_jacobian(w);
      s.t = {x[3], x[4], x[5]};
      if (sizes[v] == 9) s.lens[kFx] = s.lens[kFy] = -x[6], s.lens[kD1] = x[7], s.lens[kD2] = x[8];
    }
  }
  Scene scene() const {
    Scene out = scene_;
    for (std::size_t v = 0; v < views.size(); ++v) {
      const std::array<double, 9>& x = views[v];
      View& view = out.views[v];
      if (view.fixed) continue;
      view.turn = {x[0], x[1], x[2]};
      view.T_cam_world = {SO3<double>::exp(view.turn).q, {x[3], x[4], x[5]}};
      if (sizes[v] == 9)
        for (std::size_t p = 0; p < 3; ++p) out.cameras[static_cast<std::size_t>(view.camera)].parameters[p] = x[6 + p];
    }
    out.points = points;
    return out;
  }

  std::vector<std::array<double, 9>> views;  // the first sizes[v] count
  std::vector<int> sizes;
  std::vector<Vector3d> points;
  std::vector<SharedView> shared;

 private:
  const Scene& scene_;
};

/// Rows: u, v and, of three, the third number. Size: of a view's block.
template <int Rows, int Size>
class Seen final : public ceres::SizedCostFunction<Rows, Size, 3> {
 public:
  Seen(const Scene& scene, const Observation& o, const SharedView& view)
      : o_(o), view_(view), third_(scene.third), behind_too_(Size == 9) {
    if (third_ == Third::RightU) scale_ = scene.baseline_m;
    if (third_ == Third::Depth) scale_ = 1 / (scene.depth_sigma * o.third * o.third);
  }
  bool Evaluate(const double* const* x, double* residuals, double** jacobians) const override {
    const Eigen::Map<const Vector3d> point(x[1]);
    const Vector3d turned = view_.R * point, p = turned + view_.t;
    // As Camera::sight: a point that is not before its camera is not seen and costs nothing.
    const double ahead = behind_too_ ? std::abs(p.z()) : p.z();
    if (!(ahead > 1e-9 * p.norm())) {
      std::fill_n(residuals, Rows, 0.0);
      for (int k = 0; jacobians != nullptr && k < 2; ++k)
        if (jacobians[k] != nullptr) std::fill_n(jacobians[k], Rows * (k == 0 ? Size : 3), 0.0);
      return true;
    }
    const auto sight = through_radial_tangential(view_.lens, std::array<double, 3>{p.x(), p.y(), p.z()});
    residuals[0] = sight.pixel[0] - o_.u;
    residuals[1] = sight.pixel[1] - o_.v;
    RowMajor<Rows, 3> by_p;
    for (int r = 0; r < 2; ++r)
      for (int k = 0; k < 3; ++k) by_p(r, k) = sight.by_point[static_cast<std::size_t>(r)][static_cast<std::size_t>(k)];
    if constexpr (Rows == 3) {
      if (third_ == Third::RightU) {
        const double shift = view_.lens[kFx] * scale_ / p.z();
        residuals[2] = sight.pixel[0] - shift - o_.third;
        by_p.row(2) = by_p.row(0);
        by_p(2, 2) += shift / p.z();
      } else {
        residuals[2] = (p.z() - o_.third) * scale_;
        by_p.row(2) << 0, 0, scale_;
      }
    }
    if (jacobians == nullptr) return true;
    const RowMajor<Rows, 3> by_point = by_p * view_.R;
    if (jacobians[1] != nullptr) Eigen::Map<RowMajor<Rows, 3>>{jacobians[1]} = by_point;
    if (jacobians[0] != nullptr) {
      Eigen::Map<RowMajor<Rows, Size>> out(jacobians[0]);
      const Vector3d at = point;
      out.template leftCols<3>() = -(by_point * hat(at)) * view_.turn;
      out.template middleCols<3>(3) = by_p;
      if constexpr (Size == 9)
        for (int r = 0; r < 2; ++r) {
          const auto& by_lens = sight.by_lens[static_cast<std::size_t>(r)];
          out(r, 6) = -(by_lens[kFx] + by_lens[kFy]);  // BAL: fx = fy = -f
          out(r, 7) = by_lens[kD1];
          out(r, 8) = by_lens[kD2];
        }
    }
    return true;
  }

 private:
  Observation o_;
  const SharedView& view_;
  Third third_;
  bool behind_too_;
  double scale_ = 0;
};

ceres::Solver::Options options_of(const CeresBaOptions& o) {
  static const std::map<std::string, std::pair<ceres::LinearSolverType, bool>> kTypes = {
      {"dense schur", {ceres::DENSE_SCHUR, false}},
      {"sparse schur", {ceres::SPARSE_SCHUR, false}},
      {"implicit schur", {ceres::ITERATIVE_SCHUR, false}},
      {"explicit schur", {ceres::ITERATIVE_SCHUR, true}}};
  const auto type = kTypes.find(o.setting);
  expects(type != kTypes.end(), "run_ceres_ba: no such setting");
  ceres::Solver::Options out;
  out.linear_solver_type = type->second.first;
  out.use_explicit_schur_complement = type->second.second;
  out.preconditioner_type = ceres::SCHUR_JACOBI;
  out.sparse_linear_algebra_library_type = ceres::SUITE_SPARSE;
  out.dense_linear_algebra_library_type = ceres::LAPACK;
  out.num_threads = o.num_threads;
  out.max_num_iterations = o.max_iterations;
  out.function_tolerance = o.tolerance;
  out.gradient_tolerance = 1e-30;  // only the relative decrease stops it, as Pipit
  out.parameter_tolerance = 1e-30;
  out.logging_type = ceres::SILENT;
  return out;
}

}  // namespace

std::vector<std::string> ceres_ba_settings() {
  return {"dense schur", "sparse schur", "implicit schur", "explicit schur"};
}

BundleRun run_ceres_ba(const Scene& scene, const CeresBaOptions& options) {
  const MemoryWatch memory(options.watch_memory);
  BundleRun run;
  run.name = "Ceres, " + options.setting;
  {
    Blocks blocks(scene);
    ceres::Problem::Options problem_options;
    problem_options.enable_fast_removal = false;
    problem_options.disable_all_safety_checks = true;
    problem_options.evaluation_callback = &blocks;
    ceres::Problem problem(problem_options);
    ceres::Solver::Options solver = options_of(options);
    solver.linear_solver_ordering = std::make_shared<ceres::ParameterBlockOrdering>();
    for (Vector3d& p : blocks.points) {
      problem.AddParameterBlock(p.data(), 3);
      solver.linear_solver_ordering->AddElementToGroup(p.data(), 0);
    }
    for (std::size_t v = 0; v < blocks.views.size(); ++v) {
      problem.AddParameterBlock(blocks.views[v].data(), blocks.sizes[v]);
      solver.linear_solver_ordering->AddElementToGroup(blocks.views[v].data(), 1);
      if (scene.views[v].fixed) problem.SetParameterBlockConstant(blocks.views[v].data());
    }
    const bool three = scene.third != Third::None;
    for (const Observation& o : scene.observations) {
      const auto v = static_cast<std::size_t>(o.view);
      const SharedView& shared = blocks.shared[v];
      ceres::CostFunction* seen = nullptr;
      if (blocks.sizes[v] == 9)
        seen = new Seen<2, 9>(scene, o, shared);
      else if (three)
        seen = new Seen<3, 6>(scene, o, shared);
      else
        seen = new Seen<2, 6>(scene, o, shared);
      problem.AddResidualBlock(
          seen, nullptr, blocks.views[v].data(), blocks.points[static_cast<std::size_t>(o.point)].data());
    }
    ceres::Solver::Summary summary;
    ceres::Solve(solver, &problem, &summary);

    run.seconds = summary.total_time_in_seconds;
    run.iterations = summary.num_successful_steps + summary.num_unsuccessful_steps;
    run.linear_s = summary.linear_solver_time_in_seconds;
    run.jacobian_s = summary.jacobian_evaluation_time_in_seconds;
    run.residual_s = summary.residual_evaluation_time_in_seconds;
    run.setup_s = summary.preprocessor_time_in_seconds;
    for (const ceres::IterationSummary& it : summary.iterations)
      if (it.iteration == 0 || it.step_is_successful) run.diary.push_back({it.cumulative_time_in_seconds, it.cost});
    run.peak_mb = memory.peak_mb();
    run.end = blocks.scene();
  }
  const SceneError error = error_of(run.end);
  run.cost = error.cost;
  run.not_seen = error.not_seen;
  return run;
}

}  // namespace pipit
