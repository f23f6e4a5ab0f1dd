// Training on made-up sound: every token is a pattern over the bands that lasts 120 ms, spoilt by noise.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/random.h"
#include "bits/half.h"
#include "nn/transducer.h"

namespace pipit::train {
namespace {

constexpr int kTokens = 6;

std::string make_folder(const std::string& name, int num_clips) {
  const std::string folder = ::testing::TempDir() + "pipit_trainer_" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Random random(7);
  std::vector<std::vector<double>> patterns(kTokens, std::vector<double>(64));
  for (auto& pattern : patterns)
    for (double& v : pattern) v = 2 * random.normal();
  std::ofstream features(folder + "/features.f16", std::ios::binary), index(folder + "/index.tsv"),
      norm(folder + "/norm.tsv"), tokens(folder + "/tokens.tsv"), pieces(folder + "/pieces.txt"),
      phones(folder + "/phones.tsv"), names(folder + "/phone_names.txt");
  phones << "id\tphones\n";  // a phone sounds as its token does
  index << "id\tspeed\tfirst_frame\tframes\tseconds\n";
  tokens << "id\tset\ttokens\ttext\n";
  for (int band = 0; band < 64; ++band) norm << band << "\t0\t0.5\n";
  for (int k = 0; k < kTokens; ++k) names << (k == 0 ? "<blank>" : std::string(1, char('a' + k))) << '\n';
  for (int k = 0; k < kTokens; ++k) pieces << (k == 0 ? "" : "\xe2\x96\x81" + std::string(1, char('A' + k))) << '\n';
  int first = 0;
  for (int clip = 0; clip < num_clips; ++clip) {
    std::string ids, text;
    int frames = 0;
    std::uint64_t last = 0;
    for (std::uint64_t n = 3 + random.below(5); n > 0; --n) {
      // Not the same token twice: three in a row look alike to a prediction network that sees two.
      const auto token =
          last == 0 ? 1 + random.below(kTokens - 1) : 1 + (last + random.below(kTokens - 2)) % (kTokens - 1);
      last = token;
      ids += (ids.empty() ? "" : " ") + std::to_string(token);
      text += (text.empty() ? "" : " ") + std::string(1, static_cast<char>('A' + token));
      for (int t = 0; t < 24; ++t, ++frames)
        for (int band = 0; band < 64; ++band) {
          const half value = to_half(static_cast<float>((t < 12 ? patterns[token][static_cast<std::size_t>(band)] : 0) +
                                                        0.3 * random.normal()));
          features.write(reinterpret_cast<const char*>(&value), 2);
        }
    }
    index << 'c' << clip << "\t1\t" << first << '\t' << frames << '\t' << frames * 0.01 << '\n';
    phones << 'c' << clip << '\t' << ids << '\n';
    for (const char* set : {"train", "tune"})
      tokens << 'c' << clip << '\t' << set << '\t' << ids << '\t' << text << '\n';
    first += frames;
  }
  return folder;
}

TrainOptions options(const std::string& folder, const std::string& out) {
  TrainOptions o;
  o.features = o.tokens = folder;
  o.out = folder + "/" + out;
  o.sizes = {.bands = 64,
             .stack = 6,
             .layers = 2,
             .hidden = 24,
             .projection = 16,
             .tokens = kTokens,
             .context = 2,
             .embedding = 8,
             .joint = 16};
  o.batch_seconds = 8;
  o.num_threads = 1;
  o.warmup_steps = 5;
  o.ctc_epochs = 1;
  o.evaluate_every = 1000;
  o.report_every = 1000;
  o.joint_cells = 500;
  o.learning_rate = 1e-2;
  return o;
}

std::string bytes_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

TEST(Trainer, ARunThatWasInterruptedMakesTheSameModel) {
  const std::string folder = make_folder("resume", 20);
  TrainOptions whole = options(folder, "whole"), parts = options(folder, "parts");
  whole.epochs = parts.epochs = 3;
  ASSERT_TRUE(train(whole));
  for (const int steps : {1, 3, 4, 0}) {  // within an epoch, over its end, to the end
    parts.most_steps = steps;
    ASSERT_TRUE(train(parts));
  }
  EXPECT_EQ(bytes_of(whole.out + "/model.pipit"), bytes_of(parts.out + "/model.pipit"));
  EXPECT_FALSE(bytes_of(whole.out + "/model.pipit").empty());
}

// With the phones' layer that hears the end first: both losses reach nothing, and the model file has what nn needs.
TEST(Trainer, PhonesAreLearntBesideTheWords) {
  const std::string folder = make_folder("phones", 20);
  TrainOptions o = options(folder, "run");
  o.sizes.phones = kTokens;
  o.sizes.back_hidden = 12, o.sizes.back_projection = 8;
  o.epochs = 100;
  o.spoil = false;
  o.dropout = 0;
  o.average = 0.9;
  o.report_every = 10;
  ASSERT_TRUE(train(o));
  const std::string metrics = bytes_of(o.out + "/metrics.jsonl");
  EXPECT_NE(metrics.find("\"wer_tune\": 0,"), std::string::npos) << metrics;
  const std::size_t last = metrics.rfind("\"ctc\": ");
  ASSERT_NE(last, std::string::npos);
  EXPECT_LT(std::stod(metrics.substr(last + 7)), 0.5);  // nats a clip of 3 to 7 phones; at the start some 20
  const auto file = ModelFile::open(o.out + "/model.pipit");
  ASSERT_TRUE(file);
  const auto model = pipit::Transducer::load(*file, Arithmetic::Single);
  ASSERT_TRUE(model) << model.error().message;
  const auto golden = ModelFile::open(o.out + "/golden.pipit");
  ASSERT_TRUE(golden);
  const std::vector<float> x = golden->find("golden.x")->values(), want = golden->find("golden.phones")->values();
  const std::size_t steps = golden->find("golden.x")->rows();
  std::vector<float> h(steps * model->heard_dim()), e(model->joint_dim()), said(want.size());
  EncoderState state = model->make_state();
  for (std::size_t t = 0; t < steps; ++t)
    model->encode(state,
                  std::span(x).subspan(t * model->frame_dim(), model->frame_dim()),
                  e,
                  std::span(h).subspan(t * model->heard_dim(), model->heard_dim()));
  model->tell_phones(h, said);
  for (std::size_t k = 0; k < want.size(); ++k) EXPECT_NEAR(said[k], want[k], 1e-3) << k;  // fp32 twice; values to 20
}

TEST(Trainer, TwentyClipsAreLearntByHeart) {
  const std::string folder = make_folder("overfit", 20);
  TrainOptions o = options(folder, "run");
  o.epochs = 60;
  o.spoil = false;
  o.dropout = 0;
  o.average = 0.9;
  ASSERT_TRUE(train(o));
  const std::string metrics = bytes_of(o.out + "/metrics.jsonl");
  EXPECT_NE(metrics.find("\"wer_tune\": 0,"), std::string::npos) << metrics;
}

TEST(Trainer, ARunMayStartFromAModel) {
  const std::string folder = make_folder("start", 8);
  TrainOptions first = options(folder, "first"), second = options(folder, "second");
  first.epochs = second.epochs = 1;
  first.average = second.average = 0;  // the model is the last weights
  ASSERT_TRUE(train(first));
  second.start = first.out + "/model.pipit";
  second.learning_rate = second.last_learning_rate = 0;
  second.weight_decay = 0;
  ASSERT_TRUE(train(second));
  const auto a = ModelFile::open(first.out + "/model.pipit"), b = ModelFile::open(second.out + "/model.pipit");
  ASSERT_TRUE(a && b);
  for (const char* name : {"encoder.1.w_ih", "encoder.0.bias", "joint.out", "predictor.embedding"}) {
    const auto of_a = a->find(name), of_b = b->find(name);
    ASSERT_TRUE(of_a && of_b) << name;
    EXPECT_EQ(of_a->values(), of_b->values()) << name;
  }
  second.start = folder + "/pieces.txt";
  second.out += "_bad";
  EXPECT_FALSE(train(second));
}

}  // namespace
}  // namespace pipit::train
