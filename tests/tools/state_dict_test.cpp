// Which of the tensors in a file are the weights: layouts that PyTorch's own
// examples, timm, Lightning, BasicSR, DINO, Composer and others write.

#include "tools/weights/state_dict.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/state_dict_file.h"
#include "tests/support/tensors.h"

namespace skipzoo {
namespace {

using P = PickleFile;

TEST_F(StateDict, IsNotHiddenByATensorBesideIt) {
  const auto example = P::dict({{P::text("epoch"), P::integer(90)},
                                {P::text("state_dict"), weights()},
                                {P::text("best_acc1"), pickle.zeros({1})}});
  expect_weights(example, "state_dict");
  EXPECT_EQ(left_out(read(example)),
            "left out: 1 (best_acc1: beside the weights)");
  const auto other = P::dict({{P::text("rng_state"), pickle.zeros({5056})},
                              {P::text("class_weights"), pickle.zeros({5})},
                              {P::text("net_params"), weights()}});
  expect_weights(other, "net_params");
  EXPECT_EQ(left_out(read(other)),
            "left out: 2 (rng_state: beside the weights; class_weights: beside "
            "the weights)");
  const auto dotted = P::dict(
      {{P::text("val.acc"), pickle.zeros({1})}, {P::text("mine"), weights()}});
  expect_weights(dotted, "mine");
  EXPECT_EQ(left_out(read(dotted)),
            "left out: 1 (val.acc: beside the weights)");
}

TEST_F(StateDict, IsFoundUnderAnyKeyTwoLevelsDownAndInALists) {
  for (const char* key : {"model_state", "state", "module", "params", "weights",
                          "teacher", "params_ema", "my own"}) {
    expect_weights(
        P::dict({{P::text(key), weights()}, {P::text("epoch"), P::integer(3)}}),
        key);
  }
  expect_weights(P::dict({{P::text("model"),
                           P::dict({{P::text("state_dict"), weights()}})}}),
                 "model.state_dict");
  expect_weights(
      P::dict({{P::text("state"),
                P::dict({{P::text("model"), weights()},
                         {P::text("rank_zero_seed"), P::integer(1)}})}}),
      "state.model");
  expect_weights(P::list({weights()}), "0");
  expect_weights(
      P::list({P::integer(1), P::dict({{P::text("net"), weights()}})}),
      "1.net");
}

TEST_F(StateDict, IsTimmsFirstWhereSeveralKeysAreCustomary) {
  const auto both = P::dict({{P::text("model"), weights(2)},
                             {P::text("state_dict_ema"), weights(3)},
                             {P::text("state_dict"), weights(1)}});
  expect_weights(both, "state_dict", 1);
  expect_weights(both, "state_dict_ema", 3, {.prefer_ema = true});
  const auto basicsr = P::dict(
      {{P::text("params_ema"), weights(3)}, {P::text("params"), weights(1)}});
  expect_weights(basicsr, "params", 1);
  expect_weights(basicsr, "params_ema", 3, {.prefer_ema = true});
  EXPECT_TRUE(read(basicsr, {.prefer_ema = true}).averaged);
  EXPECT_EQ(left_out(read(basicsr)),
            "left out: 1 (params_ema: 2 tensors, 128 parameters, averaged "
            "weights)");
}

TEST_F(StateDict, IsNoStateOfAnOptimizer) {
  const auto moments = [&](double number) {
    return P::dict(
        {{P::text("exp_avg"), pickle.tensor(torch::full({4}, number))},
         {P::text("step"), pickle.zeros({})}});
  };
  const auto adam = P::dict(
      {{P::text("state"),
        P::dict({{P::integer(0), moments(1)}, {P::integer(1), moments(2)}})},
       {P::text("param_groups"), P::list({})}});
  const auto by_name = P::dict(
      {{P::text("state"), P::dict({{P::text("fc.weight"), moments(1)}})}});
  for (const char* key : {"optimizer", "optimizer_state_dict", "last_optimizer",
                          "optimizers", "optim"}) {
    const auto file =
        P::dict({{P::text(key), adam}, {P::text("w"), weights()}});
    expect_weights(file, "w");
    EXPECT_EQ(left_out(read(file)), "left out: 1 (" + std::string(key) +
                                        ": 4 tensors of the training)");
    expect_weights(
        P::dict({{P::text(key), by_name}, {P::text("w"), weights()}}), "w");
  }
  // Lightning's are a list.
  expect_weights(P::dict({{P::text("optimizer_states"), P::list({adam})},
                          {P::text("hparams"), P::dict({})},
                          {P::text("w"), weights()}}),
                 "w");
  EXPECT_NE(error_of(adam).find("the state of an optimizer"), std::string::npos)
      << error_of(adam);
}

TEST_F(StateDict, OfAMomentumEncoderIsOne) {
  expect_weights(P::dict({{P::text("momentum_encoder"), weights()}}),
                 "momentum_encoder");
  const auto buffers = P::dict({{P::text("momentum"), weights(2)},
                                {P::text("momentum_buffers"), weights(3)},
                                {P::text("w"), weights(1)}});
  expect_weights(buffers, "w");
  const auto alone = P::dict({{P::text("optimizer"), weights(2)}});
  EXPECT_NE(error_of(alone).find("holds under 'optimizer' what a training "
                                 "keeps, 2 tensors, 128 parameters; if they "
                                 "are weights, name them by --key"),
            std::string::npos)
      << error_of(alone);
  expect_weights(alone, "optimizer", 2, {.key = "optimizer"});
}

TEST_F(StateDict, OfSeveralIsChosenByItsKey) {
  const auto gan = P::dict(
      {{P::text("generator"), weights(1)},
       {P::text("discriminator"), P::dict({{P::text("net"), weights(2)}})},
       {P::text("loss"), P::dict({{P::text("center"), pickle.zeros({7})}})}});
  const auto words = error_of(gan);
  EXPECT_NE(words.find("holds 2 state dicts; say which by --key, as in --key "
                       "generator:\n  generator: 2 tensors, 128 parameters\n  "
                       "discriminator.net: 2 tensors, 128 parameters"),
            std::string::npos)
      << words;
  expect_weights(gan, "generator", 1, {.key = "generator"});
  expect_weights(gan, "discriminator.net", 2, {.key = "discriminator.net"});
  EXPECT_NE(error_of(gan, {.key = "generater"})
                .find("no state dict under 'generater'; there are:"),
            std::string::npos);
  expect_weights(P::list({weights(1), weights(2)}), "1", 2, {.key = "1"});
}

TEST_F(StateDict, KeyIsAlsoWhatNamesBeginWith) {
  const auto file = P::dict(
      {{P::text("state_dict"),
        pickle.state_dict({{"student.fc.weight", torch::zeros({2, 2})},
                           {"teacher.fc.weight", torch::ones({2, 2})}})}});
  const auto teacher = read(file, {.key = "teacher"});
  ASSERT_EQ(teacher.tensors.size(), 1u);
  EXPECT_EQ(teacher.tensors[0].first, "teacher.fc.weight");
  EXPECT_EQ(left_out(teacher),
            "left out: 1 (student.fc.weight: not under teacher)");
  EXPECT_NE(error_of(file, {.key = "teach"}).find("no name that begins so"),
            std::string::npos);
}

TEST_F(StateDict, NamesWhatCannotBeRead) {
  const auto quantized = P::call("torch._utils", "_rebuild_qtensor");
  const auto sparse = P::call("torch._utils", "_rebuild_sparse_tensor");
  const auto file = read(
      P::dict({{P::text("fc.weight"), pickle.zeros({2, 2})},
               {P::text("conv.weight"), quantized},
               {P::text("mask"), sparse},
               {P::text("packed"), P::tuple({quantized, pickle.zeros({3})})}}));
  EXPECT_EQ(file.tensors.size(), 1u);
  EXPECT_NE(left_out(file).find("left out: 3 (conv.weight: a quantized tensor; "
                                "mask: a sparse tensor; packed: "),
            std::string::npos)
      << left_out(file);
  const auto words = error_of(P::dict({{P::text("conv.weight"), quantized}}));
  EXPECT_NE(words.find("conv.weight: a quantized tensor"), std::string::npos)
      << words;
}

TEST_F(StateDict, OfVeryManyAreListedInNoTime) {
  const auto one = pickle.zeros({1});
  P::Pairs many;
  for (int i = 0; i < 20'000; ++i) {
    many.emplace_back(P::text("net" + std::to_string(i)),
                      P::dict({{P::text("fc.weight"), one}}));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto words = error_of(P::dict(many));
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  EXPECT_NE(words.find("holds 20000 state dicts"), std::string::npos);
  EXPECT_LT(words.size(), 2'000u);
  EXPECT_LT(took.count(), 10);  // Seconds; unoptimised, on a busy machine.
}

// A name of a million letters, stored once and used over and over.
TEST_F(StateDict, OfOneLongNameForManyTakesNoTime) {
  const auto name = P::text(std::string(1'000'000, 'k')) + "q\1";
  P::Pairs own = {{name, pickle.zeros({1}) + "q\2"}};
  P::Pairs dicts = {{P::text("state_dict"), weights()},
                    {name, "}" + P::text("w") + pickle.zeros({1}) + "q\2s"}};
  for (int i = 0; i < 20'000; ++i) {
    own.emplace_back("h\1", "h\2");
    dicts.emplace_back("h\1", "}h\1h\2s");
  }
  auto notes = own;
  notes.emplace_back(P::text("state_dict"), weights());
  const auto start = std::chrono::steady_clock::now();
  for (const auto& file : {P::dict(own), P::dict(notes)}) {
    const auto words = error_of(file);
    EXPECT_NE(words.find("refers to its own parts far more often"),
              std::string::npos)
        << words;
  }
  expect_weights(P::dict(dicts), "state_dict");
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 10);  // Seconds; unoptimised, on a busy machine.
}

}  // namespace
}  // namespace skipzoo
