#include "base/contract.h"

#include <cstdio>
#include <cstdlib>

namespace pipit {

void contract_failed(std::string_view what, const char* file, unsigned line) {
  std::fprintf(stderr, "%s:%u: contract broken: %.*s\n", file, line, static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace pipit
