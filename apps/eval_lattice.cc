// pipit eval lattice — what lattices and confidences are worth on the clips of a manifest; fits the confidence.
#include <algorithm>
#include <cmath>
#include <memory>

#include "clips.h"
#include "eval.h"
#include "json.h"
#include "lattice/lattice_io.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"
#include "options.h"
#include "progress.h"
#include "speech.h"

namespace pipit {
namespace {

struct LatticeOptions {
  SpeechOptions speech;
  ClipOptions clips;
  std::string json, fit;
};

struct Row {
  EditCounts best, ten_best, oracle;
  std::vector<PathWord> words;
  std::vector<char> right;  // of each word; char, for vector<bool> is no span
  double seconds_audio = 0, seconds_compute = 0;
  std::size_t bytes = 0, num_arcs = 0, num_samples = 0;
  double score_gap = 0, sum_gap = 0;  // of the best path from the beam's; of what leaves a state from 1
};

// How far the posteriors are from a distribution: over the arcs that leave the start, and over those of each state.
double sum_gap(const Lattice& lattice) {
  const Posteriors all = posteriors(lattice);
  const auto first = first_arcs(lattice);
  double gap = 0;
  for (std::size_t s = 0; s + 1 < lattice.frames.size(); ++s) {
    double follow = 0, start = 0;
    for (std::size_t a = first[s]; a < first[s + 1]; ++a) follow += all.follow[a], start += all.arc[a];
    gap = std::max({gap, std::abs(follow - 1), s == 0 ? std::abs(start - 1) : 0});
  }
  return gap;
}

Row measured(const Ears& ears, const Clip& clip, const Audio& audio) {
  constexpr int kTen = 10;
  Recogniser recogniser(*ears.model, ears.search);
  const Heard heard = hear_on(ears, recogniser, audio, {.n_best = kTen, .confidence = true, .lattice = true});
  const auto reference = split_words(clip.text);
  Row row;
  row.best = count_edits(clip.text, heard.best.text());
  row.ten_best = row.best;
  for (const Transcript& one : heard.n_best)
    if (const EditCounts edits = count_edits(clip.text, one.text()); edits.errors() < row.ten_best.errors())
      row.ten_best = edits;
  row.oracle = oracle(heard.lattice, reference).counts;
  row.words = heard.words;
  std::vector<std::string_view> said;
  for (const PathWord& word : row.words) said.push_back(word.text);
  for (const Edit edit : align(reference, said).edits)
    if (edit != Edit::Deletion) row.right.push_back(edit == Edit::Hit);
  row.seconds_audio = heard.seconds_audio;
  row.seconds_compute = heard.seconds_compute;
  row.num_samples = audio.samples.size();
  row.num_arcs = heard.lattice.arcs.size();
  row.bytes = to_bytes(heard.lattice).size();
  row.score_gap = std::abs(best_path(recogniser.search_lattice()).score - recogniser.best().log_score);
  row.sum_gap = sum_gap(heard.lattice);
  return row;
}

struct Sum {
  EditCounts best, ten_best, oracle;
  double seconds_audio = 0, seconds_compute = 0, bytes = 0, num_arcs = 0, num_samples = 0, score_gap = 0, sum_gap = 0;
  void operator+=(const Row& row) {
    best += row.best, ten_best += row.ten_best, oracle += row.oracle;
    seconds_audio += row.seconds_audio, seconds_compute += row.seconds_compute;
    bytes += static_cast<double>(row.bytes), num_arcs += static_cast<double>(row.num_arcs);
    num_samples += static_cast<double>(row.num_samples);
    score_gap = std::max(score_gap, row.score_gap), sum_gap = std::max(sum_gap, row.sum_gap);
  }
  double arcs_per_word() const { return num_arcs / best.num_reference(); }
  double share_of_pcm() const { return bytes / (2 * num_samples); }
};

// Mean confidence and share of right words in ten bins of equally many: the calibration as a table.
Json table(const std::vector<double>& confidence, std::span<const bool> right) {
  std::vector<std::pair<double, bool>> all;
  for (std::size_t k = 0; k < confidence.size(); ++k) all.emplace_back(confidence[k], right[k]);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Json out = Json::array();
  for (std::size_t bin = 0; bin < 10; ++bin) {
    double sum = 0, hits = 0;
    const std::size_t begin = all.size() * bin / 10, end = all.size() * (bin + 1) / 10;
    for (std::size_t k = begin; k < end; ++k) sum += all[k].first, hits += all[k].second ? 1 : 0;
    const auto n = static_cast<double>(end - begin);
    out.push_back({{"words", end - begin}, {"confidence", number(sum / n)}, {"right", number(hits / n)}});
  }
  return out;
}

Status run(const LatticeOptions& o) {
  for (const std::string& path : {o.json, o.fit})
    if (const Status fine = can_write(path); !fine) return fine;
  const auto clips = choose_clips(o.clips);
  if (!clips) return clips.error();
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  std::vector<Row> rows(clips->size());
  const Status all_heard = hear_clips(
      o.clips, *clips, [&](std::size_t k, const Audio& audio) { rows[k] = measured(*ears, (*clips)[k], audio); });
  if (!all_heard) return all_heard;

  Sum sum;
  std::vector<PathWord> words;
  std::vector<char> hits;
  for (const Row& row : rows) {
    sum += row;
    words.insert(words.end(), row.words.begin(), row.words.end());
    hits.insert(hits.end(), row.right.begin(), row.right.end());
  }
  const auto flags = std::make_unique<bool[]>(hits.size());
  std::copy(hits.begin(), hits.end(), flags.get());
  const std::span<const bool> right(flags.get(), hits.size());
  ConfidenceModel model;
  if (o.fit.empty()) {
    model = ears->confidence;
  } else {
    model = ConfidenceModel::fit(words, right);
    if (const Status written = write_file(o.fit, model.text()); !written) return written;
  }
  std::vector<double> posterior, confidence;
  for (const PathWord& word : words) {
    posterior.push_back(word.posterior);
    confidence.push_back(model(word));
  }
  const double auc = area_under_curve(confidence, right), ece = calibration_error(confidence, right);
  if (!is_standard_output(o.json)) {
    fmt::print(
        "{} clips, {:.0f} s, {} words: WER {:.2f} %, best of ten {:.2f} %, lattice oracle {:.2f} % ({:.1f} % below)\n",
        rows.size(),
        sum.seconds_audio,
        sum.best.num_reference(),
        100 * sum.best.rate(),
        100 * sum.ten_best.rate(),
        100 * sum.oracle.rate(),
        100 * (1 - sum.oracle.rate() / sum.best.rate()));
    fmt::print("  {:.1f} arcs a word, {:.2f} % of the bytes of 16-bit sound; real-time factor {:.4f}\n",
               sum.arcs_per_word(),
               100 * sum.share_of_pcm(),
               sum.seconds_compute / sum.seconds_audio);
    fmt::print("  best path within {:.1e} of the beam's score; posteriors sum to 1 within {:.1e}\n",
               sum.score_gap,
               sum.sum_gap);
    fmt::print(
        "  confidence{}: calibration error {:.2f} %, area under the curve {:.3f}; posterior alone {:.2f} %, {:.3f}\n",
        o.fit.empty() ? "" : " (fitted on these clips)",
        100 * ece,
        auc,
        100 * calibration_error(posterior, right),
        area_under_curve(posterior, right));
  }
  return write_json(o.json,
                    {{"split", o.clips.split},
                     {"clips", rows.size()},
                     {"words", sum.best.num_reference()},
                     {"beam", o.speech.search.beam},
                     {"wer", number(sum.best.rate())},
                     {"wer_best_of_ten", number(sum.ten_best.rate())},
                     {"wer_oracle", number(sum.oracle.rate())},
                     {"arcs_per_word", number(sum.arcs_per_word())},
                     {"share_of_pcm_bytes", number(sum.share_of_pcm())},
                     {"score_gap", number(sum.score_gap)},
                     {"posterior_sum_gap", number(sum.sum_gap)},
                     {"fitted_on_these_clips", !o.fit.empty()},
                     {"calibration_error", number(ece)},
                     {"area_under_curve", number(auc)},
                     {"calibration_error_of_posterior", number(calibration_error(posterior, right))},
                     {"area_under_curve_of_posterior", number(area_under_curve(posterior, right))},
                     {"seconds_audio", sum.seconds_audio},
                     {"seconds_compute", sum.seconds_compute},
                     {"bins", table(confidence, right)}});
}

}  // namespace

void add_eval_lattice(CLI::App& eval, Task& task) {
  auto o = std::make_shared<LatticeOptions>();
  CLI::App& app = *eval.add_subcommand("lattice", "lattices of the clips of a speech bundle: oracle, size, confidence");
  add_clips(app, o->clips);
  add_speech(app, o->speech);
  add_output(app, "--fit-calibration", o->fit, "fits the confidence of words to these clips and writes it");
  add_json(app, o->json);
  app.callback([o, &task] {
    expect_different_files({{"--json", o->json}, {"--fit-calibration", o->fit}});
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
