// train/trainer.h — the training run: schedule, averaging, checkpoints, progress on record.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "train/data.h"
#include "train/model.h"

namespace pipit::train {

struct TrainOptions {
  ModelSizes sizes;
  std::string features, tokens, out;  ///< folders
  bool cuda = false;
  int num_threads = 2;
  int epochs = 40;
  double minutes = 1e9;         ///< stop after so much time, at the end of a step; the schedule then runs by time
  std::int64_t most_steps = 0;  ///< stop after so many steps of this run, schedule as it is; 0: go to the end
  int ctc_epochs = 2;           ///< epochs at the start with the CTC loss alone
  double ctc_weight = 0.3;      ///< beside the transducer loss
  double learning_rate = 1.5e-3, last_learning_rate = 2e-5;
  double warmup_steps = 400;
  double weight_decay = 1e-2;
  double clip = 5;  ///< norm of the gradient
  double dropout = 0.1;
  double average = 0.999;  ///< of the weights, per step
  double batch_seconds = 600;
  std::size_t batch_most = 128;
  std::int64_t joint_cells = 600'000;
  int report_every = 50, evaluate_every = 2;  ///< steps; epochs
  double checkpoint_minutes = 10;
  std::uint64_t seed = 1;
  bool spoil = true;  ///< augmentation
  Augmentation augmentation;
  std::string start;  ///< model file whose weights a new run starts from; empty: random ones
  std::string card;   ///< JSON object that goes into the model file
};

/// Trains, or goes on from `out`/checkpoint.pt, which makes the same weights as a run that was never interrupted
/// (on one machine, by epochs). Writes metrics.jsonl (step, epoch, losses, learning rate, seconds; after evaluations
/// word error rate on tune), checkpoint.pt, and model.pipit (averaged weights) at evaluations and at the end.
Status train(const TrainOptions& options);

/// Writes the weights as nn/transducer.h reads them, and beside them golden activations of one clip (golden.pipit):
/// golden.x [T, stack * bands] as it goes in, golden.encoder [T, joint], golden.log_probs [T, tokens] at no history,
/// golden.phones [kPhoneFrames * T, phones]; T is 40 at most.
Status export_model(Transducer& model,
                    const FeatureCache& cache,
                    const std::vector<std::string>& pieces,
                    const std::vector<std::string>& phones,
                    const std::string& card,
                    const std::string& folder);

/// Takes the weights of a model file of the same sizes. Fails   as ModelFile::open and get.
Status start_from(Transducer& model, const std::string& path);

}  // namespace pipit::train
