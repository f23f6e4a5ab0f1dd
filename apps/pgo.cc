// pipit pgo — a pose graph in, the poses that fit it best out.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app.h"
#include "base/clock.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "solve_options.h"

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

// Adds "covariance" to the JSON; returns the table for people.
template <class Pose>
Result<std::string> covariance(const PoseGraph<Pose>& graph,
                               const PgoOptions& o,
                               const std::vector<std::int32_t>& indices,
                               Json& json) {
  const auto blocks = pose_covariances(graph, indices);
  if (!blocks) return blocks.error();
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
  interrupted();  // from here on ctrl-C keeps the best poses so far
  auto summary = optimise(graph, report.options, progress(o.quiet));
  if (!summary) return Error{summary.error().code, fmt::format("{}: {}", report.file, summary.error().message)};
  report.summary = std::move(*summary);
  if (!is_finite(graph))
    return Error{Code::Unsupported, fmt::format("{}: numerical failure: no finite result was found", report.file)};

  Json json = as_json(report);
  std::string table;
  if (!o.covariance_ids.empty()) {
    auto text = covariance(graph, o, *indices, json);
    if (!text) return text.error();
    table = std::move(*text);
  }
  if (!o.out.empty())
    if (const Status done = write_g2o(o.out, graph); !done) return done;
  if (const Status done = write_json(o.json, json); !done) return done;
  if (!o.quiet) fmt::print(o.json == "-" || o.out == "/dev/stdout" ? stderr : stdout, "{}{}", in_words(report), table);
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
  add_output(app, "--out", o->out, "the optimised graph as g2o");
  add_json(app, o->json);
  add_output(app, "--plot", o->plot, "before, after and cost per iteration; .svg or .html")
      ->check(CLI::Validator(
          [](const std::string& path) {
            return path.ends_with(".svg") || path.ends_with(".html")
                       ? std::string()
                       : fmt::format("'{}' ends neither in .svg nor in .html", path);
          },
          ""));
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
