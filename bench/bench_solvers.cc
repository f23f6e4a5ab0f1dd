// bench_solvers — the measurements behind docs/decisions/sparse_solver.md: the linear core on real graphs, one thread.
//
//   bench_solvers [--data DIR] [--graph NAME]... [--part NAME]... [--repeat N] [--max-poses N] [--limit SECONDS]
//                 [--json FILE] [--plots DIR]
//
// Parts: factors, formats, ordering, stale, refresh, tolerance, chains (default: all). Systems are those of the chordal
// guess of the public graphs in DIR and of simulated ones. No time counts before its answer has been checked: a linear
// one by its true error against a direct solve in fp64, a whole solve by its cost.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/text.h"
#include "pin.h"
#include "poses/g2o_io.h"
#include "study.h"

namespace pipit {
namespace {

struct Part {
  const char* name;
  void (*run)(Study&);
};
constexpr Part kParts[] = {{"factors", study_factors},
                           {"formats", study_formats},
                           {"ordering", study_ordering},
                           {"stale", study_stale},
                           {"refresh", study_refresh},
                           {"tolerance", study_tolerance},
                           {"chains", study_chains}};

// Those of script/long graphs, but for what is too small to time and for variants of the others.
constexpr const char* kPublic[] = {"sphere2500",
                                   "torus3D",
                                   "torus10000",
                                   "parking-garage",
                                   "M3500",
                                   "ringCity",
                                   "kitti_05",
                                   "kitti_06",
                                   "intel943",
                                   "CSAIL",
                                   "INTEL1228",
                                   "MIT"};

struct Options {
  std::string data, json, plots;
  std::vector<std::string> graphs, parts;  ///< empty: all
};

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
}

int fail(const std::string& why) {
  fmt::print(stderr, "bench_solvers: {}\n", why);
  return 1;
}

void take(const Options& o, Study& study, Result<StudyGraph> graph, const std::string& name) {
  if (!graph) return fmt::print("{:<20} left out: {}\n", name, graph.error().message);
  if (graph->num_poses <= study.max_poses && contains(o.graphs, name)) study.graphs.push_back(std::move(*graph));
}

void gather(const Options& o, Study& study) {
  for (const std::string name : kPublic) {
    if (o.data.empty() || !contains(o.graphs, name)) continue;
    std::string path = o.data + "/" + name + ".g2o";
    if (!std::filesystem::exists(path)) path = o.data + "/" + name + ".txt";
    auto graph = read_pose_graph(path);
    if (graph)
      take(o, study, study_graph(name, std::move(*graph)), name);
    else
      fmt::print("{:<20} left out: {}\n", name, graph.error().message);
  }
  for (const auto& [kind, size] : {std::pair{GraphKind::Home, 10'000}, std::pair{GraphKind::Sphere, 10'000}}) {
    const std::string called = fmt::format("{} {}", name(kind), size);
    if (size <= study.max_poses && contains(o.graphs, called)) take(o, study, simulated_graph(kind, size), called);
  }
}

int run(const Options& o, Study& study) {
  if (!o.data.empty() && !std::filesystem::is_directory(o.data)) return fail(o.data + ": no folder of pose graphs");
  if (!pin_to_core()) fmt::print("not pinned to a core\n");
  gather(o, study);
  if (study.graphs.empty()) return fail("no graphs: see --data, --graph, --max-poses");
  fmt::print("1 thread, best of {}, nothing beyond {} s\n", study.repeat, study.limit_s);
  for (const Part& part : kParts)
    if (contains(o.parts, part.name)) part.run(study);
  for (const auto& [name, figure] : study.figures) {
    if (o.plots.empty()) break;
    if (const Status done = write_file(o.plots + "/" + name + ".svg", figure.svg() + "\n"); !done)
      return fail(done.error().message);
  }
  study.json["repeat"] = study.repeat;
  study.json["limit_s"] = study.limit_s;
  const Status done = write_json(o.json, study.json);
  return done ? 0 : fail(done.error().message);
}

bool parse(int argc, char** argv, Options& o, Study& study) {
  for (int k = 1; k < argc; k += 2) {
    if (k + 1 == argc) return false;
    const std::string_view flag = argv[k];
    const std::string value = argv[k + 1];
    const auto count = parse_number<int>(value);
    const auto seconds = parse_number<double>(value);
    const auto is_part = [&](const Part& part) { return part.name == value; };
    if (flag == "--data")
      o.data = value;
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--plots")
      o.plots = value;
    else if (flag == "--graph")
      o.graphs.push_back(value);
    else if (flag == "--part" && std::any_of(std::begin(kParts), std::end(kParts), is_part))
      o.parts.push_back(value);
    else if (flag == "--repeat" && count && *count >= 1)
      study.repeat = *count;
    else if (flag == "--max-poses" && count && *count >= 1)
      study.max_poses = *count;
    else if (flag == "--limit" && seconds && *seconds > 0)
      study.limit_s = *seconds;
    else
      return false;
  }
  return true;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::Options options;
  pipit::Study study;
  if (!pipit::parse(argc, argv, options, study)) {
    fmt::print(stderr,
               "usage: bench_solvers [--data DIR] [--graph NAME].. [--part NAME].. [--repeat N] [--max-poses N] "
               "[--limit SECONDS] [--json FILE] [--plots DIR]\n");
    return 2;
  }
  return pipit::run(options, study);
}
