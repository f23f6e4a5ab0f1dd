// Turns of a made-up voice that the trained model of models/ hears words in.
#include "asr/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "asr/test_voice.h"
#include "base/random.h"

namespace pipit {
namespace {

/// Spells of voice with noise between, the first and the last piece noise too.
std::vector<float> talk(std::uint64_t seed, std::span<const double> silences_s) {
  Random random(seed);
  std::vector<float> out;
  for (std::size_t k = 0; k < silences_s.size(); ++k) {
    for (int n = static_cast<int>(16000 * silences_s[k]); n > 0; --n)
      out.push_back(static_cast<float>(0.0005 * random.normal()));
    if (k + 1 == silences_s.size()) break;
    const std::vector<float> more = voice(seed * 10 + k, 2);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

TurnOptions with_patience(double patience_s, double lead_s = 0.2) {
  TurnOptions out;
  out.search.lexicon = &lexicon();  // with a second look: what is final may differ from what was partial
  out.end.patience_s = patience_s;
  out.end.lead_s = lead_s;
  return out;
}

std::vector<TurnEvent> listen(const TurnOptions& options, std::span<const float> sound, std::size_t most = 0) {
  Turns turns(model(), options);
  Random random(most);
  std::vector<TurnEvent> out;
  const auto take = [&] {
    for (TurnEvent& event : turns.take()) out.push_back(std::move(event));
  };
  for (std::size_t at = 0; at < sound.size();) {
    const std::size_t n = most == 0 ? sound.size() : std::min(random.below(most), sound.size() - at);
    turns.push(sound.subspan(at, n));
    at += n;
    take();
  }
  turns.finish();
  take();
  return out;
}

void expect_same(const std::vector<TurnEvent>& a, const std::vector<TurnEvent>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].kind, b[k].kind);
    EXPECT_EQ(a[k].turn, b[k].turn);
    EXPECT_EQ(a[k].speculation, b[k].speculation);
    EXPECT_EQ(a[k].at_s, b[k].at_s);
    EXPECT_EQ(a[k].transcript.text(), b[k].transcript.text());
    EXPECT_EQ(a[k].transcript.log_score, b[k].transcript.log_score);
  }
}

std::vector<TurnEvent> finals(const std::vector<TurnEvent>& events) {
  std::vector<TurnEvent> out;
  for (const TurnEvent& event : events)
    if (event.kind == TurnEvent::Kind::Final) out.push_back(event);
  for (TurnEvent& event : out) event.speculation = -1;
  return out;
}

TEST(Turns, AnyPiecesGiveTheSameEvents) {
  const std::vector<float> sound = talk(1, std::vector{0.5, 0.6, 1.5, 1.5});
  const auto whole = listen(with_patience(0.7), sound);
  ASSERT_GE(finals(whole).size(), 2u) << "the voice must say something, or this test says nothing";
  for (const std::size_t most : {200, 1000, 5000, 40000}) expect_same(listen(with_patience(0.7), sound, most), whole);
}

TEST(Turns, FinalsAreThoseOfASingleEndPointer) {
  Random random(2);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::vector<double> silences_s(5);
    for (double& s : silences_s) s = random.uniform(0.2, 1.5);
    const std::vector<float> sound = talk(seed, silences_s);
    for (const bool carry : {true, false}) {
      TurnOptions both = with_patience(0.7), single = with_patience(0.7, 0);
      both.carry_context = single.carry_context = carry;
      expect_same(finals(listen(both, sound)), finals(listen(single, sound)));
    }
  }
}

TEST(Turns, OneFinalForEachTurnAndNothingBehindIt) {
  Random random(3);
  int revised = 0, confirmed = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::vector<double> silences_s(6);
    for (double& s : silences_s) s = random.uniform(0.3, 1.2);
    int turn = 0, standing = -1;
    double before_s = 0;
    std::string text;
    for (const TurnEvent& event : listen(with_patience(0.8), talk(seed, silences_s))) {
      EXPECT_EQ(event.turn, turn);
      EXPECT_GE(event.at_s, before_s);
      before_s = event.at_s;
      for (const Word& word : event.transcript.words) EXPECT_LE(word.end_s, event.at_s + 0.06);
      switch (event.kind) {
        case TurnEvent::Kind::Partial:
          break;
        case TurnEvent::Kind::Speculative:
          EXPECT_EQ(standing, -1);
          standing = event.speculation;
          text = event.transcript.text();
          break;
        case TurnEvent::Kind::Revised:
          EXPECT_EQ(event.speculation, standing);
          standing = -1;
          ++revised;
          break;
        case TurnEvent::Kind::Final:
          EXPECT_EQ(event.speculation, standing);
          if (standing >= 0) {
            EXPECT_EQ(event.transcript.text(), text) << "what was confirmed is what was said";
            ++confirmed;
          }
          EXPECT_FALSE(event.transcript.words.empty());
          for (const Word& word : event.transcript.words) EXPECT_GT(word.confidence, 0) << word.text;
          standing = -1;
          ++turn;
      }
    }
    EXPECT_EQ(standing, -1) << "every guess is confirmed or taken back";
  }
  EXPECT_GE(revised, 2);
  EXPECT_GE(confirmed, 2);
}

TEST(Turns, ASpeakerWhoGoesOnInTimeTakesTheGuessBack) {
  const auto events = listen(with_patience(0.9, 0.4), talk(4, std::vector{0.5, 0.75, 1.5}));
  std::vector<std::string_view> kinds;
  for (const TurnEvent& event : events)
    if (event.kind != TurnEvent::Kind::Partial) kinds.push_back(name_of(event.kind));
  const std::vector<std::string_view> wanted = {
      "endpoint_speculative", "revised", "endpoint_speculative", "endpoint_final"};
  EXPECT_EQ(kinds, wanted);
  EXPECT_EQ(finals(events).size(), 1u);
}

TEST(Turns, AVoiceThatSoundsFinishedEndsItsTurnEarlier) {
  const std::vector<float> sound = talk(4, std::vector{0.5, 2.0});
  const std::size_t n = Cadence::kParts * model().heard_dim();
  const auto end_s = [&](float says) {  // whatever it hears, nats
    TurnOptions options = with_patience(0.7);
    options.cadence = Cadence(std::vector<float>(n, 0), says);
    options.weights.per_unit[kCadence] = 0.1;
    options.weights.least_s = -0.5, options.weights.most_s = 0.5;
    const auto ends = finals(listen(options, sound));
    EXPECT_EQ(ends.size(), 1u);
    return ends.empty() ? 0 : ends[0].at_s;
  };
  EXPECT_NEAR(end_s(-3) - end_s(0), 0.3, 0.011) << "to a tick";
  EXPECT_NEAR(end_s(0) - end_s(3), 0.3, 0.011);
}

TEST(Turns, EachPauseIsAskedAboutOnce) {
  Turns turns(model(), with_patience(2));
  turns.push(talk(7, std::vector{0.5, 0.8, 0.8, 0.8}));
  EXPECT_GE(turns.num_pauses(), 3) << "and where the made-up voice breaks off by itself";
  const auto& h = turns.heard_at_pause();
  EXPECT_TRUE(std::any_of(h.begin(), h.end(), [](float v) { return v != 0; }));
  const std::int64_t before = turns.num_pauses();
  turns.push(std::vector<float>(16000));
  EXPECT_EQ(turns.num_pauses(), before) << "the same silence";
}

TEST(Turns, WordsOfOneTurnAreThoseOfTheWholeSound) {
  const std::vector<float> sound = talk(5, std::vector{0.5, 1.0});
  const auto events = finals(listen(with_patience(0.6), sound));
  ASSERT_EQ(events.size(), 1u);
  Recogniser recogniser(model(), with_patience(0.6).search);
  recogniser.push(sound);
  recogniser.finish();
  const Transcript whole = recogniser.settled();
  ASSERT_EQ(events[0].transcript.text(), whole.text());
  for (std::size_t k = 0; k < whole.words.size(); ++k) {
    EXPECT_EQ(events[0].transcript.words[k].start_s, whole.words[k].start_s);
    EXPECT_EQ(events[0].transcript.words[k].end_s, whole.words[k].end_s);
  }
}

TEST(Turns, SilenceHasNoTurns) {
  EXPECT_TRUE(listen(with_patience(0.3), talk(6, std::vector{20.0})).empty());
  EXPECT_TRUE(listen(with_patience(0.3), std::vector<float>(100)).empty());
  EXPECT_TRUE(listen(with_patience(0.3), {}).empty());
}

}  // namespace
}  // namespace pipit
