// `pipit pgo` on the public graphs: the chi2 of the reference table, in double and in mixed precision.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/data_path.h"
#include "tests/e2e/program.h"

namespace pipit {
namespace {

using nlohmann::json;

struct Graph {
  const char* file;
  double chi2;  ///< slam/README.md of the data folder; the last two: lowest of 30 starts, docs/results/starts.txt
};

class Reference : public testing::TestWithParam<Graph> {};

TEST_P(Reference, MixedEndsWhereDoubleAndTheTableEnd) {
  const auto& [file, chi2] = GetParam();
  const std::string path = data_path(std::string("slam/posegraphs/") + file);
  PIPIT_NEED_DATA(path);
  const ScratchFolder scratch;
  double found[2] = {};
  const char* const presets[2] = {"double", "mixed"};
  for (int k = 0; k < 2; ++k) {
    const std::string report = scratch.file(presets[k]);
    const Outcome run =
        run_pipit({"pgo", path, "--precision", presets[k], "--quiet", "--json", report}, {.time_limit_s = 200});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    json values = json::parse(text_of(report), nullptr, false);
    ASSERT_TRUE(values["chi2_final"].is_number());
    found[k] = values["chi2_final"];
    EXPECT_EQ(values["half"]["overflow"], 0) << presets[k];
    // 0.1 % is what Pipit promises; a lower optimum than the table's would be news, not a pass.
    EXPECT_NEAR(found[k], chi2, 1e-3 * chi2) << presets[k];
  }
  EXPECT_NEAR(found[1], found[0], 1e-3 * found[0]);
}

INSTANTIATE_TEST_SUITE_P(Graphs,
                         Reference,
                         testing::Values(Graph{"tinyGrid3D.g2o", 6.72788},
                                         Graph{"smallGrid3D.g2o", 458.154},
                                         Graph{"sphere2500.g2o", 727.1497},
                                         Graph{"parking-garage.g2o", 1.23869},
                                         Graph{"torus3D.g2o", 14574.746},
                                         Graph{"M3500.g2o", 137.913},
                                         Graph{"manhattanOlson3500.g2o", 146.077},
                                         Graph{"ringCity.g2o", 262.818},
                                         Graph{"intel943.g2o", 546.461},
                                         Graph{"CSAIL.g2o", 40.555},
                                         Graph{"kitti_05.g2o", 157.104},
                                         Graph{"kitti_06.g2o", 25.947},
                                         Graph{"MIT.g2o", 41.163},
                                         Graph{"M3500a.g2o", 912.11501},
                                         Graph{"INTEL1228.g2o", 215.83023}),
                         [](const auto& graph) {
                           std::string name = graph.param.file;
                           name.resize(name.find('.'));
                           std::erase_if(name, [](char c) { return c == '-' || c == '_'; });
                           return name;
                         });

}  // namespace
}  // namespace pipit
