// bench/child.h — another program run to its end: how long it took, and how much memory.
#pragma once
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pipit {

struct ChildRun {
  double wall_s = 0, cpu_s = 0, peak_mb = 0;  // 10^6 bytes; never less than the parent had when it started the child
};

/// Looks for command[0] in $PATH. Its output is thrown away. Fails where it cannot be started or does not end with 0.
inline Result<ChildRun> run_child(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int out : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&actions, out, "/dev/null", O_WRONLY, 0);
  const Stopwatch watch;
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return Error{Code::NotFound, command[0] + ": cannot be started: " + std::strerror(failed)};
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  ChildRun run{.wall_s = watch.seconds()};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Error{Code::Io, command[0] + ": did not end well"};
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  run.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
  run.peak_mb = 1024e-6 * static_cast<double>(used.ru_maxrss);
  return run;
}

}  // namespace pipit
