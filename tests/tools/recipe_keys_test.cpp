// The keys of optimizers, schedules and clipping: their ranges, what each name
// uses, and what contradicts what.

#include <gtest/gtest.h>

#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

LoadedConfig recipe(const std::vector<std::string>& overrides) {
  return parse_config(
      "model: {family: resnet}\n"
      "data: {dataset: synthetic, image_size: 8}\n",
      "run.yaml", "/folder", overrides);
}

/// That this assignment, beside others, is refused with these words.
void expect_placed(const std::string& assignment, const std::string& words,
                   std::vector<std::string> others = {}) {
  others.push_back(assignment);
  try {
    recipe(others);
    ADD_FAILURE() << assignment << ": no error";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos)
        << error.what();
  }
}

void expect_range(const std::string& key, const std::string& value,
                  const std::string& range) {
  const auto assignment = key + "=" + value;
  expect_placed(assignment,
                "--set " + assignment + ": " + key + ": must be " + range);
}

/// Which of these keys have no effect beside `name` in a section.
std::vector<std::string> idle(const std::string& section,
                              const std::string& name,
                              const std::vector<std::string>& keys) {
  std::vector<std::string> sets = {section + ".name=" + name};
  for (const auto& key : keys) sets.push_back(section + "." + key);
  std::vector<std::string> found;
  for (const auto& warning : recipe(sets).warnings) {
    const auto at = warning.find(section + ".");
    const auto from = at + section.size() + 1;
    found.push_back(warning.substr(from, warning.find('=', from) - from));
  }
  return found;
}

TEST(RecipeKeys, OfOptimizersHaveRanges) {
  const std::string optimizer = "train.optimizer.";
  expect_range(optimizer + "alpha", "1", "between 0 and 0.999999, got 1");
  expect_range(optimizer + "eps", "0", "above 0, got 0");
  expect_range(optimizer + "momentum", "1", "between 0 and 0.9999, got 1");
  expect_range(optimizer + "lookahead.k", "-1", "between 0 and 1000000, got");
  expect_range(optimizer + "lookahead.alpha", "0",
               "above 0 and at most 1, got 0");
  expect_placed("train.optimizer.adjust_lr_fn=rms",
                "expected one of match_rms_adamw, original, got 'rms'");
  expect_placed("train.optimizer.name=nadam",
                "expected one of sgd, adamw, rmsprop, lamb, lion, nadamw, "
                "muon, got 'nadam'");
  expect_placed("train.optimizer.betas=[0.9]", "betas needs two numbers");
  expect_placed("train.optimizer.nesterov=true",
                "nesterov needs a momentum above 0",
                {"train.optimizer.name=muon", "train.optimizer.momentum=0"});
}

TEST(RecipeKeys, OfOptimizersThatHaveNoEffectAreNamed) {
  const std::vector<std::string> keys = {
      "momentum=0.5", "nesterov=true", "betas=[0.5, 0.5]",
      "eps=1",        "alpha=0.5",     "adjust_lr_fn=original"};
  using Keys = std::vector<std::string>;
  const auto unused = [&](const std::string& name) {
    return idle("train.optimizer", name, keys);
  };
  const Keys of_adam = {"momentum", "nesterov", "alpha", "adjust_lr_fn"};
  EXPECT_EQ(unused("sgd"), (Keys{"betas", "eps", "alpha", "adjust_lr_fn"}));
  EXPECT_EQ(unused("rmsprop"), (Keys{"nesterov", "betas", "adjust_lr_fn"}));
  EXPECT_EQ(unused("lion"),
            (Keys{"momentum", "nesterov", "eps", "alpha", "adjust_lr_fn"}));
  for (const char* name : {"adamw", "lamb", "nadamw"}) {
    EXPECT_EQ(unused(name), of_adam) << name;
  }
  EXPECT_EQ(unused("muon"), (Keys{"alpha"}));
  EXPECT_EQ(recipe({"train.optimizer.lookahead.alpha=0.8"}).warnings.size(),
            1u);
  EXPECT_TRUE(recipe({"train.optimizer.lookahead={k: 5, alpha: 0.8}"})
                  .warnings.empty());
}

TEST(RecipeKeys, OfSchedulesHaveRanges) {
  const std::string schedule = "train.schedule.";
  expect_range(schedule + "power", "0", "above 0, got 0");
  expect_range(schedule + "pct_start", "1.5", "between 0 and 1, got 1.5");
  expect_range(schedule + "div_factor", "0.5", "at least 1, got 0.5");
  expect_range(schedule + "final_div_factor", "0", "at least 1, got 0");
  expect_range(schedule + "patience", "-1", "at least 0, got -1");
  expect_range(schedule + "factor", "1", "between 1e-06 and 0.999999, got 1");
  expect_range(schedule + "threshold", "1", "between 0 and 0.99, got 1");
  expect_range(schedule + "decay_epochs", "-1", "at least 0, got -1");
  expect_placed("train.schedule.decay_type=sqrt",
                "expected one of linear, cosine, 1-sqrt, got 'sqrt'");
  expect_placed("train.schedule.name=wsd",
                "decay_epochs is missing; wsd falls over so many last epochs");
  expect_placed("train.schedule={name: onecycle, warmup_epochs: 5}",
                "onecycle rises by itself, for pct_start of the run");
}

TEST(RecipeKeys, OfSchedulesThatHaveNoEffectAreNamed) {
  const std::vector<std::string> keys = {
      "gamma=0.5",   "min_lr=0.01", "power=2",        "pct_start=0.4",
      "patience=3",  "factor=0.5",  "decay_epochs=2", "decay_type=cosine",
      "threshold=0", "div_factor=9"};
  using Keys = std::vector<std::string>;
  const auto used = [&](const std::string& name) {
    Keys all;
    for (const auto& key : keys) all.push_back(key.substr(0, key.find('=')));
    for (const auto& key : idle("train.schedule", name, keys)) {
      std::erase(all, key);
    }
    return all;
  };
  EXPECT_EQ(used("constant"), Keys{});
  EXPECT_EQ(used("step"), Keys{"gamma"});
  EXPECT_EQ(used("cosine"), Keys{"min_lr"});
  EXPECT_EQ(used("poly"), (Keys{"min_lr", "power"}));
  EXPECT_EQ(used("onecycle"), (Keys{"pct_start", "div_factor"}));
  EXPECT_EQ(used("plateau"),
            (Keys{"min_lr", "patience", "factor", "threshold"}));
  EXPECT_EQ(used("wsd"), (Keys{"min_lr", "decay_epochs", "decay_type"}));
}

TEST(RecipeKeys, OfARunsEndAndItsCheckpointsHaveRanges) {
  expect_range("train.patience", "-1", "at least 0, got -1");
  expect_range("train.checkpoint_hist", "-1", "between 0 and 1000000, got -1");
  expect_range("train.max_minutes", "-1", "between 0 and 1000000, got -1");
  expect_range("train.max_minutes", "1e7", "between 0 and 1000000, got 1e7");
}

TEST(RecipeKeys, OfArithmeticNameTheirWordsAndTheDevice) {
  expect_placed("train.amp=fp32",
                "--set train.amp=fp32: train.amp: expected one of off, bf16, "
                "fp16, got 'fp32'");
  expect_placed("train.device=cpu",
                "train: amp is fp16, which is for CUDA, but device is cpu; off "
                "and bf16 are for both",
                {"train.amp=fp16"});
  EXPECT_EQ(recipe({"train.amp=fp16"}).config.train.amp, Amp::kFp16);
}

TEST(RecipeKeys, OfDistillationHaveRanges) {
  const std::string distill = "train.distill.";
  expect_range(distill + "weight", "1.5", "between 0 and 1, got 1.5");
  expect_range(distill + "temperature", "0", "between 0.01 and 100, got 0");
  expect_placed("train.distill={teacher: a, weigth: 1}",
                "train.distill.weigth: unknown key; did you mean 'weight'?");
  EXPECT_EQ(recipe({"train.distill.weight=0.3"}).warnings.size(), 1u);
  const auto loaded =
      recipe({"train.distill={teacher: /a.pt, weight: 0.3, temperature: 2}"});
  EXPECT_TRUE(loaded.warnings.empty());
  const auto again =
      parse_resolved_config(dump_config(loaded.config), "x").config;
  EXPECT_EQ(again.train.distill.teacher, "/a.pt");
  EXPECT_EQ(again.train.distill.weight, 0.3);
}

TEST(RecipeKeys, OfStochasticDepthNeedsAResidualNetwork) {
  expect_range("train.drop_path", "1", "between 0 and 0.99, got 1");
  EXPECT_EQ(recipe({"train.drop_path=0.1"}).config.train.drop_path, 0.1);
  const auto refused = [](const std::string& model) {
    return words_of_error([&] {
      parse_config("model: " + model +
                       "\n"
                       "data: {dataset: synthetic, image_size: 32}\n"
                       "train:\n  epochs: 1\n  drop_path: 0.1\n",
                   "run.yaml", "/folder");
    });
  };
  EXPECT_EQ(refused("{family: densenet}"),
            "run.yaml:5:14: train.drop_path: a densenet has no branch to drop: "
            "its features are joined, not added to a shortcut; model.drop_rate "
            "is its dropout");
  for (const char* model : {"{family: resnet, shortcut: none}",
                            "{family: conv_net, shortcut: none}"}) {
    EXPECT_EQ(refused(model),
              "run.yaml:5:14: train.drop_path: with model.shortcut: none "
              "nothing is left of a block without its branch");
  }
  EXPECT_EQ(refused("{family: conv_net}"), "");
  expect_placed("train.drop_path=0.2",
                "--set train.drop_path=0.2: train.drop_path: with model.",
                {"model.shortcut=none"});
}

TEST(RecipeKeys, OfAGpuAreTakenOnTheCpuToo) {
  const auto loaded =
      recipe({"train.device=cpu", "train.cuda_graph=off", "train.tf32=false",
              "train.cudnn_benchmark=false"});
  EXPECT_TRUE(loaded.warnings.empty());
  const auto& train = loaded.config.train;
  EXPECT_EQ(train.cuda_graph, CudaGraphs::kOff);
  EXPECT_FALSE(train.tf32 || train.cudnn_benchmark || train.deterministic);
  const auto again =
      parse_resolved_config(dump_config(loaded.config), "x").config.train;
  EXPECT_EQ(again.cuda_graph, CudaGraphs::kOff);
  EXPECT_FALSE(again.tf32 || again.cudnn_benchmark || again.deterministic);
  EXPECT_EQ(recipe({"train.deterministic=true", "train.cudnn_benchmark=true"})
                .warnings.size(),
            1u);
}

TEST(RecipeKeys, OfGradientsHaveRanges) {
  expect_range("train.clip_grad", "-1", "at least 0, got -1");
  expect_placed("train.clip_mode=max",
                "expected one of norm, value, agc, got 'max'");
  expect_range("train.grad_accum_steps", "0", "between 1 and 1000000, got 0");
  EXPECT_EQ(recipe({"train.clip_mode=agc"}).warnings.size(), 1u);
  EXPECT_TRUE(
      recipe({"train.clip_mode=agc", "train.clip_grad=0.01"}).warnings.empty());
}

}  // namespace
}  // namespace skipzoo
