#include "asr/own_text.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace pipit {
namespace {

// Scores that depend on everything: log softmax of e + g at every token.
struct Toy {
  int tokens() const { return 5; }
  int context() const { return 2; }
  int joint_dim() const { return 5; }
  void predict(std::span<const std::int32_t> window, std::span<float> g) const {
    for (std::size_t k = 0; k < g.size(); ++k)
      g[k] = std::sin(static_cast<float>(window[0] * 3 + window[1] * 7) + static_cast<float>(k));
  }
  void log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const {
    float sum = 0;
    for (std::size_t k = 0; k < out.size(); ++k) sum += std::exp(out[k] = e[k] + g[k]);
    for (float& v : out) v -= std::log(sum);
  }
};
static_assert(TransducerScorer<LessOwnText<Toy>>);

TEST(OwnText, LabelsLoseTheirChanceWithoutSoundAndTheBlankNothing) {
  const Toy toy;
  Random random(1);
  for (const float weight : {0.0F, 0.3F, 1.0F}) {
    const LessOwnText<Toy> less(toy, weight);
    for (std::int32_t a = 0; a < 5; ++a)
      for (std::int32_t b = 0; b < 5; ++b) {
        std::vector<float> e(5), g(5), whole(5), silent(5), out(5), longer(static_cast<std::size_t>(less.joint_dim()));
        for (float& v : e) v = static_cast<float>(random.normal());
        toy.predict(std::vector{a, b}, g);
        toy.log_probs(e, g, whole);
        toy.log_probs(std::vector<float>(5), g, silent);
        less.predict(std::vector{a, b}, longer);
        less.log_probs(e, longer, out);
        EXPECT_EQ(out[0], whole[0]);
        float labels = 0;
        for (std::size_t k = 1; k < 5; ++k) labels += std::exp(silent[k]);
        for (std::size_t k = 1; k < 5; ++k)
          EXPECT_NEAR(out[k], whole[k] - weight * std::log(std::exp(silent[k]) / labels), 1e-5F);
      }
  }
}

}  // namespace
}  // namespace pipit
