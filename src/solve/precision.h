// solve/precision.h — which number format each step of a nonlinear least-squares solver runs in.
// Source: papers.md A1 (the map), A2 (scaling). Rule of the house: residual fp32 or better, pose update fp64, matrices
// scaled and shifted, and only chosen kernels in fp16.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "bits/format.h"

namespace pipit {

struct Precision {
  /// r(x), in units of its standard deviation. Single subtracts a local origin first, where the factor is translation
  /// invariant. Half: variables and result are rounded to fp16, the arithmetic between is fp32 (kinder than real fp16).
  Format residual = Format::Single;
  /// dr/dx. Half: computed in fp32, then rounded.
  Format jacobian = Format::Single;
  /// Matrix-vector products: H p in PCG, J p and J^T q in CGNR. H = J^T J squares the condition number: summed in fp32
  /// it loses the weak directions (parking-garage needs 42 iterations instead of 6), summed in fp64 from J in fp32 it
  /// does not.
  Format matrix = Format::Double;
  /// The recurrences of conjugate gradients: dots, axpys, norms.
  Format vectors = Format::Single;
  /// Arithmetic of the factorisation.
  Format factorisation = Format::Single;
  /// Storage of the preconditioner's factor, and of its triangular solves.
  Format preconditioner = Format::Half;
  /// x <- x (+) dx; the variables themselves are always held in fp64 and rounded to this format after each update.
  Format update = Format::Double;
  /// How products of fp16 numbers are summed.
  Accumulate accumulate = Accumulate::Single;
  /// Block equilibration, range scaling and per-vector scaling (papers.md A2). Off only to show what happens then.
  bool scaling = true;
};

/// The mission's: residual, Jacobian and vectors fp32, the preconditioner's triangular solves fp16, sums of J^T J and
/// the update fp64. Where a graph is long and thin (parking-garage) or the first factor in fp32 shows a pivot too weak
/// for it (KITTI_00_vo), SolverKind::Auto goes over to fp64 in all of these, but for the factor, which is kept in fp32.
Precision mixed_precision();
/// Every step fp64: the reference.
Precision double_precision();
/// Every step fp32.
Precision single_precision();
/// Every step fp16, sums included: the negative control. It is expected to fail.
Precision half_precision();

/// "mixed", "double", "single" or "half"; nullopt for any other name.
std::optional<Precision> precision_preset(std::string_view name);

/// "residual fp32, Jacobian fp32, ...": one line for people.
std::string describe(const Precision& precision);

}  // namespace pipit
