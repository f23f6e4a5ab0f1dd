#include "nn/model_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "bits/half.h"
#include "nn/model_layout.h"
#include "nn/quantise.h"

namespace pipit {
namespace {

class ModelFileTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = testing::TempDir() + "nn_model_" + std::to_string(::getpid()) + ".model";
};

std::vector<float> random_values(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

void write_small(const std::string& path) {
  ModelWriter writer;
  writer.add("a", {2, 3}, random_values(6, 1));
  writer.add("b", {5}, random_values(5, 2), StoredAs::Half);
  writer.add("c", {3, 2}, random_values(6, 3), StoredAs::Int8);
  writer.set_card(R"({"who": "us"})");
  ASSERT_TRUE(writer.write(path));
}

/// A file with a header of our making, right but for it.
std::string file_with(const std::string& header, std::uint64_t data_bytes) {
  model_layout::Preamble preamble{};
  std::ranges::copy(model_layout::kMagic, preamble.magic.begin());
  preamble.version = model_layout::kVersion;
  preamble.header_bytes = header.size();
  preamble.file_bytes = model_layout::aligned(64 + header.size()) + data_bytes;
  std::string file(preamble.file_bytes, '\0');
  header.copy(file.data() + 64, header.size());
  preamble.checksum = model_layout::checksum_of(file.data(), header.size(), file.size());
  std::memcpy(file.data(), &preamble, sizeof preamble);
  return file;
}

std::string one_tensor(const std::string& fields) {
  return R"({"card": {}, "tensors": [{"name": "w", )" + fields + "}]}";
}

TEST_F(ModelFileTest, GivesBackWhatWasWritten) {
  write_small(path_);
  auto opened = ModelFile::open(path_);
  ASSERT_TRUE(opened) << opened.error().message;
  const ModelFile file = std::move(*opened);  // views survive the move
  EXPECT_EQ(file.card(), R"({"who":"us"})");
  EXPECT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.get("a", {2, 3})->values(), random_values(6, 1));
  const std::vector<float> b = file.get("b", {5})->values(), want_b = random_values(5, 2);
  for (std::size_t k = 0; k < b.size(); ++k) EXPECT_EQ(b[k], round_to_half(want_b[k]));
  const std::vector<float> c = file.get("c", {3, 2})->values(), want_c = random_values(6, 3);
  for (std::size_t k = 0; k < c.size(); ++k)
    EXPECT_LE(std::fabs(c[k] - want_c[k]), file.find("c")->scales[k / 2] * (0.5f + 127 * 0x1p-21f)) << k;
  for (const auto& [name, tensor] : file.tensors())
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data.data()) % 64, 0u) << name;
  EXPECT_EQ(file.find("d"), nullptr);
  EXPECT_EQ(file.get("d", {1}).error().code, Code::NotFound);
  EXPECT_NE(file.get("a", {3, 2}).error().message.find("'a' has shape [2, 3], wanted [3, 2]"), std::string::npos);
}

TEST_F(ModelFileTest, EveryByteCounts) {
  write_small(path_);
  const std::string whole = *read_file(path_);
  ASSERT_LT(whole.size(), 2000u);
  for (std::size_t k = 0; k < whole.size(); ++k)
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[k] = static_cast<char>(damaged[k] ^ flip);
      ASSERT_TRUE(write_file(path_, damaged));
      const auto opened = ModelFile::open(path_);
      ASSERT_FALSE(opened) << "byte " << k;
      EXPECT_EQ(opened.error().message.rfind(path_ + ": ", 0), 0u);
      EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
    }
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_TRUE(write_file(path_, whole.substr(0, length)));
    ASSERT_FALSE(ModelFile::open(path_)) << length << " bytes";
  }
  ASSERT_TRUE(write_file(path_, whole + "x"));
  EXPECT_FALSE(ModelFile::open(path_));
  ASSERT_TRUE(write_file(path_, whole));
  EXPECT_TRUE(ModelFile::open(path_));
}

TEST_F(ModelFileTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(ModelFile::open(path_).error().code, Code::NotFound);
  EXPECT_EQ(ModelFile::open(testing::TempDir()).error().code, Code::Unsupported);
  EXPECT_EQ(ModelFile::open("/dev/null").error().code, Code::Unsupported);
}

TEST_F(ModelFileTest, RefusesHostileHeaders) {
  const std::string good = R"("format": "f32", "shape": [2, 8], "offset": 0, "bytes": 64)";
  ASSERT_TRUE(write_file(path_, file_with(one_tensor(good), 64)));
  ASSERT_TRUE(ModelFile::open(path_)) << ModelFile::open(path_).error().message;

  const auto tensor = [](const char* format, const char* shape, const char* offset, const char* bytes) {
    return one_tensor(std::string(R"("format": )") + format + R"(, "shape": )" + shape + R"(, "offset": )" + offset +
                      R"(, "bytes": )" + bytes);
  };
  const std::string two = R"({"card": {}, "tensors": [{"name": "v", )" + good + R"(}, {"name": "w", )" + good + "}]}";
  const std::string again = R"({"card": {}, "tensors": [{"name": "w", )" + good +
                            R"(}, {"name": "w", "format": "f32", "shape": [16], "offset": 64, "bytes": 64}]})";
  const std::pair<std::string, std::string> cases[] = {
      {"", "no JSON"},
      {"[]", "no JSON object"},
      {"{\"card\": {}", "no JSON"},
      {std::string(100000, '['), "no JSON"},
      {R"({"tensors": []})", "'card'"},
      {R"({"card": {}, "tensors": 1})", "'tensors'"},
      {R"({"card": {}, "tensors": [1]})", "no name"},
      {tensor("\"f64\"", "[2, 8]", "0", "64"), "wanted f32"},
      {tensor("1", "[2, 8]", "0", "64"), "wanted f32"},
      {tensor("\"f32\"", "[0, 8]", "0", "0"), "shape"},
      {tensor("\"f32\"", "[-2, 8]", "0", "64"), "shape"},
      {tensor("\"f32\"", "[]", "0", "4"), "shape"},
      {tensor("\"f32\"", "[1, 1, 1, 2, 8]", "0", "64"), "shape"},
      {tensor("\"f32\"", "[2.0, 8]", "0", "64"), "shape"},
      {tensor("\"f32\"", "[4294967296, 4294967296]", "0", "0"), "shape"},
      {tensor("\"f32\"", "[2147483648, 2147483648, 4]", "0", "0"), "shape"},
      {tensor("\"f32\"", "[2, 8]", "0", "60"), "bytes is not 64"},
      {tensor("\"i8\"", "[2, 8]", "0", "16"), "bytes is not 72"},
      {tensor("\"f32\"", "[2, 8]", "4", "64"), "offset"},
      {tensor("\"f32\"", "[2, 8]", "-64", "64"), "offset"},
      {tensor("\"f32\"", "[2, 8]", "128", "64"), "beyond"},
      {tensor("\"f32\"", "[2, 8]", "18446744073709551552", "64"), "beyond"},
      {tensor("\"f32\"", "[1048576, 1048576]", "0", "4398046511104"), "beyond"},
      {R"({"card": {}, "tensors": [{"name": "\u001b\u00e9"}]})", "tensor '???': format is ''"},
      {two, "overlaps"},
      {again, "twice"},
  };
  for (const auto& [header, why] : cases) {
    ASSERT_TRUE(write_file(path_, file_with(header, 128)));
    const auto opened = ModelFile::open(path_);
    ASSERT_FALSE(opened) << header.substr(0, 200);
    EXPECT_NE(opened.error().message.find(why), std::string::npos) << opened.error().message;
  }
}

TEST_F(ModelFileTest, SaysWhichVersion) {
  std::string file = file_with(R"({"card": {}, "tensors": []})", 0);
  file[8] = 2;
  ASSERT_TRUE(write_file(path_, file));
  const auto opened = ModelFile::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::Unsupported);
  EXPECT_NE(opened.error().message.find("version 2 of the model file, wanted version 1"), std::string::npos);
}

TEST_F(ModelFileTest, WriterRefusesWhatItCannotStore) {
  const float large[] = {1, 65520}, nothing[] = {1, std::numeric_limits<float>::quiet_NaN()};
  for (const StoredAs as : {StoredAs::Single, StoredAs::Half, StoredAs::Int8}) {
    ModelWriter writer;
    writer.add("w", {2}, nothing, as);
    EXPECT_EQ(writer.write(path_).error().code, Code::InvalidArgument);
  }
  ModelWriter half_writer;
  half_writer.add("w", {2}, large, StoredAs::Half);
  EXPECT_NE(half_writer.write(path_).error().message.find("'w'"), std::string::npos);
  ModelWriter no_card;
  no_card.set_card("[1]");
  EXPECT_EQ(no_card.write(path_).error().code, Code::InvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_DEATH(ModelWriter().add("w", {3}, large), "as many");
}

TEST(Quantise, RoundsToNearestAndSurvivesZero) {
  const std::vector<float> x{127, 0.5f, 1.5f, -2.5f, -127, 100.4f};
  std::int8_t q[6];
  EXPECT_EQ(quantise(x, q), 1.0f);
  EXPECT_EQ(std::vector<int>(q, q + 6), (std::vector<int>{127, 0, 2, -2, -127, 100}));
  const std::vector<float> tiny{1e-38f, 0};
  EXPECT_EQ(quantise(tiny, q), 0.0f);
  EXPECT_EQ(q[0], 0);
}

}  // namespace
}  // namespace pipit
