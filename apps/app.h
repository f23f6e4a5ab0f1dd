// apps/app.h — the shape that all sub-commands share: parse, check, read, run, write.
// Exit codes: 0 done; 1 the world said no (file, format, no finite result), one line on stderr; 2 wrong call, one line.
#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <string>

#include "base/result.h"

namespace pipit {

/// What the chosen sub-command does once its options are parsed and checked.
using Task = std::function<Status()>;

void add_pgo(CLI::App& root, Task& task);
void add_ba(CLI::App& root, Task& task);
void add_sim(CLI::App& root, Task& task);
void add_sim_bundle(CLI::App& sim, Task& task);
void add_eval(CLI::App& root, Task& task);
void add_demo(CLI::App& root, Task& task);
void add_transcribe(CLI::App& root, Task& task);
void add_model(CLI::App& root, Task& task);
void add_train(CLI::App& root, Task& task);

/// Parses, runs what was asked for, and turns every failure into one line and an exit code.
int run_app(int argc, char** argv);

/// Best set of vector instructions that this machine and this build share, e.g. "AVX3".
std::string instruction_set();

/// True once the user has pressed ctrl-C or the process was told to end. The first call starts to listen; a second
/// ctrl-C ends the process at once.
bool interrupted();

/// "-" or "/dev/stdout": then talk goes to stderr.
inline bool is_standard_output(const std::string& path) { return path == "-" || path == "/dev/stdout"; }

/// Fails where a file could not be written: no such folder, or a folder itself. Asked before the work, not after it.
Status can_write(const std::string& path);

}  // namespace pipit
