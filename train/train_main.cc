// pipit_train: the recogniser's training. `pipit train rnnt` hands its arguments on to this program, which alone needs
// libtorch.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "train/trainer.h"

int main(int argc, char** argv) {
  // Tensors of megabytes come and go all the time: kept, not handed back to the system, a step on a CPU takes a quarter
  // less.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  pipit::train::TrainOptions o;
  CLI::App app("Trains a streaming transducer on features made by pipit_prepare and tokens made by pipit_units.");
  app.option_defaults()->always_capture_default();
  std::string device = "cpu", card_file;
  app.add_option("--features", o.features, "folder of pipit_prepare")->required();
  app.add_option("--tokens", o.tokens, "folder of pipit_units")->required();
  app.add_option("--out", o.out, "folder for checkpoint, metrics and model")->required();
  app.add_option("--device", device, "cpu or cuda")->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--threads", o.num_threads, "CPU threads, 1 to 64")->check(CLI::Range(1, 64));
  app.add_option("--epochs", o.epochs, "passes over the training clips, 1 to 1000")->check(CLI::Range(1, 1000));
  app.add_option("--minutes", o.minutes, "stop after so many minutes; the learning rate then falls by the clock")
      ->check(CLI::PositiveNumber);
  app.add_option("--most-steps", o.most_steps, "stop after so many steps, to go on another time; 0: do not")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ctc-epochs", o.ctc_epochs, "passes at the start with the CTC loss alone")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ctc-weight", o.ctc_weight, "of the CTC loss beside the transducer's, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--rate", o.learning_rate, "highest learning rate")->check(CLI::PositiveNumber);
  app.add_option("--warmup", o.warmup_steps, "steps until it is reached")->check(CLI::PositiveNumber);
  app.add_option("--dropout", o.dropout, "0 to 0.9")->check(CLI::Range(0.0, 0.9));
  app.add_option("--decay", o.weight_decay, "weight decay")->check(CLI::NonNegativeNumber);
  app.add_option("--average", o.average, "decay of the average of the weights, 0 to 1")->check(CLI::Range(0.0, 1.0));
  app.add_option("--batch-seconds", o.batch_seconds, "sound in a batch, s")->check(CLI::PositiveNumber);
  app.add_option("--batch-most", o.batch_most, "clips in a batch")->check(CLI::PositiveNumber);
  app.add_option("--joint-cells",
                 o.joint_cells,
                 "places of the joint network at once; default: 600000, on a CPU 8000, which a cache holds")
      ->check(CLI::PositiveNumber);
  app.add_option("--evaluate-every", o.evaluate_every, "epochs between evaluations on tune")
      ->check(CLI::PositiveNumber);
  app.add_option("--report-every", o.report_every, "steps between lines of metrics")->check(CLI::PositiveNumber);
  app.add_option("--seed", o.seed, "of everything random");
  app.add_option("--layers", o.sizes.layers, "of the encoder, 1 to 12")->check(CLI::Range(1, 12));
  app.add_option("--hidden", o.sizes.hidden, "cells of a layer")->check(CLI::Range(1, 4096));
  app.add_option("--projection", o.sizes.projection, "width of a layer's output")->check(CLI::Range(1, 4096));
  app.add_option("--joint", o.sizes.joint, "width of the joint network")->check(CLI::Range(1, 4096));
  app.add_option("--embedding", o.sizes.embedding, "width of a token's embedding")->check(CLI::Range(1, 4096));
  app.add_option("--token-count", o.sizes.tokens, "tokens, blank included")->check(CLI::Range(2, 65536));
  app.add_option("--phones",
                 o.sizes.phones,
                 "phones, blank included, of which the CTC head learns (phones.tsv beside the tokens); 0: tokens")
      ->check(CLI::Range(0, 256));
  app.add_option("--noise", o.augmentation.noise, "share of clips with noise added, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--warp", o.augmentation.warp, "bands are stretched by up to this share, 0 to 0.5")
      ->check(CLI::Range(0.0, 0.5));
  app.add_option("--band-width", o.augmentation.band_width, "widest band that is masked, bands")
      ->check(CLI::Range(0, 64));
  app.add_option("--time-masks", o.augmentation.most_time_masks, "most masks in time of a clip")
      ->check(CLI::Range(0, 100));
  app.add_flag("!--clean", o.spoil, "no augmentation");
  app.add_option("--start", o.start, "model file of the same sizes whose weights a new run starts from")
      ->check(CLI::ExistingFile);
  app.add_option("--card", card_file, "JSON file that becomes the model's card")->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  o.cuda = device == "cuda";
  if (!o.cuda && app.count("--joint-cells") == 0) o.joint_cells = 8000;
  if (!card_file.empty()) {
    std::ostringstream text;
    text << std::ifstream(card_file).rdbuf();
    o.card = text.str();
  }
  const pipit::Status status = pipit::train::train(o);
  if (status) return 0;
  std::fprintf(stderr, "pipit_train: %s\n", status.error().message.c_str());
  return 1;
}
