// pipit_sounds: what every training clip sounds like, phone by phone, and how the words of the language model are said.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "audio/corpus.h"
#include "base/file.h"
#include "lm/word_ngram.h"
#include "text/pieces.h"

namespace pipit {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 26;

struct SoundsOptions {
  std::vector<std::string> dictionaries;
  std::string manifest, lm, pieces, out, lexicon, missing;
};

using Sounds = std::vector<std::string>;                                     // phones of a word
using Dictionary = std::map<std::string, std::vector<Sounds>, std::less<>>;  // by word in capitals

// CMUdict's text: word, perhaps a number in brackets, phones with their stress; `#` begins a remark. Of a word that a
// dictionary before this one has nothing is taken.
Status read_dictionary(const std::string& path, Dictionary& into) {
  const auto text = read_file(path, kMostBytes);
  if (!text) return text.error();
  std::istringstream in(*text);
  Dictionary found;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line.substr(0, line.find('#')));
    std::string word;
    if (!(fields >> word)) continue;
    word.resize(std::min(word.find('('), word.size()));
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::toupper(c); });
    Sounds sounds;
    for (std::string phone; fields >> phone;) {
      while (!phone.empty() && std::isdigit(static_cast<unsigned char>(phone.back())) != 0) phone.pop_back();
      sounds.push_back(phone);
    }
    auto& ways = found[word];
    if (!sounds.empty() && std::find(ways.begin(), ways.end(), sounds) == ways.end()) ways.push_back(sounds);
  }
  into.merge(found);
  return Done{};
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// The first way in the dictionary, which is the commonest; but between other single letters A is a letter too.
const Sounds* sounds_of(const Dictionary& dictionary, const std::vector<std::string>& words, std::size_t k) {
  static const Sounds kLetter = {"EY"};
  const auto is_letter = [&](std::size_t at) {
    return at < words.size() && words[at].size() == 1 && words[at] != "A" && words[at] != "I";
  };
  if (words[k] == "A" && (is_letter(k + 1) || (k > 0 && is_letter(k - 1)))) return &kLetter;
  const auto found = dictionary.find(words[k]);
  return found == dictionary.end() || found->second.empty() ? nullptr : &found->second.front();
}

Status run(const SoundsOptions& o) {
  Dictionary dictionary;
  for (const std::string& path : o.dictionaries)
    if (const Status read = read_dictionary(path, dictionary); !read) return read;
  const auto clips = read_manifest(o.manifest);
  if (!clips) return clips.error();
  const auto lm = WordNgramModel::open(o.lm);
  if (!lm) return lm.error();
  const auto pieces_text = read_file(o.pieces, kMostBytes);
  if (!pieces_text) return pieces_text.error();
  std::vector<std::string> pieces;
  std::istringstream lines(*pieces_text);
  for (std::string line; std::getline(lines, line);) pieces.push_back(line);
  if (static_cast<int>(pieces.size()) != lm->tokens())
    return Error{Code::BadFormat,
                 fmt::format("{}: {} pieces, the language model has {}", o.pieces, pieces.size(), lm->tokens())};

  std::set<std::string> words;  // what may be said, and must be known
  const WordTrie& trie = lm->words();
  for (std::uint32_t node = 1; node < trie.num_nodes(); ++node) {
    if (!trie.ends_word(node)) continue;
    std::vector<std::string> spelled;
    for (const std::int32_t piece : trie.path(node)) spelled.push_back(pieces[static_cast<std::size_t>(piece)]);
    words.insert(join_pieces(spelled));
  }
  for (const Clip& clip : *clips)
    if (clip.split == "train")
      for (const std::string& word : words_of(clip.text)) words.insert(word);

  std::set<std::string> names;
  std::string lexicon, missing;
  for (const std::string& word : words) {
    const auto found = dictionary.find(word);
    if (found == dictionary.end()) {
      missing += word + '\n';
      continue;
    }
    for (const Sounds& way : found->second) {
      lexicon += fmt::format("{}\t{}\n", word, fmt::join(way, " "));
      names.insert(way.begin(), way.end());
    }
  }
  std::map<std::string, int> number;
  std::string list = "<blank>\n", table = "id\tphones\n";
  for (const std::string& name : names) number[name] = static_cast<int>(number.size()) + 1, list += name + '\n';
  std::size_t silent = 0;
  for (const Clip& clip : *clips) {
    std::vector<int> phones;
    const std::vector<std::string> said = words_of(clip.text);
    for (std::size_t k = 0; k < said.size(); ++k) {
      const Sounds* sounds = sounds_of(dictionary, said, k);
      if (sounds == nullptr ||
          !std::all_of(sounds->begin(), sounds->end(), [&](auto& p) { return number.contains(p); })) {
        phones.clear(), ++silent;  // a clip with a word of unknown sound teaches no phones
        break;
      }
      for (const std::string& phone : *sounds) phones.push_back(number[phone]);
    }
    table += fmt::format("{}\t{}\n", clip.id, fmt::join(phones, " "));
  }
  fmt::print(stderr,
             "{} words, {} of unknown sound; {} phones; {} of {} clips have such a word\n",
             words.size(),
             std::count(missing.begin(), missing.end(), '\n'),
             names.size(),
             silent,
             clips->size());
  std::error_code ignored;
  std::filesystem::create_directories(o.out, ignored);
  if (!o.missing.empty())
    if (const Status done = write_file(o.missing, missing); !done) return done;
  if (!o.lexicon.empty())
    if (const Status done = write_file(o.lexicon, lexicon); !done) return done;
  if (const Status done = write_file(o.out + "/phone_names.txt", list); !done) return done;
  return write_file(o.out + "/phones.tsv", table);
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::SoundsOptions o;
  CLI::App app("Writes what every clip of a manifest sounds like, and how the words of a language model are said.");
  app.add_option(
         "--dictionary", o.dictionaries, "text as CMUdict's; what the first one does not know is asked of the next")
      ->required();
  app.add_option("--manifest", o.manifest, "manifest.tsv")->required();
  app.add_option("--lm", o.lm, "language model whose words are said")->required();
  app.add_option("--pieces", o.pieces, "pieces.txt of pipit_units")->required();
  app.add_option("--out", o.out, "folder for phones.tsv and phone_names.txt")->required();
  app.add_option("--lexicon", o.lexicon, "file for the words and how they are said");
  app.add_option("--missing", o.missing, "file for the words that no dictionary knows");
  CLI11_PARSE(app, argc, argv);
  if (const pipit::Status done = pipit::run(o); !done) {
    fmt::print(stderr, "pipit_sounds: {}\n", done.error().message);
    return 1;
  }
  return 0;
}
