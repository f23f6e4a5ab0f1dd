#include "train/trainer.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <sstream>

#include "base/clock.h"
#include "nn/model_file.h"
#include "text/edit_distance.h"
#include "text/pieces.h"

namespace pipit::train {
namespace {

using torch::Tensor;

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

// The weights, averaged: after n steps those of the last n / 10 count, later of the last 1 / (1 - decay).
class Average {
 public:
  explicit Average(Transducer& model) {
    for (const auto& p : model->parameters()) shadow_.push_back(p.detach().clone());
  }
  void update(Transducer& model, double decay, std::int64_t step) {
    const torch::NoGradGuard no_gradient;
    const double d = std::min(decay, static_cast<double>(1 + step) / static_cast<double>(10 + step));
    std::size_t k = 0;
    for (const auto& p : model->parameters()) shadow_[k++].lerp_(p.detach(), 1 - d);
  }
  /// Exchanges the weights and their averages.
  void swap(Transducer& model) {
    const torch::NoGradGuard no_gradient;
    std::size_t k = 0;
    for (auto& p : model->parameters()) {
      const Tensor own = p.detach().clone();
      p.copy_(shadow_[k]);
      shadow_[k++].copy_(own);
    }
  }
  std::vector<Tensor>& tensors() { return shadow_; }

 private:
  std::vector<Tensor> shadow_;
};

struct State {
  std::int64_t step = 0, epoch = 0, batch = 0;
};

Status save_checkpoint(
    const TrainOptions& o, Transducer& model, torch::optim::AdamW& optimiser, Average& average, const State& state) {
  try {
    const std::string path = o.out + "/checkpoint.pt", partial = path + ".partial";
    torch::serialize::OutputArchive archive, of_model, of_optimiser;
    model->save(of_model);
    optimiser.save(of_optimiser);
    archive.write("model", of_model);
    archive.write("optimiser", of_optimiser);
    for (std::size_t k = 0; k < average.tensors().size(); ++k)
      archive.write("average" + std::to_string(k), average.tensors()[k]);
    archive.write("state", torch::tensor({state.step, state.epoch, state.batch}, torch::kLong));
    archive.save_to(partial);
    std::filesystem::rename(partial, path);
  } catch (const std::exception& e) {
    return Error{Code::Io, o.out + "/checkpoint.pt: cannot be written"};
  }
  return Done{};
}

Status load_checkpoint(const TrainOptions& o,
                       torch::Device device,
                       Transducer& model,
                       torch::optim::AdamW& optimiser,
                       Average& average,
                       State& state) {
  const std::string path = o.out + "/checkpoint.pt";
  try {
    torch::serialize::InputArchive archive, of_model, of_optimiser;
    archive.load_from(path, device);
    archive.read("model", of_model);
    archive.read("optimiser", of_optimiser);
    model->load(of_model);
    optimiser.load(of_optimiser);
    for (std::size_t k = 0; k < average.tensors().size(); ++k) {
      Tensor t;
      archive.read("average" + std::to_string(k), t);
      average.tensors()[k].copy_(t);
    }
    Tensor numbers;
    archive.read("state", numbers);
    numbers = numbers.to(torch::kCPU);
    const auto* n = numbers.data_ptr<std::int64_t>();
    state = {n[0], n[1], n[2]};
  } catch (const std::exception& e) {
    return Error{Code::BadFormat, path + ": not a checkpoint of this model; move it away to start anew"};
  }
  return Done{};
}

double rate_at(const TrainOptions& o, double step, double progress) {
  const double warm = std::min(1.0, (step + 1) / o.warmup_steps);
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * std::clamp(progress, 0.0, 1.0)));
  return warm * (o.last_learning_rate + (o.learning_rate - o.last_learning_rate) * cosine);
}

struct Evaluation {
  double wer = 0;
  std::string example;
};

Evaluation evaluate(Transducer& model,
                    const FeatureCache& cache,
                    const std::vector<Utterance>& set,
                    const std::vector<std::string>& pieces,
                    const TrainOptions& o) {
  model->eval();
  Evaluation out;
  EditCounts counts;
  Random unused(1);
  for (const auto& members : plan_in_order(set, o.batch_seconds, o.batch_most).batches) {
    const auto found = greedy(model, make_batch(cache, set, members, o.sizes, nullptr, unused));
    for (std::size_t b = 0; b < members.size(); ++b) {
      std::vector<std::string> spelled;
      for (const auto token : found[b]) spelled.push_back(pieces[static_cast<std::size_t>(token)]);
      const std::string text = join_pieces(spelled), &truth = set[members[b].first].text;
      counts += count_edits(truth, text);
      if (b == 0) out.example = truth + " -> " + text;
    }
  }
  model->train();
  out.wer = counts.rate();
  return out;
}

}  // namespace

Status train(const TrainOptions& o) {
  std::error_code failed;
  std::filesystem::create_directories(o.out, failed);
  const torch::Device device(o.cuda ? torch::kCUDA : torch::kCPU);
  torch::set_num_threads(o.num_threads);
#ifndef PIPIT_NO_TF32
  at::globalContext().setAllowTF32CuBLAS(true);
  at::globalContext().setAllowTF32CuDNN(true);
#endif
  auto opened = FeatureCache::open(o.features, o.tokens, o.sizes.phones > 0, device);
  if (!opened) return opened.error();
  const FeatureCache& cache = *opened;
  const auto pieces = read_lines(o.tokens + "/pieces.txt");
  if (static_cast<std::int64_t>(pieces.size()) != o.sizes.tokens)
    return Error{Code::BadFormat,
                 o.tokens + "/pieces.txt: " + std::to_string(pieces.size()) + " pieces, " +
                     std::to_string(o.sizes.tokens) + " wanted"};

  const auto phones = o.sizes.phones > 0 ? read_lines(o.tokens + "/phone_names.txt") : std::vector<std::string>();
  if (static_cast<std::int64_t>(phones.size()) != o.sizes.phones)
    return Error{Code::BadFormat,
                 o.tokens + "/phone_names.txt: " + std::to_string(phones.size()) + " phones, " +
                     std::to_string(o.sizes.phones) + " wanted"};

  torch::manual_seed(o.seed);
  Transducer model(o.sizes, o.dropout);
  if (!o.start.empty())
    if (Status s = start_from(model, o.start); !s) return s;
  model->to(device);
  for (auto& lstm : model->encoder->lstms) lstm->flatten_parameters();
  torch::optim::AdamW optimiser(
      model->parameters(), torch::optim::AdamWOptions(o.learning_rate).betas({0.9, 0.98}).weight_decay(o.weight_decay));
  Average average(model);
  Workers workers(o.num_threads);
  State state;
  if (std::filesystem::exists(o.out + "/checkpoint.pt"))
    if (Status s = load_checkpoint(o, device, model, optimiser, average, state); !s) return s;
  std::int64_t parameters = 0;
  for (const auto& p : model->parameters()) parameters += p.numel();
  std::fprintf(stderr,
               "%lld parameters, %zu clips to train on, %zu to tune on; step %lld\n",
               static_cast<long long>(parameters),
               cache.train().size(),
               cache.tune().size(),
               static_cast<long long>(state.step));

  std::ofstream metrics(o.out + "/metrics.jsonl", std::ios::app);
  const Stopwatch watch;
  double last_checkpoint = 0;
  bool stop = false;
  std::int64_t steps_here = 0;
  const auto wrap_up = [&](bool last) -> Status {
    average.swap(model);
    const Evaluation e = evaluate(model, cache, cache.tune(), pieces, o);
    metrics << "{\"step\": " << state.step << ", \"epoch\": " << state.epoch << ", \"wer_tune\": " << e.wer
            << ", \"seconds\": " << watch.seconds() << "}" << std::endl;
    std::fprintf(stderr,
                 "epoch %lld: word error rate on tune %.2f %% (%.0f s)\n  %s\n",
                 static_cast<long long>(state.epoch),
                 100 * e.wer,
                 watch.seconds(),
                 e.example.c_str());
    Status exported = export_model(model, cache, pieces, phones, o.card, o.out);
    average.swap(model);
    if (!exported) return exported;
    return last ? save_checkpoint(o, model, optimiser, average, state) : Status(Done{});
  };
  while (state.epoch < o.epochs) {
    const Plan plan =
        plan_epoch(cache.train(), o.batch_seconds, o.batch_most, o.seed, static_cast<int>(state.epoch), true, o.sizes);
    double sum_transducer = 0, sum_ctc = 0;
    int summed = 0;
    while (state.batch < static_cast<std::int64_t>(plan.batches.size()) && !stop) {
      torch::manual_seed(o.seed * 7919 + static_cast<std::uint64_t>(state.step));
      Random random(o.seed * 104'729 + static_cast<std::uint64_t>(state.step));
      const double done = (static_cast<double>(state.epoch) +
                           static_cast<double>(state.batch) / static_cast<double>(plan.batches.size())) /
                          o.epochs;
      const double rate =
          rate_at(o, static_cast<double>(state.step), std::max(done, watch.seconds() / (60 * o.minutes)));
      for (auto& group : optimiser.param_groups()) static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
      const Batch batch = make_batch(cache,
                                     cache.train(),
                                     plan.batches[static_cast<std::size_t>(state.batch)],
                                     o.sizes,
                                     o.spoil ? &o.augmentation : nullptr,
                                     random);
      optimiser.zero_grad();
      const bool with_transducer = state.epoch >= o.ctc_epochs;
      const StepLosses losses =
          backward(model, batch, with_transducer ? 1 : 0, with_transducer ? o.ctc_weight : 1, o.joint_cells, workers);
      const double norm = torch::nn::utils::clip_grad_norm_(model->parameters(), o.clip);
      if (std::isfinite(norm)) optimiser.step();
      average.update(model, o.average, state.step);
      ++state.step, ++state.batch, ++steps_here;
      sum_transducer += losses.transducer, sum_ctc += losses.ctc, ++summed;
      if (state.step % o.report_every == 0) {
        char line[256];
        std::snprintf(
            line,
            sizeof line,
            "{\"step\": %lld, \"epoch\": %.3f, \"transducer\": %.4f, \"ctc\": %.4f, \"rate\": %.3g, \"seconds\": %.1f}",
            static_cast<long long>(state.step),
            done * o.epochs,
            sum_transducer / summed,
            sum_ctc / summed,
            rate,
            watch.seconds());
        metrics << line << std::endl;
        std::fprintf(stderr, "%s\n", line);
        sum_transducer = sum_ctc = summed = 0;
      }
      stop = watch.seconds() > 60 * o.minutes || steps_here == o.most_steps;
      if (watch.seconds() - last_checkpoint > 60 * o.checkpoint_minutes) {
        if (Status s = save_checkpoint(o, model, optimiser, average, state); !s) return s;
        last_checkpoint = watch.seconds();
      }
    }
    if (stop && state.batch < static_cast<std::int64_t>(plan.batches.size())) break;
    ++state.epoch, state.batch = 0;
    if (stop) break;
    if (state.epoch % o.evaluate_every == 0 && state.epoch < o.epochs)
      if (Status s = wrap_up(false); !s) return s;
  }
  return wrap_up(true);
}

}  // namespace pipit::train
