// What the binary says to a command line that is not quite right.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/config/nearest.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const std::string kDigits =
    std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml";

void expect_said(const std::vector<std::string>& arguments, int exit_code,
                 const std::string& words) {
  const auto finished = run_skipzoo(arguments);
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  EXPECT_EQ(finished.out, "");
}

TEST(Usage, AMisspeltWordIsAnsweredWithTheNearest) {
  expect_said({"trian"}, 2,
              "'trian' is no subcommand; did you mean 'train'? There are "
              "data, init, train, fine-tune, evaluate");
  expect_said({"train", "-c", kDigits, "--resum"}, 2,
              "--resum: did you mean --resume?");
  expect_said({"train", "-c", kDigits, "--batch-size=5"}, 2,
              "--set data.batch_size=VALUE");
  expect_said({"train", kDigits}, 2, "a config is given by -c " + kDigits);
}

TEST(Usage, TheNearestWordIsNotFar) {
  const std::vector<std::string> known = {"train", "fine-tune", "evaluate"};
  EXPECT_EQ(nearest("finetune", known), "fine-tune");
  EXPECT_EQ(nearest("Train", known), "train");
  EXPECT_EQ(nearest("frobnicate", known), "");
}

TEST(Usage, EverySubcommandHelpsWithExamples) {
  for (const char* command :
       {"data", "init", "train", "fine-tune", "evaluate", "predict", "export",
        "benchmark", "lr-find", "study", "report", "describe", "inspect",
        "convert", "weights"}) {
    const auto help = run_skipzoo({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_NE(help.out.find("Example"), std::string::npos) << command;
    EXPECT_NE(help.out.find(std::string("  skipzoo ") + command),
              std::string::npos)
        << command;
    if (command != std::string("benchmark")) continue;
    for (const char* choice :
         {"--mode train|infer|data", "--dtype fp32|bf16"}) {
      EXPECT_NE(help.out.find(choice), std::string::npos) << help.out;
    }
  }
}

TEST(Usage, AWrongChoiceIsToldTheOthers) {
  expect_said({"benchmark", "-c", kDigits, "--mode", "training"}, 2,
              "expected one of train, infer, data, got 'training'");
}

TEST(Usage, ABenchmarkBeyondTheMachineIsRefused) {
  const std::vector<std::string> benchmark = {"benchmark", "-c", kDigits,
                                              "--mode", "infer"};
  const auto with = [&](const std::string& option, const std::string& value) {
    auto arguments = benchmark;
    arguments.insert(arguments.end(), {option, value});
    return arguments;
  };
  expect_said(with("--threads", "33000"), 2,
              "--threads: Value 33000 not in range");
  expect_said(with("--seconds", "nan"), 2, "--seconds");
  expect_said(with("--batch", "99999999"), 2, "--batch");
  expect_said(with("--set", "data.image_size=16384"), 2, "data.image_size");
}

TEST(Usage, ANetworkBeyondTheMachineIsRefusedBeforeItIsBuilt) {
  expect_said({"describe", "-c", kDigits, "--set", "data.image_size=16384"}, 2,
              "data.image_size");
  const TemporaryFolder folder;
  // A matrix of a million by a million.
  expect_said({"train", "-c", kDigits, "-o", (folder / "run").string(), "--set",
               "data.dataset=synthetic", "--set", "model.num_classes=1000000"},
              2, "model.num_classes: to count 1000000 classes");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Usage, OnnxIsForOnnxRuntime) {
  const TemporaryFolder folder;
  const auto net = folder.write("net.onnx", "\x08\x08").string();
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"evaluate", net}, {"predict", net, "photo.jpg"}}) {
    expect_said(arguments, 1,
                "net.onnx: ONNX is for ONNX Runtime, and not read here; give "
                "the run folder");
  }
}

TEST(Usage, AConfigComesByAnyNameAndThroughAPipe) {
  const TemporaryFolder folder;
  const auto text =
      "model: {family: resnet}\n"
      "data: {dataset: synthetic, image_size: 8}\n";
  const auto config = folder.write("caf\xE9.yaml", text).string();
  const auto printed = run_skipzoo({"train", "-c", config, "--print-config"});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  const auto measured =
      run_skipzoo({"benchmark", "-c", config, "--mode", "infer", "--batch", "1",
                   "--threads", "1", "--seconds", "0.001", "--json"});
  EXPECT_EQ(measured.exit_code, 0) << measured.err;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << text; });
  const auto piped = run_skipzoo(
      {"train", "-c", pipe.string(), "-o", (folder / "run").string(), "--set",
       "train.epochs=1", "--set", "train.threads=1", "--set",
       "data.synthetic_images=8", "--set", "model.depths=[1, 1, 1]"});
  writer.join();
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  // Standard input is empty here.
  expect_said({"train", "-c", "-", "--print-config"}, 2,
              "standard input: expected the sections");
}

}  // namespace
}  // namespace skipzoo
