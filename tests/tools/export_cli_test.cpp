// export as a user meets it, and what takes its files.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/export/format.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const std::string kPicture = std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg";

class ExportCommand : public testing::Test {
 protected:
  void SetUp() override {
    const auto config = folder.write(
        "net.yaml",
        "model: {family: densenet, block_config: [1, 1], growth_rate: 4, "
        "num_init_features: 8, num_classes: 3}\n"
        "data: {dataset: synthetic, synthetic_images: 60, image_size: 16, "
        "batch_size: 20, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2]}\n"
        "train: {epochs: 3, threads: 1, device: cpu}\n");
    const auto trained =
        run_skipzoo({"train", "-c", config.string(), "-o", path("run")});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  std::string path(const std::string& name) { return (folder / name).string(); }
  nlohmann::json evaluate(const std::string& file) {
    const auto finished = run_skipzoo({"evaluate", file, "--json"});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out);
  }
  nlohmann::json predict(const std::string& file) {
    const auto finished =
        run_skipzoo({"predict", file, kPicture, "--format", "json"});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out).at("predictions");
  }

  TemporaryFolder folder;
};

TEST_F(ExportCommand, SaysHowFarTheFileIsFromItsNetwork) {
  for (const auto& format : export_formats()) {
    const auto finished = run_skipzoo(
        {"export", path("run"), "--format", std::string(format.name)});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_NE(finished.err.find("run on 1x3x16x16, 5x3x16x16, 3x3x24x24; "
                                "largest difference from the network "),
              std::string::npos)
        << finished.err;
    const auto name = "best" + std::string(format.extension);
    EXPECT_TRUE(fs::exists(folder / "run" / name)) << name;
  }
}

TEST_F(ExportCommand, OfAProgramEvaluatesAndPredictsAsItsCheckpoint) {
  const auto expected = evaluate(path("run"));
  const auto guesses = predict(path("run"));
  const std::vector<std::vector<std::string>> variants = {
      {},
      {"--softmax"},
      {"--normalize", "uint8", "--fold"},
      {"--normalize", "float", "--softmax"}};
  for (const auto& variant : variants) {
    std::vector<std::string> arguments = {
        "export", path("run"), "--format", "torchscript", "-o", path("net.pt")};
    arguments.insert(arguments.end(), variant.begin(), variant.end());
    const auto exported = run_skipzoo(arguments);
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const auto found = evaluate(path("net.pt"));
    EXPECT_EQ(found.at("top1"), expected.at("top1"));
    EXPECT_EQ(found.at("confusion"), expected.at("confusion"));
    EXPECT_NEAR(found.at("loss").get<double>(),
                expected.at("loss").get<double>(), 1e-4);
    const auto predicted = predict(path("net.pt"));
    for (size_t i = 0; i < guesses.size(); ++i) {
      EXPECT_EQ(predicted[i].at("class"), guesses[i].at("class"));
      EXPECT_NEAR(predicted[i].at("probability").get<double>(),
                  guesses[i].at("probability").get<double>(), 1e-5);
    }
  }
}

TEST_F(ExportCommand, MakesTheFolderOfItsOutput) {
  const auto exported = run_skipzoo({"export", path("run"), "--format", "pth",
                                     "-o", path("made/for/net.pth")});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  const auto converted = run_skipzoo(
      {"convert", path("made/for/net.pth"), path("made/too/net.safetensors")});
  EXPECT_EQ(converted.exit_code, 0) << converted.err;
  const auto guessed = run_skipzoo({"predict", path("run"), kPicture,
                                    "--output", path("made/also/net.csv")});
  EXPECT_EQ(guessed.exit_code, 0) << guessed.err;
  EXPECT_TRUE(fs::exists(folder / "made/also/net.csv"));
}

TEST_F(ExportCommand, TakesWhatSetSaysOfTheData) {
  const auto exported = run_skipzoo(
      {"export", path("run"), "--format", "torchscript", "-o", path("net.pt"),
       "--set", "data.mean=[0.1,0.2,0.3]", "--set", "data.image_size=24"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_NE(exported.err.find("run on 1x3x24x24"), std::string::npos)
      << exported.err;
  EXPECT_NE(read_text(folder / "net.pt").find("[0.1,0.2,0.3]"),
            std::string::npos);
}

TEST_F(ExportCommand, DtypeIsThatOfEvaluateAndPredictToo) {
  const auto evaluate_as = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"evaluate", path("run"), "--json"});
    const auto finished = run_skipzoo(options);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return std::pair(
        nlohmann::json::parse(finished.out).at("loss").get<double>(),
        finished.err);
  };
  const auto [own, said] = evaluate_as({});
  const auto [half, said_of_half] = evaluate_as({"--dtype", "bf16"});
  EXPECT_NE(half, own);
  EXPECT_NEAR(half, own, 0.02);
  EXPECT_EQ(half, evaluate_as({"--set", "train.amp=bf16"}).first);
  EXPECT_EQ(own,
            evaluate_as({"--set", "train.amp=bf16", "--dtype", "fp32"}).first);
  // One of the two is true of a processor.
  EXPECT_NE(said.find("--dtype bf16 is faster") == std::string::npos,
            said_of_half.find("bf16 saves no time") == std::string::npos)
      << said << said_of_half;

  const auto guess = run_skipzoo({"predict", path("run"), kPicture, "--dtype",
                                  "bf16", "--format", "json"});
  ASSERT_EQ(guess.exit_code, 0) << guess.err;
  const auto probability = [](const nlohmann::json& guesses) {
    return guesses.at(0).at("probability").get<double>();
  };
  EXPECT_NEAR(probability(nlohmann::json::parse(guess.out).at("predictions")),
              probability(predict(path("run"))), 0.02);
}

TEST_F(ExportCommand, TtaIsOfEvaluateAndPredict) {
  const auto loss = [&](const std::string& views) {
    const auto finished =
        run_skipzoo({"evaluate", path("run"), "--json", "--tta", views});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return nlohmann::json::parse(finished.out).at("loss").get<double>();
  };
  EXPECT_NE(loss("hflip"), loss("none"));
  EXPECT_EQ(run_skipzoo({"predict", path("run"), kPicture, "--tta", "hflip"})
                .exit_code,
            0);
  const auto refused = run_skipzoo({"evaluate", path("run"), "--tta", "vflip"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("hflip"), std::string::npos) << refused.err;
}

TEST_F(ExportCommand, DtypeOfAProgramIsItsOwn) {
  for (const std::string own : {"fp32", "bf16"}) {
    const std::string other = own == "fp32" ? "bf16" : "fp32";
    const auto file = path(own + ".pt");
    ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript",
                           "--dtype", own, "-o", file})
                  .exit_code,
              0);
    EXPECT_EQ(run_skipzoo({"evaluate", file, "--dtype", own}).exit_code, 0);
    const auto refused = run_skipzoo({"evaluate", file, "--dtype", other});
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_NE(refused.err.find(own + ".pt: an exported program in " + own +
                               ", not " + other + "; give the run folder"),
              std::string::npos)
        << refused.err;
  }
}

TEST_F(ExportCommand, RefusesWhatCannotBe) {
  const auto expect_words = [](std::vector<std::string> arguments,
                               const std::string& words, int exit_code = 2) {
    arguments.insert(arguments.begin(), "export");
    const auto finished = run_skipzoo(arguments);
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  };
  expect_words({path("run"), "--format", "pth", "--softmax"},
               "a file of weights holds no program");
  expect_words({path("run"), "--format", "onnx", "--dtype", "bf16"},
               "; onnx takes fp32 or fp16");
  expect_words({path("run"), "--format", "tflite"}, "tflite");
  expect_words({path("run")}, "--format is required");
  expect_words({path("run"), "--format", "onnx", "-o", path("run/best.skz")},
               "this format's files end in .onnx");
  expect_words(
      {path("run"), "--format", "onnx", "-o", path("net.yaml/below/net.onnx")},
      "net.yaml/below: cannot be created", 1);
  expect_words({path("absent"), "--format", "onnx"}, "absent: cannot be read",
               1);
  ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript", "-o",
                         path("net.pt")})
                .exit_code,
            0);
  expect_words({path("net.pt"), "--format", "onnx"}, "is an export already");
}

}  // namespace
}  // namespace skipzoo
