// base/version.h — which Pipit this is.
#pragma once
#include <string>

namespace pipit {

/// "0.1.0", the project's version.
std::string version();
/// Commit of the source tree when it was built ("unknown" outside git; "+" at the end: with local changes, those of
/// docs/results and bench/results not counted).
std::string build_commit();
/// "g++ 12.2.0, Release".
std::string build_compiler();

}  // namespace pipit
