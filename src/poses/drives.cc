#include "poses/drives.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

namespace pipit {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;
using Pose2 = SE2<double>;
using Pose3 = SE3<double>;
constexpr double kPi = std::numbers::pi;

/// Remembers, on a lattice of `cell` metres, which poses were where; keeps the first eight of each cell.
class PlaceMemory {
 public:
  explicit PlaceMemory(double cell) : cell_(cell) {}

  /// The nearest remembered pose within `radius` <= cell and 60 degrees that is at least `min_gap` older; -1: none.
  std::int32_t find(const std::vector<Pose2>& poses, std::int32_t now, double radius, std::int32_t min_gap) const {
    const Pose2& pose = poses[now];
    std::int32_t best = -1;
    double best_distance = radius;
    for (int dx = -1; dx <= 1; ++dx)
      for (int dy = -1; dy <= 1; ++dy) {
        const auto place = cells_.find(key(pose.t, dx, dy));
        if (place == cells_.end()) continue;
        for (const std::int32_t old : place->second.poses) {
          if (old < 0 || now - old < min_gap) continue;
          const double distance = (poses[old].t - pose.t).norm();
          if (distance >= best_distance || std::abs(wrap_angle(poses[old].theta - pose.theta)) > kPi / 3) continue;
          best = old;
          best_distance = distance;
        }
      }
    return best;
  }

  void remember(const std::vector<Pose2>& poses, std::int32_t now) {
    Cell& cell = cells_[key(poses[now].t, 0, 0)];
    if (cell.count < 8) cell.poses[cell.count++] = now;
  }

 private:
  struct Cell {
    std::int32_t poses[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int count = 0;
  };
  std::int64_t key(const Vector2d& t, int dx, int dy) const {
    const auto x = static_cast<std::int64_t>(std::floor(t.x() / cell_)) + dx;
    const auto y = static_cast<std::int64_t>(std::floor(t.y() / cell_)) + dy;
    return (x << 32) + y;
  }
  double cell_;
  std::unordered_map<std::int64_t, Cell> cells_;
};

/// Corridors side by side, joined by a hall at x = -1; rooms on both sides of each corridor, a door in each.
/// A flat of six rooms for a few hundred poses, a hospital wing for a million.
class Home {
 public:
  Home(std::int32_t num_poses, Random& random) : random_(random) {
    const int num_rooms = 6 + static_cast<int>(std::sqrt(static_cast<double>(num_poses)) / 8);
    num_corridors_ = std::max(1, static_cast<int>(std::sqrt(num_rooms / 6.0)));
    const int per_side = (num_rooms + 2 * num_corridors_ - 1) / (2 * num_corridors_);
    for (int corridor = 0; corridor < num_corridors_; ++corridor)
      for (const int side : {-1, 1}) {
        double x = 0;
        for (int k = 0; k < per_side; ++k) {
          const double width = random.uniform(3, 5);
          rooms_.push_back({corridor, side, x, x + width, random.uniform(3, 5)});
          x += width;
        }
      }
  }

  /// Waypoints of a visit: along corridors and hall to some room, through its door, around or across it, and out again.
  void visit(int& corridor, double x, std::vector<Vector2d>& way) {
    const Room& room = rooms_[random_.below(rooms_.size())];
    const double y_from = y_of(corridor), y_to = y_of(room.corridor);
    const double door = 0.5 * (room.x_min + room.x_max);
    way.push_back(near(x, y_from));
    if (room.corridor != corridor) {
      way.push_back(near(-1, y_from));
      way.push_back(near(-1, y_to));
    }
    corridor = room.corridor;
    const auto inside = [&](double at_x, double depth) { return near(at_x, y_to + room.side * (1 + depth)); };
    way.push_back(near(door, y_to));
    way.push_back(inside(door, 0.7));
    const double left = room.x_min + 0.6, right = room.x_max - 0.6, end = room.depth - 0.6;
    if (random_.uniform() < 0.5) {  // along the walls
      way.insert(way.end(), {inside(left, 0.7), inside(left, end), inside(right, end), inside(right, 0.7)});
    } else {  // back and forth
      bool forth = random_.uniform() < 0.5;
      for (double depth = 0.7; depth <= end; depth += 0.8, forth = !forth) {
        way.push_back(inside(forth ? left : right, depth));
        way.push_back(inside(forth ? right : left, depth));
      }
    }
    way.push_back(inside(door, 0.7));
    way.push_back(near(door, y_to));
  }

 private:
  struct Room {
    int corridor, side;
    double x_min, x_max, depth;
  };
  static double y_of(int corridor) { return 13.0 * corridor; }
  Vector2d near(double x, double y) { return {x + random_.uniform(-0.1, 0.1), y + random_.uniform(-0.1, 0.1)}; }

  Random& random_;
  int num_corridors_ = 1;
  std::vector<Room> rooms_;
};

/// Turns on the spot in steps of at most 45 degrees, then drives in steps of at most 0.25 m.
void follow(const Vector2d& target, std::size_t num_poses, std::vector<Pose2>& poses) {
  const Pose2 start = poses.back();
  const Vector2d leg = target - start.t;
  const double length = leg.norm();
  if (length < 1e-3) return;
  const double heading = std::atan2(leg.y(), leg.x()), turn = wrap_angle(heading - start.theta);
  const int turns = static_cast<int>(std::ceil(std::abs(turn) / (kPi / 4) - 1e-9));
  for (int k = 1; k < turns && poses.size() < num_poses; ++k)
    poses.push_back({start.t, wrap_angle(start.theta + turn * k / turns)});
  const int steps = static_cast<int>(std::ceil(length / 0.25));
  for (int k = 1; k <= steps && poses.size() < num_poses; ++k)
    poses.push_back({start.t + leg * (static_cast<double>(k) / steps), heading});
}

/// Rotation whose first axis points along `ahead` and whose third is close to `up`.
Eigen::Quaterniond looking(const Vector3d& ahead, const Vector3d& up) {
  Eigen::Matrix3d R;
  R.col(0) = ahead.normalized();
  R.col(1) = up.cross(ahead).normalized();
  R.col(2) = R.col(0).cross(R.col(1));
  return Eigen::Quaterniond(R).normalized();
}

Eigen::Quaterniond any_rotation(Random& random) {
  Eigen::Quaterniond q(random.normal(), random.normal(), random.normal(), random.normal());
  return q.normalized();
}

}  // namespace

Drive<Pose2> drive_home(std::int32_t num_poses, Random& random) {
  Drive<Pose2> drive;
  const auto wanted = static_cast<std::size_t>(num_poses);
  drive.poses.reserve(wanted);
  drive.poses.push_back({});
  Home home(num_poses, random);
  int corridor = 0;
  std::vector<Vector2d> way;
  while (drive.poses.size() < wanted) {
    way.clear();
    home.visit(corridor, drive.poses.back().t.x(), way);
    for (const Vector2d& target : way) follow(target, wanted, drive.poses);
  }
  PlaceMemory memory(0.5);
  for (std::int32_t now = 0; now < num_poses; ++now) {
    const std::int32_t old = memory.find(drive.poses, now, 0.5, 40);
    // Not every revisit is recognised: one in four.
    if (old >= 0 && random.uniform() < 0.25) drive.closures.emplace_back(old, now);
    memory.remember(drive.poses, now);
  }
  return drive;
}

Drive<Pose2> drive_city(std::int32_t num_poses, Random& random) {
  Drive<Pose2> drive;
  drive.poses.reserve(num_poses);
  // As many crossings as poses / 2: each is passed twice on average.
  const int side = std::max(4, static_cast<int>(std::sqrt(num_poses / 2.0)));
  std::vector<std::int32_t> first_visit(static_cast<std::size_t>(side) * side, -1);
  int x = side / 2, y = side / 2, heading = 0;
  const int step_x[4] = {1, 0, -1, 0}, step_y[4] = {0, 1, 0, -1};
  for (std::int32_t now = 0; now < num_poses; ++now) {
    drive.poses.push_back({Vector2d(x, y), wrap_angle(heading * kPi / 2)});
    std::int32_t& first = first_visit[static_cast<std::size_t>(y) * side + x];
    if (first < 0) {
      first = now;
    } else if (now - first > 10 && random.uniform() < 0.7) {
      drive.closures.emplace_back(first, now);
    }
    const double choice = random.uniform();
    if (choice < 0.3) heading = (heading + (choice < 0.15 ? 1 : 3)) % 4;
    const auto free = [&](int h) {
      const int nx = x + step_x[h], ny = y + step_y[h];
      return nx >= 0 && nx < side && ny >= 0 && ny < side;
    };
    while (!free(heading)) heading = (heading + (random.uniform() < 0.5 ? 1 : 3)) % 4;
    x += step_x[heading];
    y += step_y[heading];
  }
  return drive;
}

Drive<Pose3> drive_grid(std::int32_t num_poses, Random& random) {
  Drive<Pose3> drive;
  drive.poses.reserve(num_poses);
  const auto side = static_cast<std::int32_t>(std::ceil(std::cbrt(num_poses) - 1e-9));
  // Back and forth along x, then y, then z: consecutive poses are neighbours.
  const auto index_of = [side](std::int32_t x, std::int32_t y, std::int32_t z) {
    const std::int32_t row = z % 2 == 0 ? y : side - 1 - y;
    const std::int32_t rows_before = z * side + row;
    return rows_before * side + (rows_before % 2 == 0 ? x : side - 1 - x);
  };
  for (std::int32_t now = 0; now < num_poses; ++now) {
    const std::int32_t z = now / (side * side), row = now / side % side;
    const std::int32_t y = z % 2 == 0 ? row : side - 1 - row;
    const std::int32_t x = now / side % 2 == 0 ? now % side : side - 1 - now % side;
    drive.poses.push_back({any_rotation(random), Vector3d(x, y, z)});
    const auto tie = [&](std::int32_t old) {
      if (old < now - 1 && random.uniform() < 0.5) drive.closures.emplace_back(old, now);
    };
    if (y > 0 && index_of(x, y - 1, z) < now) tie(index_of(x, y - 1, z));
    if (y + 1 < side && index_of(x, y + 1, z) < now) tie(index_of(x, y + 1, z));
    if (z > 0) tie(index_of(x, y, z - 1));
  }
  return drive;
}

Drive<Pose3> drive_sphere(std::int32_t num_poses) {
  Drive<Pose3> drive;
  drive.poses.reserve(num_poses);
  const auto ring = std::max<std::int32_t>(3, static_cast<std::int32_t>(std::lround(std::sqrt(num_poses))));
  const double radius = ring / kPi;  // ring * 1 m from pole to pole; the widest ring has steps of 2 m
  for (std::int32_t now = 0; now < num_poses; ++now) {
    const double longitude = 2 * kPi * now / ring;
    const double latitude = -kPi / 2 + kPi * (now + 0.5) / num_poses;
    const Vector3d out(
        std::cos(latitude) * std::cos(longitude), std::cos(latitude) * std::sin(longitude), std::sin(latitude));
    const Vector3d ahead(-std::sin(longitude), std::cos(longitude), 0);
    drive.poses.push_back({looking(ahead, out), radius * out});
    if (now >= ring) drive.closures.emplace_back(now - ring, now);
  }
  return drive;
}

Drive<Pose3> drive_torus(std::int32_t num_poses) {
  Drive<Pose3> drive;
  drive.poses.reserve(num_poses);
  // Rings of r poses around the tube, 2 r of them around the hole.
  const auto ring = std::max<std::int32_t>(3, static_cast<std::int32_t>(std::lround(std::sqrt(num_poses / 2.0))));
  const double tube = ring / (2 * kPi), hole = 2 * tube;
  const std::int32_t rest = num_poses % ring, gap = 2 * rest >= ring ? rest : rest + ring;
  for (std::int32_t now = 0; now < num_poses; ++now) {
    const double around_tube = 2 * kPi * now / ring, around_hole = 2 * kPi * now / num_poses;
    const Vector3d centre_out(std::cos(around_hole), std::sin(around_hole), 0);
    const Vector3d out = std::cos(around_tube) * centre_out + std::sin(around_tube) * Vector3d::UnitZ();
    const Vector3d ahead = -std::sin(around_tube) * centre_out + std::cos(around_tube) * Vector3d::UnitZ();
    drive.poses.push_back({looking(ahead, out), hole * centre_out + tube * out});
    if (now >= ring) drive.closures.emplace_back(now - ring, now);
    // The last ring meets the first at the same place on the tube, one ring later or, when the rings do not come out
    // even, half a ring more or less.
    const std::int32_t first = now + gap - num_poses;
    if (first >= 0 && first < ring && num_poses > 3 * ring) drive.closures.emplace_back(first, now);
  }
  return drive;
}

}  // namespace pipit
