// A factor of your own: where is the beacon, when a robot on a known path measures only how far away it is?
#include <geom/se2.h>
#include <solve/euclidean.h>
#include <solve/minimise.h>

#include <cmath>
#include <cstdio>

struct Range {
  static constexpr int kDim = 1;  // one residual row
  using Variables = std::tuple<pipit::SE2<double>, pipit::Point2<double>>;
  double range_m, sigma_m;

  template <class T>  // double, float, or a dual number that carries the derivatives
  Eigen::Matrix<T, 1, 1> operator()(const pipit::SE2<T>& T_world_robot, const pipit::Point2<T>& beacon) const {
    const T distance = (beacon.v - T_world_robot.t).norm();
    return Eigen::Matrix<T, 1, 1>((distance - T(range_m)) / T(sigma_m));
  }
};

int main() {
  const Eigen::Vector2d truth(3, 4);
  pipit::Problem problem;
  const auto beacon = problem.add(pipit::Point2<double>{{1, 1}});  // a guess
  for (int i = 0; i < 20; ++i) {
    const pipit::SE2<double> T_world_robot{{0.5 * i, std::sin(0.5 * i)}, 0};
    const auto pose = problem.add(T_world_robot);
    problem.fix(pose);
    const double noise_m = 0.01 * std::cos(7.0 * i);
    problem.add_factor(Range{(truth - T_world_robot.t).norm() + noise_m, 0.01}, pose, beacon);
  }
  const pipit::Summary summary = pipit::minimise(problem);
  const Eigen::Vector2d found = problem[beacon].v;
  std::printf("beacon at (%.3f, %.3f) m, %s after %d iterations\n",
              found.x(),
              found.y(),
              name(summary.stop).data(),
              summary.iterations);
  return (found - truth).norm() < 0.02 ? 0 : 1;
}
