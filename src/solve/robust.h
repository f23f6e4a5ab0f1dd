// solve/robust.h — losses that doubt large residuals.
// Source: Huber 1981; Cauchy, Geman-McClure, Tukey as in Zhang, Parameter Estimation Techniques (1997), table 1.
// Legend: s = ||r||^2 of one factor (whitened, so no unit); c = scale, in standard deviations; rho(s) ~ s for s << c^2.
#pragma once
#include <optional>
#include <string_view>

namespace pipit {

struct RobustLoss {
  enum class Kind { None, Huber, Cauchy, Tukey, GemanMcClure };

  Kind kind = Kind::None;
  double scale = 1.0;  ///< c > 0: residual norm, in standard deviations, at which doubt begins

  /// rho(s); objective = 1/2 sum rho. Huber: s or 2c sqrt(s) - c^2; Cauchy: c^2 log(1 + s/c^2);
  /// Tukey: c^2/3 (1 - (1 - s/c^2)^3), at most c^2/3; Geman-McClure: s / (1 + s/c^2), at most c^2.
  double value(double s) const;
  /// rho'(s) in [0, 1]: the weight of iteratively re-weighted least squares; value and weight are continuous.
  double weight(double s) const;
};

/// The scale to take when nobody says one, for residuals of `dim` dimensions that are normal of unit variance: the
/// scalar constant of 95 % efficiency (Huber 1.345, Cauchy 2.3849, Tukey 4.6851: Zhang 1997, sec. 9.4; Geman-McClure as
/// written here 3.7874: where (E psi')^2 = 0.95 E psi^2), times what the 95 % quantile of chi grows by from 1 to `dim`
/// dimensions. Then the weight of less than 1.8 % of good residuals falls below one half, at any dimension. Needs dim
/// >= 1.
double default_scale(RobustLoss::Kind kind, int dim);

/// "none", "huber", "cauchy", "tukey", "geman-mcclure"; nullopt for any other name.
std::optional<RobustLoss::Kind> robust_kind(std::string_view name);
std::string_view name(RobustLoss::Kind kind);

}  // namespace pipit
