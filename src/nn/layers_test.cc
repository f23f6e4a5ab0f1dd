#include "nn/layers.h"

#include <gtest/gtest.h>

#include "bits/test_every_set.h"
#include "nn/test_approx.h"

namespace pipit {
namespace {

TEST(Linear, MeetsItsBoundInEveryArithmetic) {
  on_every_set([] {
    for (const Arithmetic arithmetic : kEveryArithmetic)
      for (const std::size_t cols : {1, 7, 64, 129})
        for (const std::size_t rows : {1, 4, 33}) {
          Random random(rows * 100 + cols);
          const TestMatrix w(rows, cols, random);
          const std::vector<float> bias = random_vector(rows, random), x = random_vector(cols, random);
          const Linear layer(Matrix(w.view(), arithmetic), bias);
          EXPECT_EQ(layer.in(), cols);
          std::vector<float> y(rows, 1e9f);
          Scratch scratch;
          layer.apply(x, y, scratch);
          EXPECT_LE(share_of_bound(y, multiply_add(w, Approx(x), Approx(bias), arithmetic)), 1);
        }
  });
}

TEST(Linear, WithoutBiasStartsFromZero) {
  Random random(1);
  const TestMatrix w(3, 5, random);
  const Linear layer(Matrix(w.view(), Arithmetic::Single), {});
  std::vector<float> y(3, 1e9f);
  const std::vector<float> x(5);
  Scratch scratch;
  layer.apply(x, y, scratch);
  EXPECT_EQ(y, std::vector<float>(3));
}

TEST(Embedding, IsARowOfItsTable) {
  const Embedding table({1, 2, 3, 4, 5, 6}, 2);
  EXPECT_EQ(table.tokens(), 3u);
  EXPECT_EQ(table[1][0], 3);
  EXPECT_EQ(table[2][1], 6);
  EXPECT_DEATH((void)table[3], "no such token");
}

// Each step starts from the state that the layer itself came to, so that the bound is that of one step.
TEST(Lstm, MeetsItsBoundInEveryArithmetic) {
  on_every_set([] {
    for (const Arithmetic arithmetic : kEveryArithmetic)
      for (const auto& [in, hidden, out] :
           {std::array<std::size_t, 3>{1, 1, 1}, {7, 5, 3}, {40, 33, 17}, {64, 48, 32}}) {
        Random random(in);
        const TestMatrix w_ih(4 * hidden, in, random), w_hh(4 * hidden, out, random), w_hr(out, hidden, random);
        const std::vector<float> bias = random_vector(4 * hidden, random);
        const Lstm layer(
            Matrix(w_ih.view(), arithmetic), Matrix(w_hh.view(), arithmetic), bias, Matrix(w_hr.view(), arithmetic));
        LstmState state = layer.make_state();
        EXPECT_EQ(state.h.size(), out);
        EXPECT_EQ(state.c, std::vector<float>(hidden));
        Scratch scratch;
        for (int t = 0; t < 5; ++t) {
          const std::vector<float> x = random_vector(in, random, 2);
          Approx c(state.c);
          const Approx h = lstm_step(w_ih, w_hh, bias, w_hr, Approx(x), Approx(state.h), c, arithmetic);
          layer.step(x, state, scratch);
          EXPECT_LE(share_of_bound(state.h, h), 1) << "step " << t;
          EXPECT_LE(share_of_bound(state.c, c), 1) << "step " << t;
        }
      }
  });
}

TEST(Matrix, LowPrecisionIsNotFullPrecision) {
  Random random(4);
  const TestMatrix w(8, 100, random);
  const std::vector<float> x = random_vector(100, random);
  Scratch scratch;
  std::vector<float> single(8), low(8);
  Matrix(w.view(), Arithmetic::Single).multiply_add(x, single, scratch);
  for (const Arithmetic arithmetic : {Arithmetic::Half, Arithmetic::Int8}) {
    std::ranges::fill(low, 0.0f);
    Matrix(w.view(), arithmetic).multiply_add(x, low, scratch);
    EXPECT_NE(single, low);
  }
  EXPECT_EQ(Matrix(w.view(), Arithmetic::Single).bytes(), 8u * 448);
  EXPECT_EQ(Matrix(w.view(), Arithmetic::Half).bytes(), 8u * 256);
  EXPECT_EQ(Matrix(w.view(), Arithmetic::Int8).bytes(), 8u * 128 + 8 * 4);
}

TEST(LayersDeathTest, WrongShapes) {
  Random random(1);
  const TestMatrix four(4, 3, random), five(5, 3, random), square(3, 1, random);
  const auto packed = [](const TestMatrix& m) { return Matrix(m.view(), Arithmetic::Single); };
  EXPECT_DEATH(Linear(packed(four), {1, 2}), "another length");
  EXPECT_DEATH(Lstm(packed(five), packed(four), {1, 2, 3, 4}, packed(square)), "shapes");
  LstmState foreign;
  const Lstm layer(packed(four), packed(four), {1, 2, 3, 4}, packed(square));
  Scratch scratch;
  const std::vector<float> x(3);
  EXPECT_DEATH(layer.step(x, foreign, scratch), "another layer");
}

}  // namespace
}  // namespace pipit
