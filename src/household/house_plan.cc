#include "household/house_plan.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"

namespace pipit {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr double kCeiling = 2.6, kCorridorHalf = 1.0, kDoorHalf = 0.5, kDoorHeight = 2.0;
constexpr double kAside = 0.7;  // from the walls of a room to the way around its table

/// Where a ray leaves a box that it starts in or enters, and the axis of that face; enters: where it comes in, or
/// infinity where it misses.
struct Pass {
  double enters, leaves;
  int axis;
};
Pass through(const Box& box, const Vector3d& from, const Vector3d& way) {
  Pass pass{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), 0};
  for (int k = 0; k < 3; ++k) {
    if (way[k] == 0) {
      if (from[k] < box.low[k] || from[k] > box.high[k]) pass.enters = std::numeric_limits<double>::infinity();
      continue;
    }
    double in = (box.low[k] - from[k]) / way[k], out = (box.high[k] - from[k]) / way[k];
    if (in > out) std::swap(in, out);
    pass.enters = std::max(pass.enters, in);
    if (out < pass.leaves) pass.leaves = out, pass.axis = k;
  }
  if (pass.enters > pass.leaves) pass.enters = std::numeric_limits<double>::infinity();
  return pass;
}

}  // namespace

HousePlan::HousePlan(int num_rooms, Random& random) {
  expects(num_rooms >= 2, "HousePlan: at least two rooms");
  double end = 0;
  for (int k = 0; k < 2; ++k) {
    const int side = k == 0 ? 1 : -1;
    double x = 0;
    for (int r = 0; r < (num_rooms + 1 - k) / 2; ++r) {
      const double width = random.uniform(3, 5), depth = random.uniform(3, 5);
      const double near = kCorridorHalf, far = near + depth;
      Room room{.side = side, .box = {}, .door = x + width / 2, .furniture = {}};
      const auto at = [&](double along, double deep, double z) { return Vector3d(x + along, side * (near + deep), z); };
      const auto add = [&](const Vector3d& a, const Vector3d& b) {
        room.furniture.push_back({a.cwiseMin(b), a.cwiseMax(b)});
      };
      const Vector3d a(x, side * near, 0), b(x + width, side * far, kCeiling);
      room.box = {a.cwiseMin(b), a.cwiseMax(b)};
      // The table leaves half a metre to the way around it; shelves stand 0.3 m deep at two walls.
      const double free = kAside + 0.5;
      add(at(free, free, 0), at(width - free, depth - free, random.uniform(0.4, 1.2)));
      const double left = random.uniform(0, width / 2), low = random.uniform(0, depth / 2);
      add(at(left, depth - 0.3, 0), at(left + random.uniform(0.6, width / 2), depth, random.uniform(0.8, 2.2)));
      const double wall = random.uniform() < 0.5 ? 0 : width - 0.3;
      add(at(wall, low, 0), at(wall + 0.3, low + random.uniform(0.6, depth / 2), random.uniform(0.8, 2.2)));
      rooms_[static_cast<std::size_t>(k)].push_back(room);
      x += width;
    }
    end = std::max(end, x);
  }
  corridor_ = {{-2, -kCorridorHalf, 0}, {end + 2, kCorridorHalf, kCeiling}};
}

std::optional<int> HousePlan::cell_at(double x, double y) const {
  if (std::abs(y) <= kCorridorHalf) {
    if (x < corridor_.low.x() || x > corridor_.high.x()) return {};
    return -1;
  }
  const auto& side = rooms_[y > 0 ? 0 : 1];
  const auto next =
      std::upper_bound(side.begin(), side.end(), x, [](double at, const Room& r) { return at < r.box.low.x(); });
  if (next == side.begin()) return {};
  const auto room = next - 1;
  if (x > room->box.high.x() || std::abs(y) > std::abs(room->side > 0 ? room->box.high.y() : room->box.low.y()))
    return {};
  return static_cast<int>(room - side.begin());
}

std::optional<double> HousePlan::look(const Vector3d& from, const Vector3d& way) const {
  std::optional<int> cell = cell_at(from.x(), from.y());
  if (!cell) return {};
  std::size_t side = from.y() > 0 ? 0 : 1;
  // Corridor, room and back at most: a straight line meets each of the two walls of the corridor once.
  for (int doors = 0; doors < 4; ++doors) {
    const Room* room = *cell >= 0 ? &rooms_[side][static_cast<std::size_t>(*cell)] : nullptr;
    const Pass out = through(room != nullptr ? room->box : corridor_, from, way);
    double first = out.leaves;
    if (room != nullptr)
      for (const Box& piece : room->furniture)
        if (const double s = through(piece, from, way).enters; s > 0) first = std::min(first, s);
    const Vector3d p = from + first * way;
    const bool at_corridor = std::abs(std::abs(p.y()) - kCorridorHalf) < 1e-9;
    if (first < out.leaves || out.axis != 1 || !at_corridor || p.z() > kDoorHeight) return first;
    side = p.y() > 0 ? 0 : 1;
    const auto behind = cell_at(p.x(), p.y() + std::copysign(0.1, p.y()));
    if (!behind || *behind < 0) return first;
    if (std::abs(p.x() - rooms_[side][static_cast<std::size_t>(*behind)].door) > kDoorHalf) return first;
    cell = room != nullptr ? -1 : *behind;
  }
  return {};
}

std::vector<Vector2d> HousePlan::walk(double length, Random& random) const {
  std::vector<Vector2d> way{{corridor_.low.x() + 1, 0}};
  double walked = 0;
  const auto go = [&](double x, double y) {
    const Vector2d next(x, y);
    const double leg = (next - way.back()).norm();
    if (leg < 1e-9) return;
    walked += leg;
    way.push_back(next);
  };
  const Room* last = nullptr;
  while (walked < length) {
    const auto& side = rooms_[random.below(2)];
    const Room& room = side[random.below(side.size())];
    if (&room == last) continue;  // he would turn on the spot
    last = &room;
    const double left = room.box.low.x() + kAside, right = room.box.high.x() - kAside;
    const double near = room.side * (kCorridorHalf + kAside);
    const double far = room.side > 0 ? room.box.high.y() - kAside : room.box.low.y() + kAside;
    const bool turned = random.uniform() < 0.5;
    const double one = turned ? right : left, other = turned ? left : right;
    go(room.door, 0);
    go(room.door, near);
    go(one, near);
    go(one, far);
    go(other, far);
    go(other, near);
    go(room.door, near);
    go(room.door, 0);
  }
  return way;
}

std::vector<SE3<double>> camera_poses(const std::vector<Vector2d>& corners, double skip, double step, int count) {
  constexpr double kRound = 1.2;  // m of the way that a corner is spread over
  std::vector<double> at{0};      // m to each corner, and the integral of the place along the way up to it
  std::vector<Vector2d> sum{Vector2d::Zero()};
  for (std::size_t k = 1; k < corners.size(); ++k) {
    const double leg = (corners[k] - corners[k - 1]).norm();
    at.push_back(at.back() + leg);
    sum.push_back(sum.back() + leg / 2 * (corners[k] + corners[k - 1]));
  }
  expects(skip >= 0 && skip + step * (count - 1) + kRound <= at.back(), "camera_poses: the walk is too short");
  struct Spot {
    Vector2d place, integral;
  };
  const auto spot = [&](double s) -> Spot {
    const auto k = static_cast<std::size_t>(std::upper_bound(at.begin(), at.end() - 1, s) - at.begin());
    const double into = s - at[k - 1];
    const Vector2d place = corners[k - 1] + into / (at[k] - at[k - 1]) * (corners[k] - corners[k - 1]);
    return {place, sum[k - 1] + into / 2 * (corners[k - 1] + place)};
  };
  std::vector<SE3<double>> poses;
  poses.reserve(static_cast<std::size_t>(count));
  for (int k = 0; k < count; ++k) {
    const double s = skip + step * k;
    const Spot behind = spot(s), ahead = spot(s + kRound);
    // The mean place over the stretch, and its derivative: where the robot is and goes.
    const Vector2d place = (ahead.integral - behind.integral) / kRound, go = ahead.place - behind.place;
    const double heading = std::atan2(go.y(), go.x()), pitch = 0.03 * std::sin(2.1 * s),
                 roll = 0.02 * std::sin(3.7 * s);
    // x right, y down, z forward of a camera that looks along x.
    Eigen::Matrix3d level;
    level << 0, 0, 1, -1, 0, 0, 0, -1, 0;
    const Eigen::Quaterniond sway = Eigen::AngleAxisd(heading, Vector3d::UnitZ()) *
                                    Eigen::AngleAxisd(pitch, Vector3d::UnitY()) *
                                    Eigen::AngleAxisd(roll, Vector3d::UnitX());
    poses.push_back(
        {(sway * Eigen::Quaterniond(level)).normalized(), {place.x(), place.y(), 0.8 + 0.01 * std::sin(5.3 * s)}});
  }
  return poses;
}

}  // namespace pipit
