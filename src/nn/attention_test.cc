#include "nn/attention.h"

#include <gtest/gtest.h>

#include <numeric>

#include "bits/test_every_set.h"
#include "nn/test_approx.h"
#include "tests/allocations.h"

namespace pipit {
namespace {

struct Parts {
  std::size_t in, context, width, out, heads;
  Random random;
  TestMatrix q, k, v, o;
  std::vector<float> bq, bk, bv, bo;
  Parts(std::size_t in_, std::size_t context_, std::size_t width_, std::size_t out_, std::size_t heads_)
      : in(in_),
        context(context_),
        width(width_),
        out(out_),
        heads(heads_),
        random(in_ * 7 + width_),
        q(width_, in_, random),
        k(width_, context_, random),
        v(width_, context_, random),
        o(out_, width_, random),
        bq(random_vector(width_, random)),
        bk(random_vector(width_, random)),
        bv(random_vector(width_, random)),
        bo(random_vector(out_, random)) {}
  Attention layer(Arithmetic a) const {
    return {Linear(Matrix(q.view(), a), bq),
            Linear(Matrix(k.view(), a), bk),
            Linear(Matrix(v.view(), a), bv),
            Linear(Matrix(o.view(), a), bo),
            heads};
  }
};

// The layer in double with a bound. A score moves by at most `moved`, so each share by a factor of exp(2 moved) at
// most.
Approx attend(const Parts& p,
              const std::vector<float>& x,
              const std::vector<std::vector<float>>& contexts,
              Arithmetic a) {
  const std::size_t d = p.width / p.heads, size = contexts.size();
  const Approx q = multiply_add(p.q, Approx(x), Approx(p.bq), a);
  std::vector<Approx> keys, values;
  for (const auto& c : contexts) {
    keys.push_back(multiply_add(p.k, Approx(c), Approx(p.bk), a));
    values.push_back(multiply_add(p.v, Approx(c), Approx(p.bv), a));
  }
  Approx answer(p.width);
  const double root = 1 / std::sqrt(static_cast<double>(d)), ulp = 0x1p-23;
  for (std::size_t h = 0; h < p.heads; ++h) {
    std::vector<double> score(size);
    double moved = 0, most = 0;
    for (std::size_t n = 0; n < size; ++n) {
      double error = 0, volume = 0;
      for (std::size_t k = h * d; k < (h + 1) * d; ++k) {
        score[n] += q.value[k] * keys[n].value[k] * root;
        const double big_q = std::fabs(q.value[k]) + q.error[k];
        error += (q.error[k] * std::fabs(keys[n].value[k]) + big_q * keys[n].error[k]) * root;
        volume += big_q * (std::fabs(keys[n].value[k]) + keys[n].error[k]) * root;
      }
      moved = std::fmax(moved, error + static_cast<double>(d + 4) * ulp * volume);
      most = std::fmax(most, std::fabs(score[n]) + error);
    }
    const double top = *std::ranges::max_element(score);
    double total = 0;
    for (double& s : score) total += s = std::exp(s - top);
    // log_softmax and exp of fp32: their own bounds, and the answer's sum of `size` products
    const double relative = std::expm1(2 * moved + ulp * (3 * most + 40) + 1e-6) + static_cast<double>(size + 4) * ulp;
    for (std::size_t n = 0; n < size; ++n)
      for (std::size_t k = h * d; k < (h + 1) * d; ++k) {
        const double share = score[n] / total;
        answer.value[k] += share * values[n].value[k];
        answer.error[k] +=
            share * (values[n].error[k] + relative * (std::fabs(values[n].value[k]) + values[n].error[k]));
      }
  }
  return multiply_add(p.o, answer, Approx(p.bo), a);
}

TEST(Attention, MeetsItsBoundInEveryArithmetic) {
  on_every_set([] {
    for (const Arithmetic arithmetic : kEveryArithmetic)
      for (const std::size_t size : {1, 2, 17}) {
        Parts p(size == 2 ? 1 : 24, 10, 32, 12, size == 1 ? 1 : 4);
        std::vector<std::vector<float>> contexts(size);
        std::vector<float> all;
        for (auto& c : contexts) {
          c = random_vector(p.context, p.random);
          all.insert(all.end(), c.begin(), c.end());
        }
        const std::vector<float> x = random_vector(p.in, p.random, 0.3);
        const Attention layer = p.layer(arithmetic);
        Scratch scratch;
        const AttentionMemory memory = layer.remember(all, scratch);
        EXPECT_EQ(memory.size, size);
        std::vector<float> y(p.out, 1e9f);
        layer.apply(x, memory, y, scratch);
        EXPECT_LE(share_of_bound(y, attend(p, x, contexts, arithmetic)), 1) << size;
        const long before = allocations;
        layer.apply(x, memory, y, scratch);
        EXPECT_EQ(allocations, before);
      }
  });
}

TEST(Attention, TheOrderOfTheMemoryDoesNotMatterAndTwinsShare) {
  Parts p(8, 6, 16, 5, 2);
  const Attention layer = p.layer(Arithmetic::Single);
  Scratch scratch;
  const auto a = random_vector(6, p.random), b = random_vector(6, p.random), x = random_vector(8, p.random);
  const auto answer = [&](std::initializer_list<const std::vector<float>*> order) {
    std::vector<float> all, y(5);
    for (const auto* c : order) all.insert(all.end(), c->begin(), c->end());
    layer.apply(x, layer.remember(all, scratch), y, scratch);
    return y;
  };
  const auto near = [](const std::vector<float>& u, const std::vector<float>& v) {
    for (std::size_t k = 0; k < u.size(); ++k) EXPECT_NEAR(u[k], v[k], 1e-5);  // sums in another order
  };
  near(answer({&a, &b}), answer({&b, &a}));
  near(answer({&a}), answer({&a, &a, &a}));
}

TEST(AttentionDeathTest, WrongShapes) {
  Parts p(4, 4, 6, 3, 4);
  EXPECT_DEATH(p.layer(Arithmetic::Single), "heads");
  Parts good(4, 4, 8, 3, 4);
  const Attention layer = good.layer(Arithmetic::Single);
  Scratch scratch;
  const std::vector<float> x(4);
  std::vector<float> y(3);
  EXPECT_DEATH(layer.apply(x, AttentionMemory{}, y, scratch), "another layer");
  EXPECT_DEATH(layer.remember(std::vector<float>(5), scratch), "whole vectors");
}

}  // namespace
}  // namespace pipit
