#include "nn/transducer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <limits>
#include <thread>

#include "bits/test_every_set.h"
#include "nn/test_model.h"
#include "nn/test_reference.h"
#include "tests/allocations.h"

namespace pipit {
namespace {

const TransducerSizes kSmall{.bands = 5,
                             .stack = 2,
                             .layers = 3,
                             .hidden = 13,
                             .projection = 9,
                             .tokens = 11,
                             .context = 2,
                             .embedding = 6,
                             .joint = 10,
                             .phones = 7,
                             .back_hidden = 8,
                             .back_projection = 5};

class TransducerTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  Result<Transducer> written(const TestModel& model, Arithmetic arithmetic, StoredAs as = StoredAs::Single) {
    if (const Status done = model.write(path_, as); !done) return done.error();
    const auto file = ModelFile::open(path_);
    if (!file) return file.error();
    return Transducer::load(*file, arithmetic);
  }
  std::string path_ = testing::TempDir() + "nn_transducer_" + std::to_string(::getpid()) + ".model";
};

TEST_F(TransducerTest, AgreesWithDoubleInEveryArithmeticOnEverySet) {
  on_every_set([&] {
    for (const Arithmetic arithmetic : kEveryArithmetic) {
      const TestModel model(kSmall, 3);
      const auto loaded = written(model, arithmetic);
      ASSERT_TRUE(loaded) << loaded.error().message;
      const TransducerReference reference{model, arithmetic};
      Random random(5);
      EncoderState state = loaded->make_state();
      std::vector<float> e(kSmall.joint), g(kSmall.joint), out(kSmall.tokens);
      for (int t = 0; t < 6; ++t) {
        const std::vector<float> x = random_vector(loaded->frame_dim(), random);
        const Approx want = reference.encode(state, x);
        loaded->encode(state, x, e);
        EXPECT_LE(share_of_bound(e, want), 1) << "step " << t;
        const std::int32_t window[] = {t == 0 ? 0 : static_cast<std::int32_t>(random.below(11)),
                                       static_cast<std::int32_t>(random.below(11))};
        loaded->predict(window, g);
        EXPECT_LE(share_of_bound(g, reference.predict(window)), 1);
        loaded->log_probs(e, g, out);
        EXPECT_LE(share_of_bound(out, reference.log_probs(e, g)), 1);
      }
    }
  });
}

// Of the last step alone the layer has no state yet; earlier steps are those of a sound that ends sooner ..
TEST_F(TransducerTest, PhonesOfTheLastStepAgreeWithDouble) {
  on_every_set([&] {
    for (const Arithmetic arithmetic : kEveryArithmetic) {
      const TestModel model(kSmall, 3);
      const auto loaded = written(model, arithmetic);
      ASSERT_TRUE(loaded) << loaded.error().message;
      Random random(6);
      std::vector<float> h = random_vector(4 * loaded->heard_dim(), random), out(4 * kPhoneFrames * kSmall.phones);
      loaded->tell_phones(h, out);
      const LstmState fresh{.h = std::vector<float>(kSmall.back_projection),
                            .c = std::vector<float>(kSmall.back_hidden)};
      const auto want =
          TransducerReference{model, arithmetic}.phones_of_last(std::span(h).last(loaded->heard_dim()), fresh);
      for (std::size_t f = 0; f < kPhoneFrames; ++f)
        EXPECT_LE(share_of_bound(std::span(out).last((kPhoneFrames - f) * kSmall.phones).first(kSmall.phones), want[f]),
                  1);
    }
  });
}

// .. but hear what comes after them, and nothing of what came before.
TEST_F(TransducerTest, PhonesHearTheEndFirst) {
  const auto model = written(TestModel(kSmall, 3), Arithmetic::Single);
  ASSERT_TRUE(model);
  const std::size_t H = model->heard_dim(), V = kPhoneFrames * kSmall.phones;
  Random random(8);
  const std::vector<float> h = random_vector(6 * H, random);
  std::vector<float> whole(6 * V), tail(3 * V), head(3 * V);
  model->tell_phones(h, whole);
  model->tell_phones(std::span(h).last(3 * H), tail);
  model->tell_phones(std::span(h).first(3 * H), head);
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), whole.begin() + static_cast<std::ptrdiff_t>(3 * V)));
  EXPECT_FALSE(std::equal(head.begin(), head.end(), whole.begin()));
  for (std::size_t f = 0; f < 6 * kPhoneFrames; ++f) {
    double sum = 0;
    for (std::size_t k = 0; k < kSmall.phones; ++k) sum += std::exp(static_cast<double>(whole[f * kSmall.phones + k]));
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

// h is what e is made of: the joint network's linear layer, whose weights the test knows.
TEST_F(TransducerTest, WhatWasHeardIsWhatTheJointNetworkGets) {
  const TestModel source(kSmall, 3);
  const auto model = written(source, Arithmetic::Single);
  ASSERT_TRUE(model);
  EncoderState state = model->make_state();
  Random random(9);
  std::vector<float> e(model->joint_dim()), h(model->heard_dim());
  model->encode(state, random_vector(model->frame_dim(), random), e, h);
  for (std::size_t j = 0; j < e.size(); ++j) {
    double sum = static_cast<double>(source.values.at("joint.encoder_bias")[j]);
    for (std::size_t k = 0; k < h.size(); ++k)
      sum += static_cast<double>(source.values.at("joint.encoder")[j * h.size() + k]) * static_cast<double>(h[k]);
    EXPECT_NEAR(static_cast<double>(e[j]), sum, 1e-5);  // nine products in fp32
  }
}

TEST_F(TransducerTest, AModelMayTellNoPhones) {
  TransducerSizes sizes = kSmall;
  sizes.phones = sizes.back_hidden = sizes.back_projection = 0;
  const auto model = written(TestModel(sizes, 3), Arithmetic::Single);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->sizes().phones, 0u);
  EXPECT_TRUE(model->phone_names().empty());
  EXPECT_DEATH(model->tell_phones({}, {}), "tells no phones");
}

std::vector<std::vector<float>> encodings(const Transducer& model, std::uint64_t seed, int steps) {
  Random random(seed);
  EncoderState state = model.make_state();
  std::vector<std::vector<float>> all(static_cast<std::size_t>(steps), std::vector<float>(model.joint_dim()));
  for (auto& e : all) model.encode(state, random_vector(model.frame_dim(), random), e);
  return all;
}

TEST_F(TransducerTest, InterleavedStreamsEqualSeparateOnes) {
  for (const Arithmetic arithmetic : kEveryArithmetic) {
    const auto model = written(TestModel(kSmall, 3), arithmetic);
    ASSERT_TRUE(model);
    const auto first = encodings(*model, 1, 8), second = encodings(*model, 2, 8);
    EXPECT_NE(first, second);
    Random random_a(1), random_b(2);
    EncoderState a = model->make_state(), b = model->make_state();
    std::vector<float> e(model->joint_dim());
    for (std::size_t t = 0; t < 8; ++t) {
      model->encode(a, random_vector(model->frame_dim(), random_a), e);
      EXPECT_EQ(e, first[t]);
      model->encode(b, random_vector(model->frame_dim(), random_b), e);
      EXPECT_EQ(e, second[t]);
    }
  }
}

TEST_F(TransducerTest, ThreadsShareOneModel) {
  constexpr int kSteps = 5000;  // some ten milliseconds: the two do run at the same time
  const auto model = written(TestModel(kSmall, 3), Arithmetic::Int8);
  ASSERT_TRUE(model);
  const auto first = encodings(*model, 1, kSteps), second = encodings(*model, 2, kSteps);
  std::vector<std::vector<float>> other;
  std::atomic<bool> started = false;
  std::thread thread([&] {
    started = true;
    other = encodings(*model, 2, kSteps);
  });
  while (!started) std::this_thread::yield();
  EXPECT_EQ(encodings(*model, 1, kSteps), first);
  thread.join();
  EXPECT_EQ(other, second);
}

TEST_F(TransducerTest, StepsDoNotAllocate) {
  for (const Arithmetic arithmetic : kEveryArithmetic) {
    const auto model = written(TestModel(kSmall, 3), arithmetic);
    ASSERT_TRUE(model);
    EncoderState state = model->make_state();
    const std::vector<float> x(model->frame_dim(), 0.5f);
    const std::vector<std::int32_t> window(model->context(), 1);
    std::vector<float> e(model->joint_dim()), g(model->joint_dim()), out(model->tokens());
    long before = 0;
    for (int t = 0; t < 3; ++t) {
      if (t == 1) before = allocations;
      model->encode(state, x, e);
      model->predict(window, g);
      model->log_probs(e, g, out);
    }
    EXPECT_EQ(allocations - before, 0);
  }
}

TEST_F(TransducerTest, TakesWhatTheFileStores) {
  const TestModel model(kSmall, 3);
  for (const auto& [as, arithmetic] :
       {std::pair{StoredAs::Half, Arithmetic::Half}, std::pair{StoredAs::Int8, Arithmetic::Int8}}) {
    const auto stored = written(model, arithmetic, as), rounded = written(model, arithmetic, StoredAs::Single);
    ASSERT_TRUE(stored && rounded);
    EXPECT_EQ(stored->bytes(), rounded->bytes());
    EXPECT_EQ(encodings(*stored, 1, 4), encodings(*rounded, 1, 4));
  }
}

TEST_F(TransducerTest, ReadsSizesAndPieces) {
  const TestModel source(kSmall, 3);
  const auto model = written(source, Arithmetic::Single);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->tokens(), 11u);
  EXPECT_EQ(model->context(), 2u);
  EXPECT_EQ(model->frame_dim(), 10u);
  EXPECT_EQ(model->joint_dim(), 10u);
  EXPECT_EQ(model->piece(0), "");
  EXPECT_EQ(model->piece(10), "p10");
  ASSERT_EQ(model->phone_names().size(), 7u);
  EXPECT_EQ(model->phone_names()[6], "S6");
  EXPECT_TRUE(std::ranges::equal(model->feature_mean(), source.values.at("features.mean")));
  EXPECT_TRUE(std::ranges::equal(model->feature_inverse_deviation(), source.values.at("features.inverse_deviation")));
}

TEST_F(TransducerTest, SaysWhatIsWrongWithAFile) {
  const TestModel good(kSmall, 3);
  for (const auto& [name, shape] : good.shapes) {
    ASSERT_TRUE(good.write(path_, StoredAs::Single, name));
    const auto model = Transducer::load(*ModelFile::open(path_), Arithmetic::Single);
    ASSERT_FALSE(model) << name;
    EXPECT_NE(model.error().message.find("'" + name + "' is missing"), std::string::npos) << model.error().message;
  }
  const auto refused = [&](const std::string& from, const std::string& to, const std::string& why) {
    TestModel bad = good;
    bad.card.replace(bad.card.find(from), from.size(), to);
    const auto model = written(bad, Arithmetic::Single);
    ASSERT_FALSE(model) << to;
    EXPECT_NE(model.error().message.find(why), std::string::npos) << model.error().message;
  };
  refused("rnnt-lstm", "transformer", "architecture is \"transformer\", wanted \"rnnt-lstm\"");
  refused("\"architecture\"", "\"kind\"", "architecture is missing");
  refused("\"sizes\"", "\"size\"", "'sizes'");
  refused("\"hidden\": 13", "\"hidden\": 14", "'encoder.0.w_ih' has shape [52, 10], wanted [56, 10]");
  refused("\"hidden\": 13", "\"hidden\": 1e9", "sizes.hidden is 1000000000.0, wanted a whole number from 1 to 65536");
  refused("\"hidden\": 13", "\"hidden\": -1", "sizes.hidden is -1");
  refused("\"layers\": 3", "\"layers\": 4", "'encoder.3.w_ih' is missing");
  refused("\"back_hidden\": 8", "\"back_hidden\": 9", "'phones.w_ih' has shape [32, 9], wanted [36, 9]");
  refused("\"back_hidden\": 8, ", "", "sizes.back_hidden is missing");
  refused("\"S6\"", "\"\"", "phones number 6");
  refused("\"p10\"", "\"\"", "pieces number 10");
  refused("\"p10\"", "7", "pieces number 10 is 7");
  refused(", \"p10\"", "", "pieces is no list of 11 texts");

  TestModel large = good;
  large.values["joint.out"][7] = 70000;
  EXPECT_TRUE(written(large, Arithmetic::Single));
  EXPECT_NE(written(large, Arithmetic::Half).error().message.find("'joint.out' row 0"), std::string::npos);
}

TEST_F(TransducerTest, DeathOfAForeignToken) {
  const auto model = written(TestModel(kSmall, 3), Arithmetic::Single);
  ASSERT_TRUE(model);
  std::vector<float> g(model->joint_dim());
  const std::int32_t beyond[] = {0, 11}, negative[] = {-1, 0};
  EXPECT_DEATH(model->predict(beyond, g), "no such token");
  EXPECT_DEATH(model->predict(negative, g), "no such token");
}

}  // namespace
}  // namespace pipit
