#include "app.h"

#include <fmt/format.h>
#include <hwy/highway.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>

#include "base/version.h"

namespace pipit {
namespace {

volatile std::sig_atomic_t signal_seen = 0;

void note_signal(int number) {
  signal_seen = 1;
  std::signal(number, SIG_DFL);
}

int fail(std::string line, int exit_code) {
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  while (!line.empty() && line.back() == ' ') line.pop_back();
  fmt::print(stderr, "pipit: {}\n", line);
  return exit_code;
}

// What stands on stdout must have arrived: /dev/full and a disk without room say so only at the end.
int delivered(int exit_code) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return exit_code;
  return fail("standard output: cannot write", 1);
}

// CLI11 speaks of "arguments that were not expected"; a person mistyped a command or an option.
std::string usage_line(const CLI::App& root, const CLI::ParseError& error, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (root.get_subcommands().empty() && !word.empty() && word.front() != '-')
    return fmt::format("there is no command '{}'; commands: pgo, ba, sim, eval, transcribe, model, train, demo", word);
  std::string command = "pipit";
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    command += " " + app->get_name();
  }
  return fmt::format("{} (see {} --help)", error.what(), command);
}

}  // namespace

std::string instruction_set() {
  const auto usable = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);  // the lowest bit is the best target
}

bool interrupted() {
  static const bool listening = [] {
    std::signal(SIGINT, note_signal);
    std::signal(SIGTERM, note_signal);
    return true;
  }();
  return listening && signal_seen != 0;
}

Status can_write(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty() || is_standard_output(path)) return Done{};
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return Error{Code::Io, path + ": is a directory, want the name of a file"};
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored))
    return Error{Code::Io, fmt::format("{}: there is no folder '{}' to write it in", path, folder.string())};
  return Done{};
}

int run_app(int argc, char** argv) {
  CLI::App root("Pipit: pose graphs solved in few bits, and speech heard on the device.", "pipit");
  root.set_version_flag("--version", [] {
    return fmt::format("pipit {}, commit {}, {}, {}", version(), build_commit(), build_compiler(), instruction_set());
  });
  root.get_formatter()->column_width(40);
  root.require_subcommand(1);
  Task task;
  add_pgo(root, task);
  add_ba(root, task);
  add_sim(root, task);
  add_eval(root, task);
  add_transcribe(root, task);
  add_model(root, task);
  add_train(root, task);
  add_demo(root, task);
  if (argc < 2) {
    fmt::print(stderr, "{}", root.help());
    return 2;
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return delivered(root.exit(error));  // help or version, on stdout
    return fail(usage_line(root, error, argc, argv), 2);
  }
  try {
    const Status done = task();
    return done ? delivered(0) : fail(done.error().message, 1);
  } catch (const std::bad_alloc&) {
    return fail("not enough memory", 1);
  } catch (const std::exception& error) {  // third-party code
    return fail(error.what(), 1);
  }
}

}  // namespace pipit
