// Views against plain encoders that were handed the sound late.
#include "nn/encoder_views.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "nn/test_model.h"
#include "tests/allocations.h"

namespace pipit {
namespace {

const TransducerSizes kSizes{.bands = 4,
                             .stack = 6,
                             .layers = 2,
                             .hidden = 7,
                             .projection = 5,
                             .tokens = 4,
                             .context = 1,
                             .embedding = 3,
                             .joint = 6};

Transducer small_model() {
  const std::string path = testing::TempDir() + "nn_views_" + std::to_string(::getpid()) + ".model";
  EXPECT_TRUE(TestModel(kSizes, 5).write(path));
  auto model = Transducer::load(*ModelFile::open(path), Arithmetic::Single);
  std::filesystem::remove(path);
  EXPECT_TRUE(model);
  return std::move(*model);
}

std::vector<float> sound(int frames, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> out(static_cast<std::size_t>(frames) * kSizes.bands);
  for (float& v : out) v = static_cast<float>(random.normal());
  return out;
}

struct Steps {
  std::vector<std::vector<float>> e, h;
};

// The plain encoder on the sound with `late` copies of its first frame before it.
void encode_late(const Transducer& model, EncoderState& state, const std::vector<float>& frames, int late, Steps& out) {
  std::vector<float> x;
  for (int k = 0; k < late; ++k) x.insert(x.end(), frames.begin(), frames.begin() + kSizes.bands);
  x.insert(x.end(), frames.begin(), frames.end());
  const std::size_t steps = frames.size() / model.frame_dim();  // of the view that is not late
  for (std::size_t t = 0; t < steps; ++t) {
    std::vector<float> e(model.joint_dim()), h(model.heard_dim());
    model.encode(state, std::span(x).subspan(t * model.frame_dim(), model.frame_dim()), e, h);
    out.e.push_back(e), out.h.push_back(h);
  }
}

void feed(EncoderViews& views, const std::vector<float>& frames, Steps& out) {
  for (std::size_t at = 0; at < frames.size(); at += kSizes.bands)
    if (views.push(std::span(frames).subspan(at, kSizes.bands))) {
      out.e.emplace_back(views.e().begin(), views.e().end());
      out.h.emplace_back(views.h().begin(), views.h().end());
    }
}

TEST(EncoderViews, AreTheMeanOfLateEncoders) {
  const Transducer model = small_model();
  for (const int n : {1, 2, 3, 6}) {
    EncoderViews views(model, n);
    std::vector<EncoderState> states;
    for (int v = 0; v < n; ++v) states.push_back(model.make_state());
    // The second sound is of the same voice: states stay, steps begin anew. The last frames fill no step.
    for (const std::uint64_t seed : {1, 2}) {
      const std::vector<float> frames = sound(4 * 6 + 3, seed);
      Steps got;
      feed(views, frames, got);
      views.start();
      ASSERT_EQ(got.e.size(), 4u);
      std::vector<Steps> late(static_cast<std::size_t>(n));
      for (int v = 0; v < n; ++v) {
        const auto k = static_cast<std::size_t>(v);
        encode_late(model, states[k], frames, v * 6 / n, late[k]);
        // A late view goes on into the last frames, where these make it a whole step.
        if (3 + v * 6 / n >= 6) {
          std::vector<float> x(frames.end() - static_cast<std::ptrdiff_t>((3 + v * 6 / n) * kSizes.bands),
                               frames.end());
          std::vector<float> unused(model.joint_dim());
          model.encode(states[k], std::span(x).first(model.frame_dim()), unused);
        }
      }
      for (std::size_t t = 0; t < 4; ++t) {
        for (std::size_t k = 0; k < model.joint_dim(); ++k) {
          double mean = 0;
          for (const Steps& of : late) mean += static_cast<double>(of.e[t][k]) / n;
          EXPECT_NEAR(static_cast<double>(got.e[t][k]), mean, 1e-6) << n << " views, step " << t;
        }
        for (std::size_t k = 0; k < model.heard_dim(); ++k) {
          double mean = 0;
          for (const Steps& of : late) mean += static_cast<double>(of.h[t][k]) / n;
          EXPECT_NEAR(static_cast<double>(got.h[t][k]), mean, 1e-6);
        }
        if (n == 1) {
          EXPECT_EQ(got.e[t], late[0].e[t]) << "one view is the encoder, to the bit";
        }
      }
    }
  }
}

TEST(EncoderViews, AfterResetAreAsNew) {
  const Transducer model = small_model();
  EncoderViews views(model, 3);
  Steps first, again;
  feed(views, sound(20, 3), first);
  views.reset();
  feed(views, sound(20, 3), again);
  EXPECT_EQ(first.e, again.e);
  EXPECT_EQ(first.h, again.h);
}

TEST(EncoderViews, DoNotAllocate) {
  const Transducer model = small_model();
  EncoderViews views(model, 3);
  const std::vector<float> frame(kSizes.bands, 0.5F);
  for (int t = 0; t < 12; ++t) views.push(frame);
  const long before = allocations;
  for (int t = 0; t < 24; ++t) views.push(frame);
  EXPECT_EQ(allocations - before, 0);
}

TEST(EncoderViews, DeathOfMoreViewsThanFrames) {
  const Transducer model = small_model();
  EXPECT_DEATH(EncoderViews(model, 7), "frames of a step");
  EXPECT_DEATH(EncoderViews(model, 0), "frames of a step");
}

}  // namespace
}  // namespace pipit
