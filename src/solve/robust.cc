#include "solve/robust.h"

#include <array>
#include <cmath>

#include "base/contract.h"

namespace pipit {
namespace {

using Kind = RobustLoss::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 5> kNames{{{Kind::None, "none"},
                                                                   {Kind::Huber, "huber"},
                                                                   {Kind::Cauchy, "cauchy"},
                                                                   {Kind::Tukey, "tukey"},
                                                                   {Kind::GemanMcClure, "geman-mcclure"}}};

}  // namespace

double RobustLoss::value(double s) const {
  const double c2 = scale * scale;
  switch (kind) {
    case Kind::None:
      return s;
    case Kind::Huber:
      return s <= c2 ? s : 2 * scale * std::sqrt(s) - c2;
    case Kind::Cauchy:
      return c2 * std::log1p(s / c2);
    case Kind::Tukey: {
      const double u = s < c2 ? 1 - s / c2 : 0;
      return c2 / 3 * (1 - u * u * u);
    }
    case Kind::GemanMcClure:
      return s / (1 + s / c2);
  }
  return s;
}

double RobustLoss::weight(double s) const {
  const double c2 = scale * scale;
  switch (kind) {
    case Kind::None:
      return 1;
    case Kind::Huber:
      return s <= c2 ? 1 : scale / std::sqrt(s);
    case Kind::Cauchy:
      return 1 / (1 + s / c2);
    case Kind::Tukey: {
      const double u = s < c2 ? 1 - s / c2 : 0;
      return u * u;
    }
    case Kind::GemanMcClure: {
      const double u = 1 / (1 + s / c2);
      return u * u;
    }
  }
  return 1;
}

double default_scale(Kind kind, int dim) {
  expects(dim >= 1, "default_scale: needs at least one dimension");
  double scalar = 1;
  if (kind == Kind::Huber) scalar = 1.345;
  if (kind == Kind::Cauchy) scalar = 2.3849;
  if (kind == Kind::Tukey) scalar = 4.6851;
  if (kind == Kind::GemanMcClure) scalar = 3.7874;
  // The 95 % quantile of chi-square by Wilson and Hilferty (1931): within 2.5 % at one dimension, 0.5 % from three on.
  const auto quantile = [](double d) { return d * std::pow(1 - 2 / (9 * d) + 1.6449 * std::sqrt(2 / (9 * d)), 3); };
  return scalar * std::sqrt(quantile(dim) / quantile(1));
}

std::optional<Kind> robust_kind(std::string_view wanted) {
  for (const auto& [kind, text] : kNames)
    if (text == wanted) return kind;
  return std::nullopt;
}

std::string_view name(Kind kind) {
  for (const auto& [known, text] : kNames)
    if (known == kind) return text;
  return "unknown";
}

}  // namespace pipit
