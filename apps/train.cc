// pipit train — hands on to the trainer, which alone needs libtorch; and its metrics as curves.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "app.h"
#include "base/text.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "view/report.h"

namespace pipit {
namespace {

// The trainer takes this process's place: its output and exit code are those of the command.
Status hand_on(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "pipit_train";
  std::vector<char*> words{const_cast<char*>(beside.c_str())};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::fflush(stdout);
  ::execv(beside.c_str(), words.data());
  return Error{
      Code::NotFound,
      fmt::format("{}: {}; build it: install train/packages.txt, then cmake -DPIPIT_TRAIN=ON and target pipit_train",
                  beside.string(),
                  std::strerror(errno))};
}

struct Curves {
  std::vector<double> epoch, transducer, ctc, wer_epoch, wer;
  double seconds = 0;
};

Result<Curves> read_metrics(const std::string& path) {
  const auto text = read_file(path, std::size_t{256} << 20);
  if (!text) return text.error();
  Curves out;
  Lines lines(*text);
  while (const auto line = lines.next()) {
    if (line->empty()) continue;
    const Json row = Json::parse(*line, nullptr, false);
    const auto value = [&](const char* key) {
      const auto at = row.is_object() ? row.find(key) : row.end();
      return at != row.end() && at->is_number() ? at->get<double>() : NAN;
    };
    const double epoch = value("epoch");
    if (!std::isfinite(epoch))
      return Error{Code::BadFormat, fmt::format("{}:{}: no JSON object with a number 'epoch'", path, lines.number())};
    if (row.contains("wer_tune"))
      out.wer_epoch.push_back(epoch), out.wer.push_back(100 * value("wer_tune"));
    else
      out.epoch.push_back(epoch), out.transducer.push_back(value("transducer")), out.ctc.push_back(value("ctc"));
    if (std::isfinite(value("seconds"))) out.seconds = value("seconds");
  }
  if (out.epoch.empty()) return Error{Code::BadFormat, path + ": no line of losses"};
  return out;
}

Status draw(const std::string& metrics, const std::string& html) {
  if (const Status fine = can_write(html); !fine) return fine;
  const auto curves = read_metrics(metrics);
  if (!curves) return curves.error();
  Figure loss("losses, a clip");
  loss.x_axis({.label = "epoch", .unit = ""}).y_axis({.label = "loss", .unit = "nats", .scale = Scale::Log});
  loss.line("transducer", curves->epoch, curves->transducer);
  loss.line("CTC", curves->epoch, curves->ctc, {.ink = Ink::Orange});
  Figure wer("word errors on tune, greedy");
  wer.x_axis({.label = "epoch", .unit = ""}).y_axis({.label = "WER", .unit = "%"});
  wer.line("", curves->wer_epoch, curves->wer);
  wer.points("", curves->wer_epoch, curves->wer);
  Report page("A recogniser learns", metrics);
  page.paragraph(fmt::format("{:.1f} epochs in {:.0f} minutes; {}.",
                             curves->epoch.back(),
                             curves->seconds / 60,
                             curves->wer.empty()
                                 ? "not yet judged on tune"
                                 : fmt::format("the last word error rate on tune is {:.2f} %", curves->wer.back())));
  page.figures({loss, wer});
  return write_file(html, page.html());
}

}  // namespace

void add_train(CLI::App& root, Task& task) {
  CLI::App& train = *root.add_subcommand("train", "train a recogniser, and look at how it went");
  train.require_subcommand(1);
  CLI::App& rnnt =
      *train.add_subcommand("rnnt", "a streaming transducer: all arguments go to pipit_train (see train/README.md)");
  rnnt.set_help_flag();
  rnnt.prefix_command();
  rnnt.callback([&rnnt, &task] {
    std::vector<std::string> arguments = rnnt.remaining();
    task = [arguments = std::move(arguments)] { return hand_on(arguments); };
  });

  auto files = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App& curve = *train.add_subcommand("curve", "losses and word errors of a training run as a page with pictures");
  curve.add_option("METRICS", files->first, "metrics.jsonl of the run")->required();
  curve.add_option("--html", files->second, "page to write")->option_text("FILE")->required();
  curve.callback([files, &task] { task = [files] { return draw(files->first, files->second); }; });
}

}  // namespace pipit
