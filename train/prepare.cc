// pipit_prepare — makes training data once, so that no epoch decodes sound: one file of log-mel frames in fp16.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audio/audio_file.h"
#include "audio/corpus.h"
#include "audio/feature_norm.h"
#include "audio/log_mel.h"
#include "audio/resample.h"
#include "base/clock.h"
#include "base/file.h"
#include "bits/half.h"

namespace pipit {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string data, out, split = "all";
  std::vector<double> speeds{1.0};
  std::vector<std::string> shards;
  int threads = 1;
};

struct Version {
  double speed = 1, seconds = 0;
  std::vector<half> frames;  // [T, 64]
};

struct Prepared {
  std::vector<Version> versions;
  std::array<double, kNumBands> sum{}, sum_of_squares{};  // speed 1
  std::size_t num_frames = 0;                             // speed 1
};

struct Job {
  const Clip* clip;
  const TarShard* shard;
};

Result<Prepared> prepare(const Job& job, const std::vector<double>& speeds) {
  const auto bytes = job.shard->member(job.clip->member);
  if (!bytes) return bytes.error();
  const auto audio = decode_audio(*bytes, job.clip->shard + ":" + job.clip->member);
  if (!audio) return audio.error();
  Prepared prepared;
  for (const double speed : speeds) {
    const auto samples = resample(audio->samples, speed * kSampleRate, kSampleRate);
    if (!samples) return Error{samples.error().code, job.clip->id + ": " + samples.error().message};
    const std::vector<float> frames = log_mel(*samples);
    Version version{speed, static_cast<double>(samples->size()) / kSampleRate, std::vector<half>(frames.size())};
    std::transform(frames.begin(), frames.end(), version.frames.begin(), [](float x) { return to_half(x); });
    if (speed == 1) {
      prepared.num_frames = frames.size() / kNumBands;
      for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto x = static_cast<double>(frames[i]);
        prepared.sum[i % kNumBands] += x;
        prepared.sum_of_squares[i % kNumBands] += x * x;
      }
    }
    prepared.versions.push_back(std::move(version));
  }
  return prepared;
}

/// Calls make(i) for i in [0, n) on some threads and use(i, result) on the caller's, in order; at most `ahead` results
/// wait. Stops at the first that use refuses.
template <class Make, class Use>
Status in_order(std::size_t n, int threads, std::size_t ahead, const Make& make, const Use& use) {
  using Made = decltype(make(0));
  std::mutex mutex;
  std::condition_variable made_one, used_one;
  std::map<std::size_t, Made> waiting;
  std::size_t next = 0, used = 0;
  bool stop = false;
  std::vector<std::jthread> workers;
  for (int k = 0; k < threads; ++k)
    workers.emplace_back([&] {
      for (;;) {
        std::size_t mine;
        {
          std::unique_lock lock(mutex);
          used_one.wait(lock, [&] { return stop || next == n || next < used + ahead; });
          if (stop || next == n) return;
          mine = next++;
        }
        Made made = make(mine);
        const std::lock_guard lock(mutex);
        waiting.emplace(mine, std::move(made));
        if (mine == used) made_one.notify_one();
      }
    });
  Status status = Done{};
  for (std::size_t i = 0; i < n && status; ++i) {
    std::unique_lock lock(mutex);
    made_one.wait(lock, [&] { return waiting.contains(i); });
    auto node = waiting.extract(i);
    used = i + 1;
    lock.unlock();
    used_one.notify_all();
    status = use(i, std::move(node.mapped()));
  }
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  used_one.notify_all();
  return status;
}

/// Opens the wanted shards, or all that are there, and lists the clips in them in manifest order.
Status find_jobs(const Options& options,
                 const std::vector<Clip>& clips,
                 std::map<std::string, TarShard>& shards,
                 std::vector<Job>& jobs) {
  std::vector<std::string> names = options.shards;
  std::error_code ignored;
  if (names.empty())
    for (const Clip& clip : clips)
      if (fs::exists(fs::path(options.data) / clip.shard, ignored)) names.push_back(clip.shard);
  for (std::string name : names) {
    if (!name.ends_with(".tar")) name += ".tar";
    if (shards.contains(name)) continue;
    auto shard = TarShard::open((fs::path(options.data) / name).string());
    if (!shard) return shard.error();
    shards.emplace(name, std::move(*shard));
  }
  for (const Clip& clip : clips) {
    const auto shard = shards.find(clip.shard);
    if (shard != shards.end() && (options.split == "all" || clip.split == options.split))
      jobs.push_back({&clip, &shard->second});
  }
  if (jobs.empty())
    return Error{Code::NotFound,
                 fmt::format("{}: no clip of split '{}' in {} shards", options.data, options.split, shards.size())};
  return Done{};
}

FeatureNorm norm_of(const Prepared& total) {
  FeatureNorm norm;
  const auto n = static_cast<double>(total.num_frames);
  for (int b = 0; b < kNumBands; ++b) {
    const double mean = total.sum[b] / n;
    const double variance = std::max(total.sum_of_squares[b] / n - mean * mean, 1e-6);
    norm.mean[b] = static_cast<float>(mean);
    norm.inverse_deviation[b] = static_cast<float>(1 / std::sqrt(variance));
  }
  return norm;
}

Status write_features(const Options& options) {
  const auto clips = read_manifest((fs::path(options.data) / "manifest.tsv").string());
  if (!clips) return clips.error();
  std::map<std::string, TarShard> shards;
  std::vector<Job> jobs;
  if (const Status found = find_jobs(options, *clips, shards, jobs); !found) return found;
  std::error_code failed;
  fs::create_directories(options.out, failed);
  if (failed) return Error{Code::Io, fmt::format("{}: cannot make the folder: {}", options.out, failed.message())};
  auto features = OutputFile::create((fs::path(options.out) / "features.f16").string());
  if (!features) return features.error();

  std::string index = "id\tspeed\tfirst_frame\tframes\tseconds\n";
  Prepared total;  // over the train clips
  std::size_t first_frame = 0;
  double decoded_s = 0;
  const Stopwatch watch;
  const Status written = in_order(
      jobs.size(),
      options.threads,
      8 * static_cast<std::size_t>(options.threads),
      [&](std::size_t i) { return prepare(jobs[i], options.speeds); },
      [&](std::size_t i, Result<Prepared> result) -> Status {
        if (!result) return result.error();
        const Clip& clip = *jobs[i].clip;
        for (const Version& version : result->versions) {
          const std::size_t frames = version.frames.size() / kNumBands;
          index +=
              fmt::format("{}\t{}\t{}\t{}\t{:.4f}\n", clip.id, version.speed, first_frame, frames, version.seconds);
          first_frame += frames;
          const std::string_view bytes(reinterpret_cast<const char*>(version.frames.data()),
                                       version.frames.size() * sizeof(half));
          if (const Status done = features->write(bytes); !done) return done;
        }
        if (clip.split == "train") {
          total.num_frames += result->num_frames;
          for (int b = 0; b < kNumBands; ++b) total.sum[b] += result->sum[b];
          for (int b = 0; b < kNumBands; ++b) total.sum_of_squares[b] += result->sum_of_squares[b];
        }
        decoded_s += clip.duration_s;
        if ((i + 1) % 200 == 0 || i + 1 == jobs.size()) {
          const double seconds = watch.seconds();
          fmt::print(stderr,
                     "{} of {} clips, {:.2f} h, {} frames, {:.1f} s, {:.0f} s of audio a second\n",
                     i + 1,
                     jobs.size(),
                     decoded_s / 3600,
                     first_frame,
                     seconds,
                     decoded_s / seconds);
        }
        return Done{};
      });
  if (!written) return written;
  // The index goes first and comes last: where one stands, it speaks of the features beside it.
  fs::remove(fs::path(options.out) / "index.tsv", failed);
  if (const Status done = features->commit(); !done) return done;
  if (total.num_frames > 0) {
    const std::string text = format_feature_norm(norm_of(total));
    if (const Status done = write_file((fs::path(options.out) / "norm.tsv").string(), text); !done) return done;
  } else {
    fmt::print(stderr, "no norm.tsv: no train clip at speed 1\n");
  }
  return write_file((fs::path(options.out) / "index.tsv").string(), index);
}

int run(int argc, char** argv) {
  CLI::App app("Prepares training data.", "pipit_prepare");
  app.require_subcommand(1);
  Options options;
  CLI::App* const features = app.add_subcommand("features", "log-mel frames of every clip, in fp16");
  features->add_option("--data", options.data, "folder of manifest.tsv and the tar shards")->required();
  features->add_option("--out", options.out, "folder to write features.f16, index.tsv, norm.tsv to")->required();
  features->add_option("--speeds", options.speeds, "how fast each clip is said, e.g. 0.9,1,1.1")
      ->delimiter(',')
      ->check(CLI::Range(0.5, 2.0))
      ->capture_default_str();
  features->add_option("--threads", options.threads, "how many clips at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  features->add_option("--shards", options.shards, "e.g. train-000,train-001 (default: all that are there)")
      ->delimiter(',');
  features->add_option("--split", options.split, "which clips")
      ->check(CLI::IsMember({"train", "dev", "all"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "pipit_prepare: {} (see --help)\n", error.what());
    return 2;
  }
  std::sort(options.speeds.begin(), options.speeds.end());
  options.speeds.erase(std::unique(options.speeds.begin(), options.speeds.end()), options.speeds.end());
  const Status done = write_features(options);
  if (!done) fmt::print(stderr, "pipit_prepare: {}\n", done.error().message);
  return done ? 0 : 1;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) try { return pipit::run(argc, argv); } catch (const std::exception& error) {
  fmt::print(stderr, "pipit_prepare: {}\n", error.what());
  return 1;
}
