#include "transcribe_turns.h"

#include <fmt/format.h>

#include "json.h"

namespace pipit {
namespace {

Json as_json(const std::string& file, const TurnEvent& event) {
  Json words = Json::array();
  for (const Word& word : event.transcript.words)
    words.push_back({{"word", word.text},
                     {"start_s", word.start_s},
                     {"end_s", word.end_s},
                     {"confidence", number(word.confidence)}});
  return {{"file", file},
          {"event", name_of(event.kind)},
          {"turn", event.turn},
          {"speculation", event.speculation < 0 ? Json(nullptr) : Json(event.speculation)},
          {"at_s", event.at_s},
          {"text", event.transcript.text()},
          {"words", std::move(words)}};
}

void print(const std::string& front, const TurnEvent& event) {
  const std::string name = event.speculation < 0 ? std::string(name_of(event.kind))
                                                 : fmt::format("{} {}", name_of(event.kind), event.speculation);
  fmt::print("{}{:.2f}\t{}\t{}\t{}\n", front, event.at_s, event.turn, name, event.transcript.text());
}

}  // namespace

Status transcribe_turns(const std::vector<std::string>& files,
                        const Ears& ears,
                        const TurnOptions& options,
                        bool json) {
  constexpr std::size_t kPush = 1600;  // as a microphone would: 0.1 s
  for (const std::string& file : files) {
    const auto audio = read_audio(file);
    if (!audio) return audio.error();
    Turns turns(*ears.model, options);
    const auto tell = [&] {
      for (const TurnEvent& event : turns.take()) {
        if (json)
          fmt::print("{}\n", as_json(file, event).dump(-1, ' ', false, Json::error_handler_t::replace));
        else
          print(files.size() > 1 ? file + "\t" : "", event);
      }
    };
    const std::span<const float> samples = audio->samples;
    for (std::size_t at = 0; at < samples.size(); at += kPush) {
      turns.push(samples.subspan(at, std::min(kPush, samples.size() - at)));
      tell();
    }
    turns.finish();
    tell();
  }
  return Done{};
}

}  // namespace pipit
