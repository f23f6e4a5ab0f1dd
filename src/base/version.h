// base/version.h — which Pipit this is.
#pragma once
#include <string>

namespace pipit {

/// "0.1.0", the project's version.
std::string version();
/// Commit of the source tree at configure time ("unknown" outside git; "+" at the end: with local changes).
std::string build_commit();
/// "g++ 12.2.0, Release".
std::string build_compiler();

}  // namespace pipit
