#include "sparse/choose.h"

#include <cstdarg>
#include <cstdio>

namespace pipit {
namespace {

std::string print(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

std::string_view name(SolverKind kind) {
  return kind == SolverKind::Cgnr ? "cgnr" : kind == SolverKind::Cholesky ? "cholesky" : "iccg";
}

std::string_view name(FactorKind kind) {
  switch (kind) {
    case FactorKind::Jacobi:
      return "block-Jacobi";
    case FactorKind::Ic0:
      return "incomplete Cholesky factor (no fill)";
    case FactorKind::Icl:
      return "incomplete Cholesky factor (level 2)";
    default:
      return "complete Cholesky factor";
  }
}

std::string_view short_name(Format format) {
  switch (format) {
    case Format::Half:
      return "fp16";
    case Format::BFloat16:
      return "bf16";
    case Format::Single:
      return "fp32";
    case Format::Double:
      return "fp64";
  }
  return "?";
}

}  // namespace

CompleteLayout best_layout(const BlockPattern& pattern, int B) {
  // A factorisation of 5 Gflop takes about as long as nested dissection of a graph that needs so many.
  constexpr double kWorthDissecting = 5e9;
  const auto with = [&](OrderingKind kind) {
    return CompleteLayout{std::make_shared<const PanelLayout>(complete_layout(pattern, order(pattern, kind), B)), kind};
  };
  // So many blocks are beyond minimum degree: on city, home and sphere of 100,000 poses it costs 2 to 25 times the
  // factorisation that dissection costs.
  constexpr int kOnlyDissecting = 50'000;
  if (pattern.n > kOnlyDissecting) return with(OrderingKind::NestedDissection);
  CompleteLayout best = with(OrderingKind::Amd);
  if (best.layout->flops(B) > kWorthDissecting) {
    CompleteLayout other = with(OrderingKind::NestedDissection);
    if (other.layout->flops(B) < best.layout->flops(B)) best = std::move(other);
  }
  return best;
}

// Time of ordering, layout and plan per block of the factor, measured on `home` of 3,000 poses (0.83 ms).
constexpr double kChoiceNs = 30;

LinearChoice choose(const BlockPattern& pattern, int B, const LinearOptions& options) {
  LinearChoice out;
  out.solver = options.solver;
  out.factor = options.factor;
  if (out.solver == SolverKind::Auto) {
    out.solver = SolverKind::Iccg;
    out.reason = "a factor reused over many steps costs least; ";
  } else {
    out.reason = "solver as asked; ";
  }
  if (out.solver == SolverKind::Cholesky) out.factor = FactorKind::Complete;
  if (out.solver == SolverKind::Cgnr && out.factor == FactorKind::Auto) {
    out.factor = FactorKind::Jacobi;
    out.reason += "block-Jacobi needs no H; ";
  }
  // Predicted cost of a complete factor, wherever it is in question.
  if (out.factor == FactorKind::Auto || out.factor == FactorKind::Complete) {
    auto [layout, kind] = best_layout(pattern, B);
    const double flops = layout->flops(B);
    const double fill = pattern.n > 0 ? static_cast<double>(layout->num_blocks()) / pattern.num_blocks() : 1.0;
    const bool cheap = flops <= 2e12 && fill <= 60;
    if (out.factor == FactorKind::Complete || cheap) {
      out.factor = FactorKind::Complete;
      out.layout = std::move(layout);
      out.fill = fill;
    } else {
      out.factor = FactorKind::Icl;
    }
    out.reason += print(
        "complete factor in %s order: fill %.1f, %.3g Gflop", std::string(name(kind)).c_str(), fill, flops * 1e-9);
  }
  if (out.factor == FactorKind::Ic0 || out.factor == FactorKind::Icl) {
    auto layout = std::make_shared<const PanelLayout>(
        incomplete_layout(pattern, order(pattern, OrderingKind::Natural), out.factor == FactorKind::Ic0 ? 0 : 2));
    out.fill = pattern.n > 0 ? static_cast<double>(layout->num_blocks()) / pattern.num_blocks() : 1.0;
    out.layout = std::move(layout);
  }
  if (out.layout != nullptr) {
    // Beside the triangular solves an iteration is a product with H, twice over its blocks, and a few vector passes.
    const double product_ns = 0.15 * pattern.num_blocks() * B * B + 3.0 * pattern.n * B;
    const double iteration_ns = out.layout->solve_ns(B) + product_ns + 1;
    out.iterations_per_factor = out.layout->factor_ns(B) / iteration_ns;
    out.iterations_per_choice = kChoiceNs * static_cast<double>(out.layout->num_blocks()) / iteration_ns;
  }
  out.direct = out.solver == SolverKind::Cholesky &&
               ((options.factor_compute == Format::Double && options.factor_storage == Format::Double) ||
                options.vectors == Format::Half);
  return out;
}

std::string describe(const LinearChoice& choice, Format factor_storage) {
  std::string out = std::string(name(choice.solver)) + ", " + std::string(name(choice.factor));
  if (choice.layout != nullptr) out += " in " + std::string(short_name(factor_storage));
  if (choice.solver == SolverKind::Cholesky) out += choice.direct ? ", direct" : ", refined";
  return out;
}

}  // namespace pipit
