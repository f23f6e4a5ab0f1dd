// pipit pgo — a pose graph in, the poses that fit it best out.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>

#include "app.h"
#include "base/clock.h"
#include "base/version.h"
#include "options.h"
#include "pictures.h"
#include "progress.h"
#include "report.h"
#include "solve_options.h"
#include "view/report.h"

namespace pipit {
namespace {

struct PgoOptions {
  std::string file, out, json, plot, covariance;
  bool quiet = false;
  SolveChoices solve;
  std::vector<std::int64_t> covariance_ids;
};

// "3,17,4": empty when it is no such list.
std::vector<std::int64_t> parse_ids(std::string_view list) {
  std::vector<std::int64_t> ids;
  for (;;) {
    const auto comma = list.find(',');
    const auto id = parse_number<std::int64_t>(list.substr(0, comma));
    if (!id || *id < 0) return {};
    ids.push_back(*id);
    if (comma == std::string_view::npos) return ids;
    list.remove_prefix(comma + 1);
  }
}

template <class Pose>
bool is_finite(const PoseGraph<Pose>& graph) {
  return std::all_of(
      graph.poses.begin(), graph.poses.end(), [](const Pose& pose) { return pose.matrix().allFinite(); });
}

template <class Pose>
Result<std::vector<std::int32_t>> indices_of(const PoseGraph<Pose>& graph, const PgoOptions& o) {
  std::vector<std::int32_t> indices;
  for (const std::int64_t id : o.covariance_ids) {
    const auto at = std::lower_bound(graph.ids.begin(), graph.ids.end(), id);
    if (at == graph.ids.end() || *at != id)
      return Error{Code::InvalidArgument, fmt::format("--covariance: {} has no pose {}", o.file, id)};
    indices.push_back(static_cast<std::int32_t>(at - graph.ids.begin()));
  }
  return indices;
}

template <class Pose>
using Covariances = Result<std::vector<Eigen::Matrix<double, Pose::kDim, Pose::kDim>>>;

// Its factor in fp64 is the largest thing of a run: there may be memory for the poses and none for this.
template <class Pose>
Covariances<Pose> covariances_if_there_is_memory(const PoseGraph<Pose>& graph,
                                                 const std::vector<std::int32_t>& indices) {
  try {
    return pose_covariances(graph, indices);
  } catch (const std::bad_alloc&) {
    return Error{Code::Unsupported, "covariance: not enough memory"};
  }
}

// Adds "covariance" to the JSON, null where there is none; returns the table for people.
template <class Pose>
std::string covariance(const PoseGraph<Pose>& graph,
                       const PgoOptions& o,
                       const std::vector<std::int32_t>& indices,
                       Json& json) {
  const auto blocks = covariances_if_there_is_memory(graph, indices);
  if (!blocks) {
    fmt::print(stderr, "note: {}\n", blocks.error().message);
    json["covariance"] = nullptr;
    return {};
  }
  std::string table = Pose::kDim == 3
                          ? "pose            sigma x, y (m)          sigma angle (deg)\n"
                          : "pose            sigma x, y, z (m)                   sigma about x, y, z (deg)\n";
  constexpr int kPlaces = Pose::kDim == 3 ? 2 : 3;
  json["covariance"] = Json::array();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto& C = (*blocks)[i];
    Json rows = Json::array();
    std::string places, angles;
    for (int row = 0; row < Pose::kDim; ++row) {
      Json numbers = Json::array();
      for (int col = 0; col < Pose::kDim; ++col) numbers.push_back(number(C(row, col)));
      rows.push_back(numbers);
      const double sigma = std::sqrt(C(row, row));
      (row < kPlaces ? places : angles) +=
          fmt::format("{:<12.4g}", row < kPlaces ? sigma : sigma * 180 / std::numbers::pi);
    }
    table += fmt::format("{:<16}{}{}\n", o.covariance_ids[i], places, angles);
    json["covariance"].push_back({{"id", o.covariance_ids[i]}, {"matrix", rows}});
  }
  return table;
}

// What the robot believed before: the poses of the file, or odometry where there are none.
template <class Pose>
Result<std::vector<Pose>> before(const PoseGraph<Pose>& graph) {
  if (graph.has_vertices) return graph.poses;
  Workers workers(1);
  auto guess = initial_guess(graph, Init::Odometry, workers);
  if (!guess) return guess.error();
  return std::move(guess->poses);
}

template <class Pose>
Status plot(const PgoOptions& o, const PoseGraph<Pose>& graph, const std::vector<Pose>& old, const RunReport& report) {
  const MapView view = map_view(graph.poses);
  const OptimiseSummary& s = report.summary;
  const std::string what = s.chi2_file ? fmt::format("before: chi2 {:.5g}", *s.chi2_file) : "before: odometry";
  const std::vector<Figure> figures = {
      map_figure(what, graph, old, view),
      map_figure(fmt::format("after: chi2 {:.5g}", s.chi2_final), graph, graph.poses, view),
      cost_figure("cost per iteration",
                  {{.name = report.precision, .initial = s.objective_initial, .trace = s.minimise.trace}})};
  if (o.plot.ends_with(".svg")) return write_file(o.plot, side_by_side(figures, 560, 520));
  Report page("Pose graph " + report.file, fmt::format("pipit {}, commit {}", version(), build_commit()));
  page.figures({figures[0], figures[1]},
               "Before: " + std::string(graph.has_vertices ? "poses of the file" : "odometry") +
                   "; after: the optimum found. Loop closures in another colour.");
  page.figure(figures[2]).heading("The run").code(in_words(report));
  return write_file(o.plot, page.html());
}

template <class Pose>
Status run_graph(PoseGraph<Pose>& graph, const PgoOptions& o, double seconds_read) {
  const auto indices = indices_of(graph, o);
  if (!indices) return indices.error();
  for (const std::string& note : graph.notes) say(o.quiet, "note: {}", note);

  RunReport report = make_report(graph);
  report.file = o.file == "-" ? "standard input" : o.file;
  report.precision = o.solve.precision;
  report.robust = o.solve.robust;
  report.seconds_read = seconds_read;
  report.options = optimise_options(o.solve);
  report.options.minimise.count_range = !o.quiet || !o.json.empty();
  auto old = o.plot.empty() ? Result<std::vector<Pose>>(std::vector<Pose>{}) : before(graph);
  if (!old) return Error{old.error().code, fmt::format("{}: {}", report.file, old.error().message)};
  interrupted();  // from here on ctrl-C keeps the best poses so far
  auto summary = optimise(graph, report.options, progress(o.quiet));
  if (!summary) return Error{summary.error().code, fmt::format("{}: {}", report.file, summary.error().message)};
  report.summary = std::move(*summary);
  if (!is_finite(graph))
    return Error{Code::Unsupported, fmt::format("{}: numerical failure: no finite result was found", report.file)};

  // The poses first: nothing that follows may lose them.
  if (!o.out.empty())
    if (const Status done = write_g2o(o.out, graph); !done) return done;
  Json json = as_json(report);
  const std::string table = o.covariance_ids.empty() ? std::string() : covariance(graph, o, *indices, json);
  if (!o.plot.empty())
    if (const Status done = plot(o, graph, *old, report); !done) return done;
  if (const Status done = write_json(o.json, json); !done) return done;
  const bool data = is_standard_output(o.json) || is_standard_output(o.out);
  if (!o.quiet) fmt::print(data ? stderr : stdout, "{}{}", in_words(report), table);
  return Done{};
}

Status run(const PgoOptions& o) {
  for (const std::string& path : {o.out, o.json, o.plot})
    if (const Status fine = can_write(path); !fine) return fine;
  const Stopwatch watch;
  auto graph = read_pose_graph(o.file, {.format = o.solve.format});
  if (!graph) return graph.error();
  return std::visit([&](auto& g) { return run_graph(g, o, watch.seconds()); }, *graph);
}

}  // namespace

void add_pgo(CLI::App& root, Task& task) {
  auto o = std::make_shared<PgoOptions>();
  CLI::App& app = *root.add_subcommand("pgo", "optimise a pose graph");
  app.add_option("FILE", o->file, "pose graph: g2o, iSAM or TORO text; '-' is standard input")->required();
  add_solve_options(app, o->solve);
  app.add_option_function<std::string>(
         "--covariance",
         [o](const std::string& list) { o->covariance_ids = parse_ids(list); },
         "poses whose covariance is wanted, comma-separated ids (default: none)")
      ->option_text("IDS")
      ->check(CLI::Validator(
          [](const std::string& list) {
            return parse_ids(list).empty() ? fmt::format("'{}' is no list of ids such as 3,17", list) : std::string();
          },
          ""));
  app.add_flag("--quiet", o->quiet, "no progress, no summary (default: both)");
  add_output(app, "--out", o->out, "the optimised graph as g2o; '-': standard output");
  add_json(app, o->json);
  add_plot(app, o->plot, "before, after and cost per iteration");
  app.callback([o, &task] {
    expect_different_files({{"--out", o->out}, {"--json", o->json}, {"--plot", o->plot}});
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
