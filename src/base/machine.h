// base/machine.h — where and how this process runs: what a table of results says of itself.
#pragma once
#include <string>

namespace pipit {

/// The processor as the kernel names it, e.g. "AMD EPYC"; "unknown" where it does not.
std::string machine();
/// Processors that are there.
int num_cores();
/// How this process was called, words joined by spaces; empty where the kernel does not tell.
std::string command_line();

}  // namespace pipit
