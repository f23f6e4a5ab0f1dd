// tests/referee/half_referee.cc — a processor with half arithmetic of its own (Armv8.2 FP16) judges half.h and
// half_number.h. Built and run by script/referee_half.   Arguments: number of random triples, stride over all floats.
#include <arm_fp16.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/random.h"
#include "bits/half.h"
#include "bits/half_number.h"

namespace {

using pipit::half;

float16_t native(half x) { return std::bit_cast<float16_t>(x.bits); }
std::uint16_t bits_of(float16_t x) { return std::bit_cast<std::uint16_t>(x); }

struct Tally {
  const char* name;
  std::uint64_t count = 0, subnormal = 0, wrong = 0;

  /// Equal bits; in arithmetic any NaN equals any other (their payload is not defined by IEEE).
  void compare(std::uint16_t got, std::uint16_t want, bool any_nan = false) {
    ++count;
    subnormal += (want & 0x7c00u) == 0 && (want & 0x3ffu) != 0;
    if (got == want || (any_nan && (got & 0x7fffu) > 0x7c00u && (want & 0x7fffu) > 0x7c00u)) return;
    if (++wrong <= 5) std::printf("%s: found %04x, the processor says %04x\n", name, got, want);
  }
  void print() const {
    std::printf("%-34s %12llu compared %12llu subnormal %6llu different\n",
                name,
                static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(subnormal),
                static_cast<unsigned long long>(wrong));
  }
};

std::uint64_t failures = 0;
void finish(const Tally& tally) {
  tally.print();
  failures += tally.wrong;
}

void widen() {
  Tally to_float{"half -> float"}, to_double{"half -> double"};
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const half x{static_cast<std::uint16_t>(bits)};
    ++to_float.count;
    to_float.wrong +=
        std::bit_cast<std::uint32_t>(pipit::to_float(x)) != std::bit_cast<std::uint32_t>(static_cast<float>(native(x)));
    ++to_double.count;
    to_double.wrong += std::bit_cast<std::uint64_t>(pipit::to_double(x)) !=
                       std::bit_cast<std::uint64_t>(static_cast<double>(native(x)));
  }
  finish(to_float);
  finish(to_double);
}

void narrow(std::uint64_t stride) {
  Tally floats{"float -> half, all floats by stride"}, ties{"float -> half, ties and neighbours"};
  Tally wide{"double -> half, ties and neighbours"}, random_wide{"double -> half, random"};
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += stride) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    floats.compare(pipit::to_half(x).bits, bits_of(static_cast<float16_t>(x)));
  }
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {  // the last tie is the edge of overflow, 65520
    const double low = pipit::to_double(half{static_cast<std::uint16_t>(bits)});
    const double high = bits == 0x7bff ? 65536.0 : pipit::to_double(half{static_cast<std::uint16_t>(bits + 1)});
    for (const double point : {low, (low + high) / 2, high})
      for (int step = -4; step <= 4; ++step)
        for (const double sign : {1.0, -1.0}) {
          const auto f = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(point)) + step);
          const auto d = std::bit_cast<double>(std::bit_cast<std::uint64_t>(point) + step);
          if (point == 0 && step < 0) continue;
          const float sf = static_cast<float>(sign) * f;
          ties.compare(pipit::to_half(sf).bits, bits_of(static_cast<float16_t>(sf)));
          wide.compare(pipit::to_half(sign * d).bits, bits_of(static_cast<float16_t>(sign * d)));
        }
  }
  pipit::Random random(11);
  for (int i = 0; i < 10000000; ++i) {
    const double x = i % 4 == 0 ? std::bit_cast<double>(random())
                                : std::ldexp(random.uniform(-2, 2), static_cast<int>(random.below(48)) - 30);
    random_wide.compare(pipit::to_half(x).bits, bits_of(static_cast<float16_t>(x)));
  }
  finish(floats);
  finish(ties);
  finish(wide);
  finish(random_wide);
}

/// Half of the patterns anywhere, the rest near 1 (ties, cancellation) or near the bottom (subnormals).
half random_half(std::uint64_t word) {
  const auto bits = static_cast<std::uint16_t>(word);
  switch ((word >> 16) & 3) {
    case 0:
      return {static_cast<std::uint16_t>((bits & 0x8fffu) | 0x3000u)};
    case 1:
      return {static_cast<std::uint16_t>(bits & 0x9fffu)};
    default:
      return {bits};
  }
}

template <class N>
void arithmetic(std::uint64_t triples, bool fused) {
  Tally add{"  a + b"}, subtract{"  a - b"}, multiply{"  a * b"}, divide{"  a / b"}, root{"  sqrt(a)"};
  Tally combine{fused ? "  mul_add, fused" : "  mul_add, separate"}, ties{"  mul_add near a tie"};
  std::printf("%s form\n", fused ? "fused" : "separate");
  pipit::Random random(fused ? 21 : 22);
  const auto native_mul_add = [&](half a, half b, half c) {
    return fused ? vfmah_f16(native(c), native(a), native(b)) : vaddh_f16(vmulh_f16(native(a), native(b)), native(c));
  };
  for (std::uint64_t i = 0; i < triples; ++i) {
    const std::uint64_t word = random();
    const half a = random_half(word), b = random_half(word >> 20), c = random_half(word >> 40);
    const N x(a), y(b), z(c);
    add.compare((x + y).bits().bits, bits_of(vaddh_f16(native(a), native(b))), true);
    subtract.compare((x - y).bits().bits, bits_of(vsubh_f16(native(a), native(b))), true);
    multiply.compare((x * y).bits().bits, bits_of(vmulh_f16(native(a), native(b))), true);
    divide.compare((x / y).bits().bits, bits_of(vdivh_f16(native(a), native(b))), true);
    root.compare(sqrt(x).bits().bits, bits_of(vsqrth_f16(native(a))), true);
    combine.compare(mul_add(x, y, z).bits().bits, bits_of(native_mul_add(a, b, c)), true);
    // c near -a b: what is left is far smaller than both, and often a tie or subnormal
    const half near{static_cast<std::uint16_t>((-(x * y)).bits().bits + (word >> 60) - 8)};
    ties.compare(mul_add(x, y, N(near)).bits().bits, bits_of(native_mul_add(a, b, near)), true);
  }
  for (const Tally* tally : {&add, &subtract, &multiply, &divide, &root, &combine, &ties}) finish(*tally);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t triples = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  const std::uint64_t stride = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1009;
  widen();
  narrow(stride);
  arithmetic<pipit::SeparateHalf>(triples, false);
  arithmetic<pipit::FusedHalf>(triples, true);
  std::printf("different in all: %llu\n", static_cast<unsigned long long>(failures));
  return failures == 0 ? 0 : 1;
}
