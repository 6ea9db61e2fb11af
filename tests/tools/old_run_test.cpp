// A run of version 0.1.0, killed in its third epoch of four, that every later
// version is to take up: goldens/run-0.1.0 stays as it is, for good.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/export/format.h"
#include "tools/report/history.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class OldRun : public testing::Test {
 protected:
  OldRun() {
    fs::copy(fs::path(SKIPZOO_GOLDENS) / "run-0.1.0", folder / "run");
  }
  Finished call(std::vector<std::string> arguments) {
    return run_skipzoo(std::move(arguments), folder.path().string());
  }

  TemporaryFolder folder;
};

TEST_F(OldRun, Evaluates) {
  // Its second epoch, as summary.csv has it: the best so far.
  const auto finished =
      call({"evaluate", "run/best.skz", "--device", "cpu", "--json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("\"top1\":26.953125"), std::string::npos)
      << finished.out;
}

TEST_F(OldRun, GoesOnToItsEnd) {
  const auto before = read_csv(folder / "run" / "summary.csv");
  ASSERT_EQ(before.size(), 2u);
  const auto finished = call({"train", "--resume", "run", "--device", "cpu"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto after = read_csv(folder / "run" / "summary.csv");
  ASSERT_EQ(after.size(), 4u);
  for (size_t epoch = 0; epoch < before.size(); ++epoch) {
    EXPECT_EQ(after[epoch].val_loss, before[epoch].val_loss);
  }
  // Of the same run without the kill. Another processor rounds otherwise.
  EXPECT_NEAR(after[2].train_loss, 1.86521, 2e-3);
  EXPECT_NEAR(after[3].train_loss, 1.76305, 2e-3);
  EXPECT_NEAR(after[3].val_loss, 1.63343, 2e-3);
}

TEST_F(OldRun, Exports) {
  for (const auto& format : export_formats()) {
    const std::string name(format.name);
    const auto finished = call(
        {"export", "run/last.skz", "--format", name, "-o", "network." + name});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
  }
}

}  // namespace
}  // namespace skipzoo
