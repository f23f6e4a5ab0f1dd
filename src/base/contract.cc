#include "base/contract.h"

#include <cstdio>
#include <cstdlib>

namespace pipit {

void contract_failed(std::string_view what, std::source_location where) {
  std::fprintf(stderr,
               "%s:%u: contract broken: %.*s\n",
               where.file_name(),
               where.line(),
               static_cast<int>(what.size()),
               what.data());
  std::abort();
}

}  // namespace pipit
