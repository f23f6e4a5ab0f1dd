// base/contract.h — a caller's bug stops the program with one line; bad input never comes here (that is Result).
#pragma once
#include <string_view>

namespace pipit {

/// Prints "file:line: contract broken: what" to stderr and aborts. The one place in the libraries that ends the
/// process.
[[noreturn]] void contract_failed(std::string_view what, const char* file, unsigned line);

/// Stops the program when `ok` is false. Always on: keep it out of inner loops (there: PIPIT_DCHECK).
/// (The caller's place comes from the built-ins: clang 14, which runs the fuzzers and clang-tidy, has no
/// source_location.)
inline void expects(bool ok,
                    std::string_view what,
                    const char* file = __builtin_FILE(),
                    unsigned line = __builtin_LINE()) {
  if (!ok) [[unlikely]]
    contract_failed(what, file, line);
}

}  // namespace pipit

#ifdef NDEBUG
#define PIPIT_DCHECK(condition) ((void)0)
#else
#define PIPIT_DCHECK(condition) ::pipit::expects((condition), #condition)
#endif
