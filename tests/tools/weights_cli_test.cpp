// Weight files of others as a user of the commands meets them: nothing is left
// out, guessed or wrong without a word.

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/pickle_file.h"
#include "tests/support/weight_commands.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {
namespace {

using P = PickleFile;

TEST_F(WeightCommands, NameATensorBesideTheStateDict) {
  P pickle;
  pickle.write(
      folder / "example.pth",
      P::dict({{P::text("state_dict"), pickle.state_dict(trained_weights())},
               {P::text("best_acc1"), pickle.zeros({1})}}));
  const std::string words =
      "warning: left out: 1 (best_acc1: beside the weights)";
  const auto file = path("example.pth");
  const auto plain = evaluate(write("plain.pth", trained_weights()));
  const auto evaluated = evaluate(file);
  expect_says(evaluated, 0, words);
  EXPECT_EQ(evaluated.out, plain.out);
  EXPECT_EQ(plain.err.find("left out"), std::string::npos) << plain.err;
  expect_says(run_skipzoo({"convert", file, path("out.safetensors")}), 0,
              words);
  expect_says(run_skipzoo({"fine-tune", "-c", config_, "--weights", file, "-o",
                           path("tuned")}),
              0, words);
  const auto inspected = run_skipzoo({"inspect", file, "--json"});
  const auto json = nlohmann::json::parse(inspected.out);
  EXPECT_EQ(json.at("wrapper"), "state_dict");
  EXPECT_EQ(json.at("left_out"),
            nlohmann::json::parse(
                R"([{"name": "best_acc1", "why": "beside the weights"}])"));
}

TEST_F(WeightCommands, TakeTheNetworkThatIsNamed) {
  P pickle;
  const auto weights = trained_weights();
  NamedTensors other;
  for (const auto& [name, tensor] : weights) {
    other.emplace_back(name, tensor * 0.5);
  }
  pickle.write(folder / "pair.pth",
               P::dict({{P::text("student"), pickle.state_dict(other)},
                        {P::text("teacher"), pickle.state_dict(weights)}}));
  const auto file = path("pair.pth");
  const std::string words =
      "holds 2 state dicts; say which by --key, as in --key student:\n"
      "  student: 38 tensors";
  expect_says(evaluate(file), 1, words);
  expect_says(run_skipzoo({"inspect", file}), 1, words);
  const auto taken = evaluate(file, {"--key", "teacher"});
  EXPECT_EQ(taken.out, evaluate(write("plain.pth", weights)).out);
  expect_says(taken, 0, "left out: 1 (student: 38 tensors");
  expect_says(
      run_skipzoo({"convert", file, path("out.pth"), "--key", "teacher"}), 0,
      "38 tensors");
  for (const auto& choice :
       {std::vector<std::string>{"--key", "teacher"},
        std::vector<std::string>{"--set", "fine_tune.key=teacher"}}) {
    std::vector<std::string> all = {"fine-tune",
                                    "-c",
                                    config_,
                                    "--weights",
                                    file,
                                    "-o",
                                    path("run" + choice[1])};
    all.insert(all.end(), choice.begin(), choice.end());
    expect_says(run_skipzoo(all), 0, "38 tensors fitted");
  }
}

// With tensors beside it that the network has not.
TEST_F(WeightCommands, PredictAndExportTheNetworkThatIsNamed) {
  P pickle;
  const auto weights = trained_weights();
  auto teacher = weights;
  teacher.emplace_back("criterion.weight", torch::ones({5}));
  pickle.write(folder / "pair.pth",
               P::dict({{P::text("student"),
                         pickle.state_dict(trained_weights(Shortcut::kA))},
                        {P::text("teacher"), pickle.state_dict(teacher)}}));
  const auto call = [&](std::vector<std::string> arguments, bool with_key) {
    arguments.insert(arguments.end(), {"-c", config_});
    if (with_key) arguments.insert(arguments.end(), {"--key", "teacher"});
    return run_skipzoo(arguments);
  };
  const auto pair = path("pair.pth");
  const auto picture = std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg";
  const auto plain =
      call({"predict", write("plain.pth", weights), picture}, false);
  const auto predicted = call({"predict", pair, picture}, true);
  const std::vector<std::string> to_export = {
      "export", pair, "--format", "safetensors", "-o", path("net.safetensors")};
  const auto exported = call(to_export, true);
  for (const auto& finished : {predicted, exported}) {
    expect_says(finished, 0, "left out: 1 (student: ");
    expect_says(finished, 0,
                "left out: 1 that the network has not (criterion.weight)");
  }
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(predicted.out, plain.out);
  const auto written = read_weight_file(path("net.safetensors")).tensors;
  const std::map<std::string, torch::Tensor> by_name(written.begin(),
                                                     written.end());
  ASSERT_EQ(by_name.size(), weights.size());
  for (const auto& [name, tensor] : weights) {
    EXPECT_TRUE(torch::equal(by_name.at(name), tensor)) << name;
  }
  const std::string which = "holds 2 state dicts; say which by --key";
  expect_says(call({"predict", pair, picture}, false), 1, which);
  expect_says(call(to_export, false), 1, which);
}

TEST_F(WeightCommands, GoOnWhereTheNetworkIsThereAndNameTheRest) {
  auto file = trained_weights();
  const auto expected = evaluate(write("plain.pth", file)).out;
  file.emplace_back("criterion.weight", torch::ones({5}));
  file.emplace_back("total_ops", torch::zeros({1}));
  const auto extra = write("extra.pth", file);
  const std::string words =
      "warning: left out: 2 that the network has not (criterion.weight, "
      "total_ops)";
  const auto evaluated = evaluate(extra);
  expect_says(evaluated, 0, words);
  EXPECT_EQ(evaluated.out, expected);
  expect_says(run_skipzoo({"export", extra, "-c", config_, "--format",
                           "torchscript", "-o", path("net.pt")}),
              0, words);
  expect_says(run_skipzoo({"fine-tune", "-c", config_, "--weights", extra, "-o",
                           path("tuned")}),
              0, words);
}

// Self-supervised: an encoder with a projector for a head, and a predictor.
TEST_F(WeightCommands, TuneAnEncoderWhereStrictIsOff) {
  NamedTensors file;
  for (const auto& [name, tensor] : trained_weights()) {
    if (!name.starts_with("fc.")) {
      file.emplace_back("module.encoder." + name, tensor);
    }
  }
  file.emplace_back("module.encoder.fc.0.weight", torch::zeros({8, 8}));
  file.emplace_back("module.encoder.fc.3.weight", torch::zeros({8, 8}));
  file.emplace_back("module.predictor.0.weight", torch::zeros({4, 8}));
  const auto simsiam = write("simsiam.pth", file);
  std::vector<std::string> arguments = {
      "fine-tune", "-c", config_, "--weights", simsiam, "-o", path("tuned")};
  expect_says(run_skipzoo(arguments), 1, "module.predictor.0.weight");
  arguments.insert(arguments.end(), {"--set", "fine_tune.strict=false"});
  const auto tuned = run_skipzoo(arguments);
  expect_says(tuned, 0, "fc: a new one; the file has no fc.bias");
  expect_says(tuned, 0, "left out: 3 that the network has not");
}

TEST_F(WeightCommands, SayWhichKeyOfTheConfigIsWrong) {
  const auto file = write("b.pth", trained_weights());
  const auto wrong = folder.write("a.yaml", config("A")).string();
  const std::string words = "with model.shortcut: B everything fits";
  expect_says(run_skipzoo({"evaluate", file, "-c", wrong}), 1, words);
  const auto tuned = run_skipzoo(
      {"fine-tune", "-c", wrong, "--weights", file, "-o", path("x")});
  expect_says(tuned, 1, words);
  EXPECT_EQ(tuned.err.find("strict=false"), std::string::npos) << tuned.err;
}

TEST_F(WeightCommands, PointOutANetworkThatWasNeverTrained) {
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  options.shortcut = Shortcut::kB;
  options.num_classes = 5;
  const auto fresh = write("fresh.pth", copy_of(*make_model(options)));
  const std::string words = "this network was never trained";
  expect_says(evaluate(fresh), 0, "warning: " + words);
  expect_says(run_skipzoo({"convert", fresh, path("out.pth")}), 0, words);
  expect_says(run_skipzoo({"export", fresh, "-c", config_, "--format", "onnx",
                           "-o", path("net.onnx")}),
              0, words);
  const auto inspected = run_skipzoo({"inspect", fresh});
  EXPECT_NE(inspected.out.find(words), std::string::npos) << inspected.out;
  const auto trained = evaluate(write("trained.pth", trained_weights()));
  EXPECT_EQ(trained.err.find("never trained"), std::string::npos);
}

TEST_F(WeightCommands, PointOutNumbersThatAreNotFinite) {
  auto file = trained_weights();
  const std::string words = " that are not finite (NaN or infinity)";
  EXPECT_EQ(evaluate(write("finite.pth", file)).err.find(words),
            std::string::npos);
  file.at(0).second.fill_(std::numeric_limits<float>::quiet_NaN());
  expect_says(evaluate(write("nan.pth", file)), 0,
              "warning: " + file.at(0).first + " holds numbers" + words);
  file.at(1).second.fill_(std::numeric_limits<float>::infinity());
  expect_says(run_skipzoo({"convert", write("two.pth", file), path("out.pth")}),
              0, file.at(0).first + " and 1 more hold numbers" + words);
}

// A file's names and classes are data: no terminal obeys them.
TEST_F(WeightCommands, PrintNoControlCharactersOfAFile) {
  auto file = trained_weights();
  file.emplace_back("x\x1b]0;title\x07\nerror: all is lost", torch::ones({1}));
  file.emplace_back(std::string(50'000, 'n'), torch::ones({1}));
  const auto odd = write("odd.pth", file);
  // evaluate prints what a Fit says, as fine-tune does.
  for (const auto& finished :
       {run_skipzoo({"inspect", odd, "--configs", folder.path().string()}),
        run_skipzoo({"fine-tune", "-c", config_, "--weights", odd, "-o",
                     path("tuned"), "--set", "model.depths=[2,2]"})}) {
    for (const auto& text : {finished.out, finished.err}) {
      EXPECT_EQ(text.find('\x1b'), std::string::npos);
      EXPECT_EQ(text.find("\nerror: all is lost"), std::string::npos);
      EXPECT_LT(text.size(), 10'000u);
    }
  }
}

TEST_F(WeightCommands, PrintJsonOfFilesWhoseNamesAreNoUtf8) {
  const auto weights = write("caf\xe9.pth", trained_weights());
  const auto picture = folder.write(
      "caf\xe9.jpg",
      read_text(std::filesystem::path(SKIPZOO_GOLDENS) / "pictures/rgb.jpg"));
  for (const auto& finished :
       {evaluate(weights), run_skipzoo({"inspect", weights, "--json"}),
        run_skipzoo({"predict", weights, "-c", config_, "--format", "json",
                     picture.string()})}) {
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_TRUE(nlohmann::json::accept(finished.out)) << finished.out;
  }
}

TEST_F(WeightCommands, InspectShowsWhatAnExportIsFor) {
  const auto plain = write("plain.pth", trained_weights());
  for (const char* format : {"torchscript", "onnx"}) {
    SCOPED_TRACE(format);
    const auto out = path(format == std::string("onnx") ? "n.onnx" : "n.pt");
    const auto exported = run_skipzoo(
        {"export", plain, "-c", config_, "--set", "data.mean=[0.5,0.4,0.3]",
         "--set", "data.std=[0.2,0.2,0.2]", "--format", format, "--normalize",
         "uint8", "--softmax", "-o", out});
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const auto json =
        nlohmann::json::parse(run_skipzoo({"inspect", out, "--json"}).out);
    EXPECT_EQ(json.at("identity").at("classes").size(), 5u);
    EXPECT_EQ(json.at("identity").at("mean"), (std::vector{0.5, 0.4, 0.3}));
    EXPECT_EQ(json.at("identity").at("input_shape"), (std::vector{3, 16, 16}));
    EXPECT_EQ(json.at("program").at("normalize"), "uint8");
    EXPECT_EQ(json.at("program").at("softmax"), true);
    const auto text = run_skipzoo({"inspect", out}).out;
    for (const char* words :
         {"classes: 5 (0, 1, 2, 3, 4)", "mean 0.5, 0.4, 0.3",
          "of bytes, 0..255", "gives probabilities"}) {
      EXPECT_NE(text.find(words), std::string::npos) << text;
    }
  }
}

TEST_F(WeightCommands, InspectTakesNoDateForAChecksum) {
  write("net-20240115.pth", trained_weights());
  const auto dated = run_skipzoo({"inspect", path("net-20240115.pth")});
  EXPECT_EQ(dated.out.find("its name says"), std::string::npos) << dated.out;
  write("net-20241315.pth", trained_weights());
  const auto wrong = run_skipzoo({"inspect", path("net-20241315.pth")});
  EXPECT_NE(wrong.out.find("but its name says 20241315"), std::string::npos);
}

}  // namespace
}  // namespace skipzoo
