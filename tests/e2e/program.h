// tests/e2e/program.h — runs the real program pipit and keeps everything it did.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pipit {

/// What one run did. Exactly one of exit_code and signal is set (the other is -1 and 0).
struct Outcome {
  int exit_code = -1;
  int signal = 0;
  std::string out, err;
  double seconds = 0;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryCanBeLimited = false;  // sanitizers map all the address space that there is
#else
constexpr bool kMemoryCanBeLimited = true;
#endif

struct RunOptions {
  std::string input = {};        ///< what standard input holds
  double time_limit_s = 60;      ///< then SIGKILL, which `signal` shows
  double interrupt_after_s = 0;  ///< above 0: `interrupt_with` is sent after this time
  int interrupt_with = SIGKILL;
  rlim_t memory_limit_mb =
      0;                 ///< above 0: address space it may have, 10^6 bytes; unlimited all the same under sanitizers
  std::string out = {};  ///< where standard output goes, such as /dev/full; Outcome::out then stays empty
};

/// A folder of this test process alone, empty at the start and removed at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pipit_test_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return file(name);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      all.push_back(entry.path().filename().string());
    return all;
  }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// Runs `pipit arguments..`. Input and outputs go through files, so that nothing can block on a full pipe.
inline Outcome run_pipit(const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  const ScratchFolder scratch;
  const std::string in = scratch.write("in", options.input), err = scratch.file("err");
  const std::string out = options.out.empty() ? scratch.file("out") : options.out;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<std::string> words = {PIPIT_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  Outcome outcome;
  pid_t child = 0;
  rlimit own{};  // the child inherits it
  ::getrlimit(RLIMIT_AS, &own);
  if (options.memory_limit_mb > 0 && kMemoryCanBeLimited) {
    const rlimit less{options.memory_limit_mb * 1'000'000, own.rlim_max};
    ::setrlimit(RLIMIT_AS, &less);
  }
  const int failed = ::posix_spawn(&child, PIPIT_PROGRAM, &actions, nullptr, argv.data(), environ);
  ::setrlimit(RLIMIT_AS, &own);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    outcome.err = "cannot start " PIPIT_PROGRAM;
    return outcome;
  }
  int status = 0;
  bool interrupted = options.interrupt_after_s <= 0, killed = false;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (!interrupted && elapsed() > options.interrupt_after_s) {
      ::kill(child, options.interrupt_with);
      interrupted = true;
    }
    if (!killed && elapsed() > options.time_limit_s) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  outcome.seconds = elapsed();
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  if (options.out.empty()) outcome.out = text_of(out);
  outcome.err = text_of(err);
  return outcome;
}

}  // namespace pipit
