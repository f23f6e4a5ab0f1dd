#include "graph/chordal.h"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/contract.h"
#include "factor/block_scaling.h"
#include "geom/nearest_rotation.h"
#include "poses/chi2.h"
#include "sparse/choose.h"
#include "sparse/linear_solver.h"
#include "sparse/preconditioner.h"

namespace pipit {
namespace {

using Pose2 = SE2<double>;
using Pose3 = SE3<double>;
using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;

/// Normal equations A X = Y with blocks of B x B and K right-hand sides, a block row per node. Some nodes are held:
/// their X is given, and their terms move to the right-hand side.
template <int B, int K>
class BlockSystem {
 public:
  using Block = Eigen::Matrix<double, B, B>;
  using Part = Eigen::Matrix<double, B, K>;

  /// One node for each entry of `X`; held[i] != 0 says that X[i] is given. `pairs`: the off-diagonal blocks to come.
  BlockSystem(std::vector<Part> X, std::span<const char> held, const Pairs& pairs)
      : X_(std::move(X)), Y_(X_.size(), Part::Zero()), row_(X_.size(), -1) {
    std::int32_t num_rows = 0;
    for (std::size_t i = 0; i < X_.size(); ++i)
      if (!held[i]) row_[i] = num_rows++;
    Pairs places;
    places.reserve(pairs.size());
    for (const auto& [i, j] : pairs)
      if (row_[i] >= 0 && row_[j] >= 0) places.emplace_back(row_[i], row_[j]);
    A_ = BlockSymmetric<double>(std::make_shared<const BlockPattern>(make_pattern(num_rows, places)), B);
  }

  /// A(i, i) += part.
  void add(std::int32_t i, const Block& part) {
    if (row_[i] >= 0) block(A_.pattern().col_begin[row_[i]]) += part;
  }
  /// A(i, j) += part, A(j, i) += part'. Needs i != j.
  void add(std::int32_t i, std::int32_t j, const Block& part) {
    const std::int32_t r = row_[i], c = row_[j];
    if (r >= 0 && c >= 0) {
      const int k = A_.pattern().find(r, c);
      if (r > c) {
        block(k) += part;
      } else {
        block(k) += part.transpose();
      }
    } else if (r >= 0) {
      Y_[i] -= part * X_[j];
    } else if (c >= 0) {
      Y_[j] -= part.transpose() * X_[i];
    }
  }
  void add_right(std::int32_t i, const Part& part) { Y_[i] += part; }

  /// Solves for the nodes that are not held; false, and X as it was, when A is not positive definite.
  bool solve(Workers& workers, ChordalPlan* plan) {
    LinearOptions options;
    options.solver = SolverKind::Iccg;
    options.matrix = options.vectors = options.factor_compute = options.factor_storage = Format::Double;
    options.max_iterations = 200;
    ChordalPlan own;
    ChordalPlan& shared = plan != nullptr ? *plan : own;
    if (!shared.choice || shared.pattern != A_.pattern()) shared = {A_.pattern(), choose(A_.pattern(), B, options)};
    const LinearChoice& choice = *shared.choice;
    const std::size_t size = static_cast<std::size_t>(A_.size());
    std::vector<double> right(size), x(size);
    std::vector<Part> X = X_;
    const auto for_each_side = [&](const auto& solve_one) {
      for (int k = 0; k < K; ++k) {
        for (std::size_t i = 0; i < X.size(); ++i)
          for (int b = 0; row_[i] >= 0 && b < B; ++b) right[row_[i] * B + b] = Y_[i](b, k);
        if (!solve_one()) return false;
        for (std::size_t i = 0; i < X.size(); ++i)
          for (int b = 0; row_[i] >= 0 && b < B; ++b) X[i](b, k) = x[row_[i] * B + b];
      }
      return true;
    };
    bool solved = false;
    if (choice.factor == FactorKind::Complete) {  // one factor in fp64 serves all right-hand sides
      Preconditioner factor;
      factor.analyse(A_.pattern(), choice.layout, true, B);
      const PreconditionerOptions how{.compute = Format::Double, .storage = Format::Double, .shift = 0, .retry = false};
      solved =
          factor.build(DampedMatrix<double>{&A_, {}}, make_scaling(A_, {}, ScalingKind::Block), false, how, workers) &&
          for_each_side([&] {
            factor.apply(std::span<const double>(right), std::span<double>(x));
            return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
          });
    } else {  // too large for that: conjugate gradients, and what they reach is good enough for a guess
      LinearSolver solver(B, options, workers);
      solver.analyse(A_.pattern());
      solved = for_each_side([&] {
        for (double& y : right) y = -y;
        const LinearOutcome::Stop stop = solver.solve({.gradient = right, .H64 = &A_}, {}, {.eta = 1e-5}, x).stop;
        return stop == LinearOutcome::Stop::Converged || stop == LinearOutcome::Stop::MaxIterations;
      });
    }
    if (solved) X_ = std::move(X);
    return solved;
  }

  const std::vector<Part>& X() const { return X_; }

 private:
  Eigen::Map<Block> block(int k) { return Eigen::Map<Block>(A_.block(k)); }

  std::vector<Part> X_, Y_;
  std::vector<std::int32_t> row_;  // [nodes] row in A; -1 for held nodes
  BlockSymmetric<double> A_;
};

/// 1 / mean variance of the rotation, translation marginalised: the Schur complement of W is the inverse of that
/// covariance.
template <class Pose>
double rotation_weight(const Edge<Pose>& edge) {
  constexpr int D = Pose::kDim, N = D == 3 ? 2 : 3, M = D - N;
  const auto& W = edge.information;
  Eigen::Matrix<double, M, M> S = W.template bottomRightCorner<M, M>();
  const Eigen::Matrix<double, N, M> cross = W.template topRightCorner<N, M>();
  if (!cross.isZero(0)) S -= cross.transpose() * W.template topLeftCorner<N, N>().llt().solve(cross);
  if constexpr (M == 1) {
    return S(0, 0);
  } else {
    return 3 / S.inverse().trace();
  }
}

template <class Pose>
Pairs pairs_of(const PoseGraph<Pose>& graph) {
  Pairs pairs;
  pairs.reserve(graph.num_edges());
  for (const auto& edge : graph.edges) pairs.emplace_back(edge.from, edge.to);
  return pairs;
}

}  // namespace

template <class Pose>
bool relax_rotations(const PoseGraph<Pose>& graph,
                     std::span<const char> held,
                     std::span<Pose> poses,
                     Workers& workers,
                     ChordalPlan* plan) {
  // Row k of R_j is row k of R_i times R_ij. Written as columns, x_j = R_ij' x_i: in space one unknown of three numbers
  // and three right-hand sides; in the plane the first column (c, s) of R_j is R_ij times that of R_i, one right-hand
  // side.
  constexpr bool plane = Pose::kDim == 3;
  constexpr int B = plane ? 2 : 3, K = plane ? 1 : 3;
  using System = BlockSystem<B, K>;
  expects(held.size() == graph.poses.size() && poses.size() == held.size(), "relax_rotations: lengths differ");
  std::vector<typename System::Part> X(poses.size());
  for (std::size_t i = 0; i < X.size(); ++i) {
    if constexpr (plane) {
      X[i] << std::cos(poses[i].theta), std::sin(poses[i].theta);
    } else {
      X[i] = poses[i].q.toRotationMatrix().transpose();
    }
  }
  System system(std::move(X), held, pairs_of(graph));
  for (const Edge<Pose>& edge : graph.edges) {
    const double w = rotation_weight(edge);
    typename System::Block C = edge.T_from_to.rotation();  // x_to = C x_from
    if constexpr (!plane) C.transposeInPlace();
    system.add(edge.from, w * System::Block::Identity());
    system.add(edge.to, w * System::Block::Identity());
    system.add(edge.to, edge.from, -w * C);
  }
  if (!system.solve(workers, plan)) return false;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    const auto& x = system.X()[i];
    if (held[i] || !(x.norm() > 1e-8)) continue;
    if constexpr (plane) {
      poses[i].theta = std::atan2(x[1], x[0]);
    } else {
      poses[i].q = Eigen::Quaterniond(nearest_rotation(x.transpose())).normalized();
    }
  }
  return true;
}

template <class Pose>
bool solve_places(const PoseGraph<Pose>& graph,
                  std::span<const char> held,
                  std::span<Pose> poses,
                  std::span<Eigen::Vector2d> landmarks,
                  Workers& workers,
                  ChordalPlan* plan) {
  constexpr int D = Pose::kDim, N = D == 3 ? 2 : 3, M = D - N;
  using System = BlockSystem<N, 1>;
  using Vector = Eigen::Matrix<double, N, 1>;
  expects(held.size() == graph.poses.size() && poses.size() == held.size(), "solve_places: lengths differ");
  expects(landmarks.size() == graph.landmarks.size(), "solve_places: wrong number of landmarks");
  std::vector<Vector> X(poses.size() + landmarks.size(), Vector::Zero());
  std::vector<char> all_held(held.begin(), held.end());
  all_held.resize(X.size(), 0);
  for (std::size_t i = 0; i < poses.size(); ++i)
    if (held[i]) X[i] = poses[i].t;
  Pairs pairs = pairs_of(graph);
  const std::int32_t num_poses = graph.num_poses();
  for (const auto& edge : graph.landmark_edges) pairs.emplace_back(edge.pose, num_poses + edge.landmark);

  System system(std::move(X), all_held, pairs);
  // One term: |Q (x_j - x_i) - z| in W, plus what pulls from elsewhere (g): H = Q'WQ, right side Q'(W z - g).
  const auto add_term = [&](std::int32_t i, std::int32_t j, const Eigen::Matrix<double, N, N>& H, const Vector& b) {
    system.add(i, H);
    system.add(j, H);
    system.add(j, i, -H);
    system.add_right(j, b);
    system.add_right(i, -b);
  };
  for (const Edge<Pose>& edge : graph.edges) {
    Pose from = poses[edge.from], to = poses[edge.to];
    from.t.setZero();
    to.t.setZero();
    const auto r = edge_error(from, to, edge.T_from_to);  // error of coinciding places: -z, and the rotation's error
    const Eigen::Matrix<double, N, N> Q = (from.rotation() * edge.T_from_to.rotation()).transpose();
    const Eigen::Matrix<double, N, N> W = edge.information.template topLeftCorner<N, N>();
    const Eigen::Matrix<double, N, M> cross = edge.information.template topRightCorner<N, M>();
    add_term(edge.from,
             edge.to,
             Q.transpose() * W * Q,
             -(Q.transpose() * (W * r.template head<N>() + cross * r.template tail<M>())));
  }
  if constexpr (D == 3) {
    for (const LandmarkEdge& edge : graph.landmark_edges) {
      const Eigen::Matrix2d R = poses[edge.pose].rotation();
      add_term(
          edge.pose, num_poses + edge.landmark, R * edge.information * R.transpose(), R * (edge.information * edge.xy));
    }
  }
  if (!system.solve(workers, plan)) return false;
  for (std::size_t i = 0; i < poses.size(); ++i)
    if (!held[i]) poses[i].t = system.X()[i];
  if constexpr (D == 3)
    for (std::size_t i = 0; i < landmarks.size(); ++i) landmarks[i] = system.X()[poses.size() + i];
  return true;
}

template bool relax_rotations(const PoseGraph2&, std::span<const char>, std::span<Pose2>, Workers&, ChordalPlan*);
template bool relax_rotations(const PoseGraph3&, std::span<const char>, std::span<Pose3>, Workers&, ChordalPlan*);
template bool solve_places(
    const PoseGraph2&, std::span<const char>, std::span<Pose2>, std::span<Eigen::Vector2d>, Workers&, ChordalPlan*);
template bool solve_places(
    const PoseGraph3&, std::span<const char>, std::span<Pose3>, std::span<Eigen::Vector2d>, Workers&, ChordalPlan*);

}  // namespace pipit
