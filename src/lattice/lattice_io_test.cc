#include "lattice/lattice_io.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lattice/random_lattice.h"

namespace pipit {
namespace {

TEST(LatticeBytes, RoundTripWithinHalfAStep) {
  Random random(8);
  for (int trial = 0; trial < 300; ++trial) {
    const Lattice lattice = random_lattice(random);
    const std::string bytes = to_bytes(lattice);
    auto read = from_bytes(bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(to_bytes(*read), bytes);
    ASSERT_EQ(read->arcs.size(), lattice.arcs.size());
    for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
      EXPECT_LE(std::abs(read->arcs[a].acoustic - lattice.arcs[a].acoustic), kScoreStep / 2);
      EXPECT_LE(std::abs(read->arcs[a].label - lattice.arcs[a].label), kScoreStep / 2);
      read->arcs[a].acoustic = lattice.arcs[a].acoustic;
      read->arcs[a].label = lattice.arcs[a].label;
    }
    EXPECT_EQ(*read, lattice);
  }
  const Lattice odd = {{"\u00c9"}, {7, 2000000000}, {{0, 1, 0, 1e12, -1e12, 0, 2000000000}}};
  ASSERT_TRUE(from_bytes(to_bytes(odd)));
  EXPECT_EQ(*from_bytes(to_bytes(odd)), odd);
}

TEST(LatticeBytes, HostileBytesAreRefusedOrAreALattice) {
  Random random(9);
  for (int trial = 0; trial < 20000; ++trial) {
    std::string bytes = to_bytes(random_lattice(random));
    switch (trial % 4) {
      case 0:
        bytes.resize(random.below(bytes.size()));
        break;
      case 1:
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
        break;
      case 2:
        for (std::size_t i = 5 + random.below(bytes.size() - 5); i < bytes.size(); ++i)
          bytes[i] = static_cast<char>(random.below(256));
        break;
      default:
        bytes += '\0';
    }
    const auto read = from_bytes(bytes);
    ASSERT_FALSE(read && (trial % 4 == 0 || trial % 4 == 3));
    if (read) {
      ASSERT_EQ(to_bytes(*read), bytes);
    } else {
      ASSERT_EQ(read.error().message.find('\n'), std::string::npos);
    }
  }
  EXPECT_EQ(from_bytes("hello").error().message, "lattice: does not begin with PLAT and version 1");
  EXPECT_EQ(from_bytes(std::string("PLAT\x01\xff\xff\xff\xff\x7f", 10)).error().message,
            "lattice, byte 10: number of words out of range");
}

TEST(LatticeText, OpenFstAndGraphviz) {
  const Lattice lattice = {
      {"A", "SAY\"S"}, {0, 3, 5}, {{0, 1, 0, -1, -0.5, 0, 3}, {1, 2, 1, 0, 0, 3, 5}, {1, 2, kNoWord, -2, 0, 3, 5}}};
  ASSERT_TRUE(check(lattice));
  EXPECT_EQ(to_openfst_text(lattice), "0\t1\tA\tA\t1.5\n1\t2\tSAY\"S\tSAY\"S\t0\n1\t2\t<eps>\t<eps>\t2\n2\n");
  EXPECT_EQ(to_graphviz(lattice),
            "digraph lattice {\n  rankdir=LR;\n  node [shape=circle];\n  2 [shape=doublecircle];\n"
            "  0 -> 1 [label=\"A 1\" style=bold];\n  1 -> 2 [label=\"SAY\\\"S 0.881\" style=bold];\n"
            "  1 -> 2 [label=\"<eps> 0.119\"];\n}\n");
}

}  // namespace
}  // namespace pipit
