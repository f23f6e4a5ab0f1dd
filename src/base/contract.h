// base/contract.h — a caller's bug stops the program with one line; bad input never comes here (that is Result).
#pragma once
#include <source_location>
#include <string_view>

namespace pipit {

/// Prints "file:line: contract broken: what" to stderr and aborts. The one place in the libraries that ends the process.
[[noreturn]] void contract_failed(std::string_view what, std::source_location where);

/// Stops the program when `ok` is false. Always on: keep it out of inner loops (there: PIPIT_DCHECK).
inline void expects(bool ok, std::string_view what, std::source_location where = std::source_location::current()) {
  if (!ok) [[unlikely]]
    contract_failed(what, where);
}

}  // namespace pipit

#ifdef NDEBUG
#define PIPIT_DCHECK(condition) ((void)0)
#else
#define PIPIT_DCHECK(condition) ::pipit::expects((condition), #condition)
#endif
