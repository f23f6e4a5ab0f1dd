// train/data.h — what training reads: features computed once (pipit_prepare), tokens (pipit_units), batches of both.
#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "train/model.h"

namespace pipit::train {

/// A clip at one speed.
struct Variant {
  std::int64_t first_frame = 0, frames = 0;  ///< of 10 ms, in FeatureCache::features
};
struct Utterance {
  std::string id, text;
  std::vector<std::int64_t> tokens, phones;
  std::vector<Variant> variants;  ///< in ascending order of speed
  std::size_t original = 0;       ///< index of the variant at speed 1
};

/// Log-mel features of all clips of one set, and their transcripts.
class FeatureCache {
 public:
  /// features.f16, index.tsv and norm.tsv in `folder`, tokens.tsv in `tokens_folder`, and phones.tsv
  /// there where `phones`. Fails   Io, BadFormat.
  static Result<FeatureCache> open(const std::string& folder,
                                   const std::string& tokens_folder,
                                   bool phones,
                                   torch::Device device);

  const std::vector<Utterance>& train() const { return train_; }
  const std::vector<Utterance>& tune() const { return tune_; }
  const torch::Tensor& mean() const { return mean_; }
  const torch::Tensor& inverse_deviation() const { return inverse_deviation_; }

  /// Raw log-mel of some utterances as fp32 [B, longest, 64], the last frame repeated beyond an end.
  torch::Tensor gather(const std::vector<Variant>& which) const;

 private:
  torch::Tensor features_;  // [frames, 64] half, on the device
  torch::Tensor mean_, inverse_deviation_;
  std::vector<Utterance> train_, tune_;
};

/// Normalisation as in audio/feature_norm.h: the mean is that of everything heard so far and `kPriorFrames` frames of
/// the average voice.
inline constexpr double kPriorFrames = 300;
torch::Tensor normalised(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& inverse_deviation);

/// How sound is spoilt on the fly. Every draw comes from the generator that is handed in.
struct Augmentation {
  double noise = 0.5;  ///< share of utterances with steady noise added, 8 to 40 dB below the mean level
  double warp = 0.08;  ///< bands are stretched by a factor of up to 1 plus or minus this: other vocal tracts
  int band_masks = 2, band_width = 12;
  double time_masks_per_s = 0.25, time_share = 0.05;  ///< masks of up to 0.3 s; at most this share of the frames
  int most_time_masks = 6;
};

/// Utterances of similar length together, up to `seconds` of sound and `most` of them in a batch; order and speeds
/// drawn from (seed, epoch).
struct Plan {
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> batches;  ///< (utterance, variant)
};
Plan plan_epoch(const std::vector<Utterance>& set,
                double seconds,
                std::size_t most,
                std::uint64_t seed,
                int epoch,
                bool all_speeds,
                const ModelSizes& sizes);
Plan plan_in_order(const std::vector<Utterance>& set, double seconds, std::size_t most);

/// A batch ready for the model; `augment` null: as it is.
Batch make_batch(const FeatureCache& cache,
                 const std::vector<Utterance>& set,
                 const std::vector<std::pair<std::size_t, std::size_t>>& members,
                 const ModelSizes& sizes,
                 const Augmentation* augment,
                 Random& random);

}  // namespace pipit::train
