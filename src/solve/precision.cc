#include "solve/precision.h"

namespace pipit {
namespace {

Precision all(Format format) {
  Precision p;
  p.residual = p.jacobian = p.matrix = p.vectors = p.factorisation = p.preconditioner = p.update = format;
  return p;
}

}  // namespace

Precision mixed_precision() { return {}; }
Precision double_precision() { return all(Format::Double); }
Precision single_precision() { return all(Format::Single); }

Precision half_precision() {
  Precision p = all(Format::Half);
  p.accumulate = Accumulate::HalfSeparate;
  return p;
}

std::optional<Precision> precision_preset(std::string_view name) {
  if (name == "mixed") return mixed_precision();
  if (name == "double") return double_precision();
  if (name == "single") return single_precision();
  if (name == "half") return half_precision();
  return std::nullopt;
}

std::string describe(const Precision& p) {
  const auto step = [](const char* what, Format format) { return std::string(what) + ' ' + std::string(name(format)); };
  return step("residual", p.residual) + ", " + step("Jacobian", p.jacobian) + ", " + step("products", p.matrix) + ", " +
         step("vectors", p.vectors) + ", " + step("factorisation", p.factorisation) + ", " +
         step("preconditioner", p.preconditioner) + ", " + step("update", p.update) +
         (p.scaling ? "" : ", scaling off");
}

}  // namespace pipit
