// Runs on CUDA as a user starts them. Skipped where there is no CUDA device.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/cuda_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

nlohmann::json evaluated_on(const fs::path& file, const std::string& device) {
  const auto finished =
      run_skipzoo({"evaluate", file.string(), "--device", device, "--json"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return nlohmann::json::parse(finished.out);
}

TEST_F(CudaRun, LearnsAndItsCheckpointIsReadOnBothDevices) {
  TemporaryFolder folder;
  const auto run = folder / "run";
  // Two processes may take other kernels, of which some round to TF32.
  const auto rows =
      train("resnet20", run,
            {"--set", "train.epochs=10", "--set", "train.tf32=false"});
  EXPECT_GT(rows.back().val_top1, 90);
  const auto there = evaluated_on(run / "last.skz", "cuda");
  const auto here = evaluated_on(run / "last.skz", "cpu");
  EXPECT_NEAR(there.at("loss").get<double>(), rows.back().val_loss, 1e-4);
  EXPECT_NEAR(there.at("loss").get<double>(), here.at("loss").get<double>(),
              2e-3);
  EXPECT_NEAR(there.at("top1").get<double>(), here.at("top1").get<double>(), 1);
}

TEST_F(CudaRun, EveryFamilyLearnsInSixteenBits) {
  for (const char* amp : {"bf16", "fp16"}) {
    for (const char* name : {"conv_net", "resnet20", "densenet"}) {
      TemporaryFolder folder;
      const auto rows = train(name, folder / "run",
                              {"--set", "train.epochs=10", "--set",
                               std::string("train.amp=") + amp});
      EXPECT_GT(rows.back().val_top1, 90) << name << ' ' << amp;
    }
  }
}

TEST_F(CudaRun, GoesOnFromACheckpointOfEitherDevice) {
  for (const char* first : {"cpu", "cuda"}) {
    TemporaryFolder folder;
    const auto run = folder / "run";
    const std::vector<std::string> common = {"train", "-c", config("resnet20"),
                                             "-o", run.string()};
    auto begin = common;
    begin.insert(begin.end(), {"--device", first, "--set", "train.epochs=2"});
    ASSERT_EQ(run_skipzoo(begin).exit_code, 0) << first;
    auto resume = common;
    resume.insert(resume.end(),
                  {"--resume", "--device", "cuda", "--set", "train.epochs=4"});
    const auto finished = run_skipzoo(resume);
    EXPECT_EQ(finished.exit_code, 0) << first << ": " << finished.err;
    EXPECT_EQ(read_csv(run / "summary.csv").size(), 4u) << finished.err;
  }
}

// The batches are equal, so the runs are but for the order of sums.
TEST_F(CudaRun, PicturesThatLiveThereTrainAsThoseOfTheHost) {
  TemporaryFolder folder;
  const auto loss = [&](const std::string& word, const std::string& log) {
    const auto run = folder / word;
    const auto rows =
        train("resnet20", run,
              {"--set", "train.epochs=2", "--set", "data.on_device=" + word});
    EXPECT_EQ(read_text(run / "train.log").find(log) != std::string::npos,
              word == "auto");
    return rows.front().train_loss;
  };
  const std::string log = "the training pictures live on cuda:0";
  EXPECT_NEAR(loss("auto", log), loss("off", log), 0.02);
}

TEST_F(CudaRun, PredictsWhatTheCpuPredicts) {
  TemporaryFolder folder;
  train("resnet20", folder / "run", {"--set", "train.epochs=2"});
  const auto predict = [&](const char* device) {
    const auto finished =
        run_skipzoo({"predict", (folder / "run").string(),
                     std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg",
                     "--format", "json", "--topk", "1", "--device", device});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out);
  };
  const auto there = predict("cuda");
  const auto here = predict("cpu");
  EXPECT_EQ(there.at("predictions")[0].at("class"),
            here.at("predictions")[0].at("class"))
      << there << here;
}

TEST_F(CudaRun, PredictsInEachType) {
  TemporaryFolder folder;
  train("resnet20", folder / "run", {"--set", "train.epochs=2"});
  const auto predict = [&](const std::string& type) {
    const auto finished = run_skipzoo(
        {"predict", (folder / "run").string(),
         std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg", "--format", "json",
         "--topk", "1", "--device", "cuda", "--dtype", type});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out)
        .at("predictions")[0]
        .at("probability")
        .get<double>();
  };
  const double exact = predict("fp32");
  EXPECT_NEAR(predict("bf16"), exact, 0.05);
  EXPECT_NEAR(predict("fp16"), exact, 0.02);
}

TEST_F(CudaRun, BenchmarksInEachType) {
  for (const char* mode : {"train", "infer"}) {
    for (const char* type : {"fp32", "bf16", "fp16"}) {
      const auto finished = run_skipzoo(
          {"benchmark", "-c", config("densenet"), "--mode", mode, "--dtype",
           type, "--device", "cuda", "--seconds", "0.1", "--json"});
      ASSERT_EQ(finished.exit_code, 0) << finished.err;
      const auto json = nlohmann::json::parse(finished.out);
      EXPECT_EQ(json.at("dtype"), type);
      for (const char* key :
           {"images_per_s", "ms_median", "peak_mb", "tflop_per_s",
            "card_tflop_per_s", "tb_per_s", "card_tb_per_s"}) {
        EXPECT_GT(json.at(key), 0) << key << ' ' << mode << ' ' << type;
      }
      EXPECT_GE(json.at("reserved_mb"), json.at("peak_mb"));
      EXPECT_LE(json.at("ms_min"), json.at("ms_median"));
    }
  }
}

}  // namespace
}  // namespace skipzoo
