#include "train/rnnt_loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/contract.h"

namespace pipit {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

}  // namespace

template <class T>
double transducer_loss(const TransducerScores<T>& s) {
  expects(s.num_frames >= 1 && s.num_labels >= 0, "transducer_loss: needs a frame");
  const int frames = s.num_frames, labels = s.num_labels;
  const std::size_t width = static_cast<std::size_t>(labels) + 1;
  const auto at = [&](int t, int u) { return static_cast<std::size_t>(t) * width + static_cast<std::size_t>(u); };
  const auto blank = [&](int t, int u) { return static_cast<double>(s.blank[t * s.blank_stride + u]); };
  const auto label = [&](int t, int u) { return static_cast<double>(s.label[t * s.label_stride + u]); };
  // alpha: from the start to (t, u); beta: from (t, u) to the end.
  std::vector<double> alpha(static_cast<std::size_t>(frames) * width), beta(alpha.size());
  for (int t = 0; t < frames; ++t)
    for (int u = 0; u <= labels; ++u) {
      double sum = t == 0 && u == 0 ? 0 : kNever;
      if (t > 0) sum = alpha[at(t - 1, u)] + blank(t - 1, u);
      if (u > 0) sum = log_add(sum, alpha[at(t, u - 1)] + label(t, u - 1));
      alpha[at(t, u)] = sum;
    }
  for (int t = frames - 1; t >= 0; --t)
    for (int u = labels; u >= 0; --u) {
      double sum = kNever;
      if (t + 1 < frames)
        sum = beta[at(t + 1, u)] + blank(t, u);
      else if (u == labels)
        sum = blank(t, u);
      if (u < labels) sum = log_add(sum, beta[at(t, u + 1)] + label(t, u));
      beta[at(t, u)] = sum;
    }
  const double total = beta[0];
  const bool possible = std::isfinite(total);
  // An arc's gradient is minus the share of all alignments that take it.
  for (int t = 0; t < frames; ++t)
    for (int u = 0; u <= labels; ++u) {
      const double here = alpha[at(t, u)] - total;
      const auto share = [&](double arc, double after) {
        const double log_share = here + arc + after;
        return possible && log_share > kNever ? static_cast<T>(-std::exp(log_share)) : T(0);
      };
      if (s.blank_gradient != nullptr) {
        const double after = t + 1 < frames ? beta[at(t + 1, u)] : u == labels ? 0 : kNever;
        s.blank_gradient[t * s.blank_stride + u] = share(blank(t, u), after);
      }
      if (s.label_gradient != nullptr && u < labels)
        s.label_gradient[t * s.label_stride + u] = share(label(t, u), beta[at(t, u + 1)]);
    }
  return possible ? -total : std::numeric_limits<double>::infinity();
}

template <class T>
void transducer_losses(std::span<const TransducerScores<T>> scores, std::span<double> losses, Workers& workers) {
  expects(scores.size() == losses.size(), "transducer_losses: one loss for each");
  workers.run(scores.size(), [&](std::size_t k) { losses[k] = transducer_loss(scores[k]); });
}

#define PIPIT_INSTANTIATE(T)                                   \
  template double transducer_loss(const TransducerScores<T>&); \
  template void transducer_losses(std::span<const TransducerScores<T>>, std::span<double>, Workers&);
PIPIT_INSTANTIATE(float)
PIPIT_INSTANTIATE(double)
#undef PIPIT_INSTANTIATE

}  // namespace pipit
