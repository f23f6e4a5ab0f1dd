#include "train/data.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>
#include <unordered_map>

#include "base/contract.h"

namespace pipit::train {
namespace {

using torch::Tensor;
constexpr std::int64_t kBands = 64;

Error bad(const std::string& path, std::size_t line, const std::string& what) {
  return {Code::BadFormat, path + ':' + std::to_string(line) + ": " + what};
}

// Calls row(fields, line) for each line after the header; stops at the first error.
template <class Row>
Status each_row(const std::string& path, std::size_t num_fields, bool header, const Row& row) {
  std::ifstream in(path);
  if (!in) return Error{Code::NotFound, path + ": cannot be read"};
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    if (header && line == 1) continue;
    std::vector<std::string> fields;
    std::istringstream cut(text);
    for (std::string field; std::getline(cut, field, '\t');) fields.push_back(field);
    if (fields.size() < num_fields)
      return bad(
          path, line, std::to_string(fields.size()) + " fields found, " + std::to_string(num_fields) + " wanted");
    if (Status status = row(fields, line); !status) return status;
  }
  return Done{};
}

std::vector<std::int64_t> numbers(const std::string& text) {
  std::vector<std::int64_t> out;
  std::istringstream in(text);
  for (std::int64_t n; in >> n;) out.push_back(n);
  return out;
}

// [rows, longest], 0 beyond a row's end.
Tensor table(const std::vector<const std::vector<std::int64_t>*>& rows, torch::Device device) {
  std::size_t longest = 1;
  for (const auto* row : rows) longest = std::max(longest, row->size());
  Tensor out = torch::zeros({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(longest)}, torch::kLong);
  for (std::size_t b = 0; b < rows.size(); ++b)
    std::copy(rows[b]->begin(), rows[b]->end(), out[static_cast<std::int64_t>(b)].data_ptr<std::int64_t>());
  return out.to(device);
}

}  // namespace

Result<FeatureCache> FeatureCache::open(const std::string& folder,
                                        const std::string& tokens_folder,
                                        bool phones,
                                        torch::Device device) {
  FeatureCache out;
  const std::string file = folder + "/features.f16";
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return Error{Code::NotFound, file + ": cannot be read"};
  const auto bytes = static_cast<std::int64_t>(in.tellg());
  if (bytes == 0 || bytes % (2 * kBands) != 0) return Error{Code::BadFormat, file + ": not whole frames of 64 halves"};
  const Tensor features = torch::empty({bytes / (2 * kBands), kBands}, torch::kHalf);
  in.seekg(0);
  in.read(static_cast<char*>(features.data_ptr()), bytes);
  if (!in) return Error{Code::Io, file + ": ended early"};
  out.features_ = features.to(device);

  std::vector<float> mean, inverse;
  const std::string norm = folder + "/norm.tsv";
  Status status = each_row(norm, 2, false, [&](const auto& fields, std::size_t) -> Status {
    if (fields[0].find_first_of("0123456789") == std::string::npos) return Done{};  // a header
    mean.push_back(std::stof(fields[fields.size() - 2]));
    inverse.push_back(std::stof(fields[fields.size() - 1]));
    return Done{};
  });
  if (!status) return status.error();
  if (mean.size() != kBands)
    return Error{Code::BadFormat, norm + ": " + std::to_string(mean.size()) + " bands, 64 wanted"};
  out.mean_ = torch::tensor(mean).to(device);
  out.inverse_deviation_ = torch::tensor(inverse).to(device);

  std::unordered_map<std::string, std::vector<std::pair<double, Variant>>> variants;
  const std::int64_t frames = features.size(0);
  status = each_row(folder + "/index.tsv", 4, true, [&](const auto& fields, std::size_t line) -> Status {
    const Variant v{std::stoll(fields[2]), std::stoll(fields[3])};
    if (v.first_frame < 0 || v.frames < 0 || v.first_frame > frames - v.frames)
      return bad(folder + "/index.tsv", line, "frames beyond the end of features.f16");
    if (v.frames > 0) variants[fields[0]].push_back({std::stod(fields[1]), v});
    return Done{};
  });
  if (!status) return status.error();

  std::unordered_map<std::string, std::vector<std::int64_t>> spoken;
  if (phones)
    status = each_row(tokens_folder + "/phones.tsv", 1, true, [&](const auto& fields, std::size_t) -> Status {
      if (fields.size() > 1) spoken[fields[0]] = numbers(fields[1]);
      return Done{};
    });
  if (!status) return status.error();

  status = each_row(tokens_folder + "/tokens.tsv", 4, true, [&](const auto& fields, std::size_t) -> Status {
    const auto found = variants.find(fields[0]);
    if (found == variants.end() || (fields[1] != "train" && fields[1] != "tune")) return Done{};
    Utterance utterance{
        .id = fields[0], .text = fields[3], .tokens = numbers(fields[2]), .phones = std::move(spoken[fields[0]])};
    auto& of = found->second;
    std::sort(of.begin(), of.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [speed, variant] : of) {
      if (speed == 1) utterance.original = utterance.variants.size();
      utterance.variants.push_back(variant);
    }
    (fields[1] == "train" ? out.train_ : out.tune_).push_back(std::move(utterance));
    return Done{};
  });
  if (!status) return status.error();
  if (out.train_.empty()) return Error{Code::BadFormat, tokens_folder + "/tokens.tsv: no training clip has features"};
  return out;
}

Tensor FeatureCache::gather(const std::vector<Variant>& which) const {
  std::int64_t longest = 0;
  for (const Variant& v : which) longest = std::max(longest, v.frames);
  Tensor index = torch::empty({static_cast<std::int64_t>(which.size()), longest}, torch::kLong);
  auto* at = index.data_ptr<std::int64_t>();
  for (const Variant& v : which)
    for (std::int64_t t = 0; t < longest; ++t) *at++ = v.first_frame + std::min(t, v.frames - 1);
  const Tensor flat = features_.index_select(0, index.flatten().to(features_.device()));
  return flat.to(torch::kFloat).view({index.size(0), longest, kBands});
}

Tensor normalised(const Tensor& x, const Tensor& mean, const Tensor& inverse_deviation) {
  const Tensor count = torch::arange(1, x.size(1) + 1, x.options()).view({1, -1, 1}) + kPriorFrames;
  return (x - (x.cumsum(1) + kPriorFrames * mean) / count) * inverse_deviation;
}

namespace {

// Band k of the result is band k * factor of x, between two bands a mean of both; a factor for each utterance.
Tensor warped(const Tensor& x, double most, Random& random) {
  Tensor low = torch::empty({x.size(0), 1, kBands}, torch::kLong), share = torch::empty({x.size(0), 1, kBands});
  for (std::int64_t b = 0; b < x.size(0); ++b) {
    const double factor = random.uniform(1 - most, 1 + most);
    for (std::int64_t k = 0; k < kBands; ++k) {
      const double at = std::min(static_cast<double>(kBands - 1), factor * static_cast<double>(k));
      const auto below = std::min(kBands - 2, static_cast<std::int64_t>(at));
      low.data_ptr<std::int64_t>()[b * kBands + k] = below;
      share.data_ptr<float>()[b * kBands + k] = static_cast<float>(at - static_cast<double>(below));
    }
  }
  low = low.to(x.device()).expand_as(x), share = share.to(x.device());
  return x.gather(2, low) * (1 - share) + x.gather(2, low + 1) * share;
}

// Steady noise of a random level and tilt, added to the power of every band.
void add_noise(Tensor& x, double share, Random& random) {
  const std::int64_t size = x.size(0);
  const Tensor mean = x.mean({1, 2}).to(torch::kCPU);
  Tensor level = torch::full({size, 1, kBands}, -1e4F);
  for (std::int64_t b = 0; b < size; ++b) {
    if (random.uniform() >= share) continue;
    const double below = -random.uniform(8, 40) * 0.2302585, tilt = random.uniform(-1.5, 1.5);  // dB to natural logs
    for (std::int64_t k = 0; k < kBands; ++k)
      level.data_ptr<float>()[b * kBands + k] = static_cast<float>(
          static_cast<double>(mean.data_ptr<float>()[b]) + 1 + below + tilt * (static_cast<double>(k) / kBands - 0.5));
  }
  const Tensor noise = level.to(x.device()) + 0.7 * torch::randn_like(x);
  x = torch::logaddexp(x, noise);
}

void mask(Tensor& x, const std::vector<Variant>& which, const Augmentation& a, Random& random) {
  Tensor keep = torch::ones({x.size(0), x.size(1), 1}), bands = torch::ones({x.size(0), 1, kBands});
  for (std::int64_t b = 0; b < x.size(0); ++b) {
    for (int k = 0; k < a.band_masks; ++k) {
      const auto width = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(a.band_width) + 1));
      const auto first = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kBands - width) + 1));
      bands[b].narrow(1, first, width).fill_(0);
    }
    const std::int64_t frames = which[static_cast<std::size_t>(b)].frames;
    const int masks =
        std::min(a.most_time_masks, 1 + static_cast<int>(a.time_masks_per_s * static_cast<double>(frames) / 100));
    const auto widest =
        static_cast<std::uint64_t>(std::min(30.0, std::max(1.0, a.time_share * static_cast<double>(frames))));
    for (int k = 0; k < masks; ++k) {
      const auto width = static_cast<std::int64_t>(random.below(widest + 1));
      const auto first = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(frames - width) + 1));
      keep[b].narrow(0, first, width).fill_(0);
    }
  }
  x = x * keep.to(x.device()) * bands.to(x.device());
}

}  // namespace

Batch make_batch(const FeatureCache& cache,
                 const std::vector<Utterance>& set,
                 const std::vector<std::pair<std::size_t, std::size_t>>& members,
                 const ModelSizes& sizes,
                 const Augmentation* augment,
                 Random& random) {
  Batch batch;
  std::vector<Variant> which;
  std::vector<const std::vector<std::int64_t>*> tokens, phones;
  for (const auto& [utterance, variant] : members) {
    const Utterance& u = set[utterance];
    which.push_back(u.variants[variant]);
    batch.num_frames.push_back(which.back().frames / sizes.stack);
    batch.num_labels.push_back(static_cast<std::int64_t>(u.tokens.size()));
    batch.num_phones.push_back(static_cast<std::int64_t>(u.phones.size()));
    tokens.push_back(&u.tokens), phones.push_back(&u.phones);
  }
  Tensor x = cache.gather(which);
  if (augment != nullptr && augment->warp > 0) x = warped(x, augment->warp, random);
  if (augment != nullptr) add_noise(x, augment->noise, random);
  x = normalised(x, cache.mean(), cache.inverse_deviation());
  if (augment != nullptr) mask(x, which, *augment, random);
  const std::int64_t steps = x.size(1) / sizes.stack;
  batch.x = x.narrow(1, 0, steps * sizes.stack).reshape({x.size(0), steps, sizes.stack * kBands});
  batch.tokens = table(tokens, x.device());
  batch.phones = table(phones, x.device());
  return batch;
}

namespace {

Plan cut(const std::vector<Utterance>& set,
         const std::vector<std::pair<std::size_t, std::size_t>>& sorted,
         double seconds,
         std::size_t most) {
  Plan plan;
  double longest = 0;
  for (const auto& member : sorted) {
    const double length = static_cast<double>(set[member.first].variants[member.second].frames) / 100;
    longest = std::max(longest, length);
    if (plan.batches.empty() || plan.batches.back().size() >= most ||
        longest * static_cast<double>(plan.batches.back().size() + 1) > seconds) {
      plan.batches.emplace_back();
      longest = length;
    }
    plan.batches.back().push_back(member);
  }
  return plan;
}

template <class T>
void shuffle(std::vector<T>& items, Random& random) {
  for (std::size_t k = items.size(); k > 1; --k) std::swap(items[k - 1], items[random.below(k)]);
}

}  // namespace

Plan plan_epoch(const std::vector<Utterance>& set,
                double seconds,
                std::size_t most,
                std::uint64_t seed,
                int epoch,
                bool all_speeds,
                const ModelSizes& sizes) {
  Random random(seed * 1'000'003 + static_cast<std::uint64_t>(epoch));
  std::vector<std::pair<std::size_t, std::size_t>> members;
  std::vector<double> length(set.size());
  for (std::size_t u = 0; u < set.size(); ++u) {
    const std::size_t variant = all_speeds ? random.below(set[u].variants.size()) : set[u].original;
    const std::int64_t frames = set[u].variants[variant].frames;
    length[u] = static_cast<double>(frames) * (0.9 + 0.2 * random.uniform());  // other neighbours every time
    const auto steps = frames / sizes.stack;
    if (frames < 60 || frames > 2000 || steps < static_cast<std::int64_t>(set[u].tokens.size()) + 1) continue;
    members.emplace_back(u, variant);
  }
  std::sort(
      members.begin(), members.end(), [&](const auto& a, const auto& b) { return length[a.first] < length[b.first]; });
  Plan plan = cut(set, members, seconds, most);
  shuffle(plan.batches, random);
  return plan;
}

Plan plan_in_order(const std::vector<Utterance>& set, double seconds, std::size_t most) {
  std::vector<std::pair<std::size_t, std::size_t>> members;
  for (std::size_t u = 0; u < set.size(); ++u)
    if (set[u].variants[set[u].original].frames >= 12) members.emplace_back(u, set[u].original);
  std::sort(members.begin(), members.end(), [&](const auto& a, const auto& b) {
    return set[a.first].variants[a.second].frames < set[b.first].variants[b.second].frames;
  });
  return cut(set, members, seconds, most);
}

}  // namespace pipit::train
