#include "nn/convolution.h"

#include <gtest/gtest.h>

#include "bits/test_every_set.h"
#include "nn/test_approx.h"
#include "tests/allocations.h"

namespace pipit {
namespace {

// The sum of the header, on whole sequences; frames before the first and bands beyond the edges are zero.
Approx convolve(const ConvolutionShape& s,
                const TestMatrix& w,
                const std::vector<float>& bias,
                const std::vector<std::vector<float>>& frames,
                std::size_t t,
                Arithmetic arithmetic) {
  Approx out(w.rows * s.out_bands());
  for (std::size_t k = 0; k < s.out_bands(); ++k) {
    std::vector<float> patch;
    for (std::size_t c = 0; c < s.in_channels; ++c)
      for (std::size_t i = 0; i < s.times; ++i)
        for (std::size_t j = 0; j < s.band_width; ++j) {
          const auto time = static_cast<std::ptrdiff_t>(t + i) - static_cast<std::ptrdiff_t>(s.times) + 1;
          const auto band =
              static_cast<std::ptrdiff_t>(k * s.band_stride + j) - static_cast<std::ptrdiff_t>(s.band_pad);
          const bool inside = time >= 0 && band >= 0 && band < static_cast<std::ptrdiff_t>(s.bands);
          patch.push_back(inside ? frames[static_cast<std::size_t>(time)][c * s.bands + static_cast<std::size_t>(band)]
                                 : 0);
        }
    const Approx sums = multiply_add(w, Approx(patch), Approx(bias), arithmetic);
    for (std::size_t o = 0; o < w.rows; ++o) {
      out.value[o * s.out_bands() + k] = sums.value[o];
      out.error[o * s.out_bands() + k] = sums.error[o];
    }
  }
  return out;
}

TEST(Convolution, EqualsTheSumOverTheWholeSequence) {
  on_every_set([] {
    for (const Arithmetic arithmetic : kEveryArithmetic)
      for (const ConvolutionShape& s : {ConvolutionShape{1, 8, 1, 1, 1, 1, 0},
                                        ConvolutionShape{1, 16, 3, 3, 2, 2, 1},
                                        ConvolutionShape{3, 9, 2, 4, 1, 3, 2},
                                        ConvolutionShape{2, 5, 4, 5, 3, 1, 0}}) {
        Random random(s.bands);
        const TestMatrix w(6, s.in_channels * s.times * s.band_width, random);
        const std::vector<float> bias = random_vector(6, random);
        const Convolution layer(s, Matrix(w.view(), arithmetic), bias);
        ConvolutionState state = layer.make_state();
        Scratch scratch;
        std::vector<std::vector<float>> frames;
        std::vector<float> y(layer.out());
        for (std::size_t t = 0; t < 11; ++t) {
          frames.push_back(random_vector(layer.in(), random));
          const bool came = layer.step(frames.back(), state, y, scratch);
          EXPECT_EQ(came, t % s.time_stride == 0);
          if (came) {
            EXPECT_LE(share_of_bound(y, convolve(s, w, bias, frames, t, arithmetic)), 1) << "frame " << t;
          }
        }
        const long before = allocations;
        layer.step(frames[0], state, y, scratch);
        EXPECT_EQ(allocations, before);
      }
  });
}

TEST(ConvolutionDeathTest, WrongShapes) {
  Random random(1);
  const TestMatrix w(2, 9, random);
  const auto make = [&](const ConvolutionShape& s) {
    return Convolution(s, Matrix(w.view(), Arithmetic::Single), {0, 0});
  };
  EXPECT_DEATH(make({1, 8, 3, 2}), "go together");
  EXPECT_DEATH(make({1, 2, 3, 3, 1, 1, 0}), "wider");
  EXPECT_DEATH(make({1, 8, 3, 3, 0, 1, 1}), "at least 1");
  const Convolution layer = make({1, 8, 3, 3, 1, 1, 1});
  ConvolutionState foreign;
  Scratch scratch;
  const std::vector<float> x(8);
  std::vector<float> y(16);
  EXPECT_DEATH(layer.step(x, foreign, y, scratch), "another layer");
}

}  // namespace
}  // namespace pipit
