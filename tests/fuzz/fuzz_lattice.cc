// Any bytes at all: a sound lattice that is written as the same bytes again, or one printable line.
#include <string_view>

#include "lattice/lattice_io.h"
#include "lattice/posteriors.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto lattice = from_bytes(bytes);
  if (!lattice) {
    fuzz::demand_clear(lattice.error());
    return 0;
  }
  fuzz::demand(check(*lattice).has_value());
  fuzz::demand(to_bytes(*lattice) == bytes);
  for (const double share : posteriors(*lattice).arc) fuzz::demand(share >= 0 && share <= 1 + 1e-6);
  to_openfst_text(*lattice);
  to_graphviz(*lattice);
  return 0;
}
