#include "solve/robust.h"

#include <array>
#include <cmath>

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
