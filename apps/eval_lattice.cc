// pipit eval lattice — what the lattices of a recogniser are worth.
#include <algorithm>
#include <memory>

#include "clips.h"
#include "eval.h"
#include "json.h"
#include "lattice/lattice_io.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"
#include "options.h"
#include "speech.h"

namespace pipit {
namespace {

struct LatticeOptions {
  SpeechOptions speech;
  ClipOptions clips;
  std::string json;
  double least = 0.001, scale = 1;
};

struct Row {
  EditCounts best, ten_best, oracle;
  double seconds_audio = 0, bytes = 0, arcs = 0, mismatch = 0, raw_arcs = 0;
};

Status run(const LatticeOptions& o) {
  const auto clips = choose_clips(o.clips);
  if (!clips) return clips.error();
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  std::vector<Row> rows(clips->size());
  const Status all_heard = hear_clips(o.clips, *clips, [&](std::size_t k, const Audio& audio) {
    Row& row = rows[k];
    const std::string& text = (*clips)[k].text;
    const auto reference = split_words(text);
    Recogniser recogniser(*ears->model, ears->search);
    recogniser.push(audio.samples);
    recogniser.finish();
    const Transcript best = recogniser.best();
    const Lattice whole = recogniser.lattice();
    const ScoreWeights weights{o.scale, o.scale};
    const Lattice lattice = prune_by_posterior(whole, o.least, weights);
    row.best = count_edits(text, best.text());
    row.mismatch = std::abs(best_path(whole).score - best.log_score) + (path_text(whole, best_path(whole).arcs) == best.text() ? 0 : 1e9);
    std::vector<std::string> texts;
    for (const auto& path : n_best(lattice, 400)) {
      const std::string said = path_text(lattice, path.arcs);
      if (texts.size() == 10) break;
      if (std::find(texts.begin(), texts.end(), said) != texts.end()) continue;
      texts.push_back(said);
      const EditCounts edits = count_edits(text, said);
      if (texts.size() == 1 || edits.errors() < row.ten_best.errors()) row.ten_best = edits;
    }
    row.oracle = oracle(lattice, reference).counts;
    row.bytes = to_bytes(lattice).size();
    row.arcs = lattice.arcs.size();
    row.raw_arcs = whole.arcs.size();
    row.seconds_audio = audio.seconds();
  });
  if (!all_heard) return all_heard;
  EditCounts best, ten, oracle;
  double seconds = 0, bytes = 0, arcs = 0, mismatch = 0, raw = 0;
  for (const Row& row : rows) {
    best += row.best, ten += row.ten_best, oracle += row.oracle;
    seconds += row.seconds_audio, bytes += row.bytes, arcs += row.arcs, raw += row.raw_arcs;
    mismatch = std::max(mismatch, row.mismatch);
  }
  fmt::print("best {:.2f} ten {:.2f} oracle {:.2f} arcs/word {:.1f} raw {:.1f} bytes {:.3f} mismatch {}\n", 100 * best.rate(), 100 * ten.rate(),
             100 * oracle.rate(), arcs / best.num_reference(), raw / best.num_reference(), bytes / (32000 * seconds) * 100, mismatch);
  return Done{};
}

}  // namespace

void add_eval_lattice(CLI::App& eval, Task& task) {
  auto o = std::make_shared<LatticeOptions>();
  CLI::App& app = *eval.add_subcommand("lattice", "lattices of the clips of a speech bundle: oracle, size, confidence");
  add_clips(app, o->clips);
  add_speech(app, o->speech);
  add_number(app, "--least", o->least, 0.0, 1.0, "posterior");
  add_number(app, "--scale", o->scale, 0.0, 10.0, "of scores");
  add_number(app, "--lattice-beam", o->speech.search.lattice_beam, 0.0F, 100.0F, "of scores");
  add_number(app, "--most-ways", o->speech.search.most_ways, 1, 1000, "of scores");
  add_number(app, "--threshold", o->speech.search.threshold, 1.0F, 1000.0F, "of scores");
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
