// train.distill and train.drop_path in a run: the loss, what a teacher is
// shown, and what a run goes on with.

#include "tools/train/distill.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/copy_of.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/weight_files.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

DistillOptions sharing(double weight, double temperature) {
  return {
      .teacher = "teacher.skz", .weight = weight, .temperature = temperature};
}

/// p_k = exp(z_k / T) / sum over all, in plain numbers.
std::vector<double> softened(const std::vector<double>& logits, double t) {
  std::vector<double> p;
  double sum = 0;
  for (const double z : logits) sum += std::exp(z / t);
  for (const double z : logits) p.push_back(std::exp(z / t) / sum);
  return p;
}

TEST(Distill, TheLossIsHintonsByHand) {
  const std::vector<std::vector<double>> student = {{0.5, -1, 2}, {3, 0, 0.1}};
  const std::vector<std::vector<double>> teacher = {{1, 1.5, -2}, {0.2, 4, 0}};
  const auto tensor = [](const std::vector<std::vector<double>>& rows) {
    return torch::stack({torch::tensor(rows[0], torch::kDouble),
                         torch::tensor(rows[1], torch::kDouble)});
  };
  for (const double t : {1.0, 3.0}) {
    const double weight = 0.3;
    double divergence = 0;
    std::vector<double> gradient;
    for (size_t n = 0; n < 2; ++n) {
      const auto p = softened(teacher[n], t), q = softened(student[n], t);
      for (size_t k = 0; k < 3; ++k) {
        divergence += p[k] * std::log(p[k] / q[k]) / 2;
        gradient.push_back(weight * t * (q[k] - p[k]) / 2);
      }
    }
    const auto logits = tensor(student).requires_grad_();
    const auto loss =
        distilled_loss(torch::full({}, 5.0, torch::kDouble), logits,
                       tensor(teacher), sharing(weight, t));
    EXPECT_NEAR(loss.item<double>(), 0.7 * 5 + weight * t * t * divergence,
                1e-12);
    loss.backward();
    const auto found = logits.grad().flatten();
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(found[static_cast<int64_t>(i)].item<double>(), gradient[i],
                  1e-12);
    }
  }
}

// As a program that gives probabilities says it: the logarithm of 0.
TEST(Distill, ATeacherMayBeCertain) {
  const auto logits = torch::zeros({1, 2}, torch::kDouble).requires_grad_();
  const auto loss = distilled_loss(
      torch::zeros({}, torch::kDouble), logits,
      torch::tensor({{0.0, -std::numeric_limits<double>::infinity()}}),
      sharing(1, 2));
  EXPECT_NEAR(loss.item<double>(), 4 * std::log(2), 1e-12);
  loss.backward();
  EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
}

TEST(Teacher, IsKnownByItsWeightsWhateverTheirOrder) {
  const auto a = torch::arange(6, torch::kFloat).view({2, 3});
  const auto b = torch::ones({2});
  const auto identity = identity_of({{"a", a}, {"b", b}});
  EXPECT_EQ(identity.size(), 64u);
  EXPECT_EQ(identity_of({{"b", b}, {"a", a.t().contiguous().t()}}), identity);
  auto other = a.clone();
  other[1][2] = std::nextafter(5.0F, 6.0F);
  EXPECT_NE(identity_of({{"a", other}, {"b", b}}), identity);
  EXPECT_NE(identity_of({{"c", a}, {"b", b}}), identity);
  EXPECT_NE(identity_of({{"a", a.view({3, 2})}, {"b", b}}), identity);
  EXPECT_NE(identity_of({{"a", a}, {"b", b.to(torch::kInt)}}), identity);
}

/// A small network, untrained, that has no say in the run's random numbers.
Teacher small_teacher(uint64_t seed) {
  torch::manual_seed(seed);
  ResNetOptions net;
  net.depths = {1, 1};
  net.widths = {4, 8};
  net.num_classes = 4;
  const std::shared_ptr<Classifier> model = make_model(net);
  return {.logits =
              [model, forward = forward_of(*model, Amp::kOff)](
                  const torch::Tensor& images) { return 5 * forward(images); },
          .identity = identity_of(copy_of(*model))};
}

Settings taught_run(double weight) {
  auto s = small_run();
  s.train.distill = sharing(weight, 2);
  s.teacher = small_teacher(11);
  return s;
}

/// The weights that a run of these settings ends with.
NamedTensors weights_of_run(const Settings& s) {
  TemporaryFolder folder;
  run(s, folder / "run");
  return load_checkpoint(folder / "run/last.skz").weights;
}

bool are_same(const NamedTensors& a, const NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!torch::equal(a[i].second, b[i].second)) return false;
  }
  return true;
}

TEST(Distill, AWeightOfZeroIsTheRunWithoutATeacher) {
  const auto plain = weights_of_run(small_run());
  EXPECT_TRUE(are_same(weights_of_run(taught_run(0)), plain));
  EXPECT_FALSE(are_same(weights_of_run(taught_run(0.5)), plain));
}

// Whatever a batch is made of, its teacher is shown that.
TEST(Distill, ATeacherSeesTheMixedPictures) {
  auto s = taught_run(0.5);
  s.train.epochs = 1;
  s.batch_transforms = {{.stream = "sevens",
                         .apply = [](torch::Tensor& images, Targets&, Random&) {
                           images.fill_(7);
                         }}};
  int64_t seen = 0;
  s.teacher.logits = [&seen](const torch::Tensor& images) {
    EXPECT_TRUE(images.eq(7).all().item<bool>());
    ++seen;
    return torch::zeros({images.size(0), 4});
  };
  weights_of_run(s);
  EXPECT_EQ(seen, 7);
}

// Weighed by their pictures, as the loss is.
TEST(Distill, ItsPartsOfAStepAreThoseOfTheLargeBatch) {
  std::vector<std::vector<torch::Tensor>> gradients;
  for (const auto& parts : std::vector<std::vector<int64_t>>{{7}, {4, 3}}) {
    const auto teacher = small_teacher(11);
    torch::manual_seed(3);
    ResNetOptions net;
    net.depths = {1};
    net.widths = {4};
    net.num_classes = 4;
    const auto model = make_model(net);
    model->eval();
    TrainOptions options;
    options.distill = sharing(0.6, 3);
    Optimizer optimizer(options.optimizer, *model);
    TrainingStep step(*model, optimizer, options, single_process(), teacher);
    const auto images = torch::randn({7, 3, 8, 8}).split_with_sizes(parts);
    const auto labels = torch::arange(7).remainder(4).split_with_sizes(parts);
    for (size_t p = 0; p < parts.size(); ++p) {
      step.accumulate(images[p], {labels[p]});
    }
    step.update();
    gradients.push_back(model->parameters());
  }
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    EXPECT_TRUE(torch::allclose(gradients[0][i], gradients[1][i], 1e-4, 1e-6));
  }
}

/// A teacher, stochastic depth, mixing, a moving average and steps in parts.
Settings taught_and_dropping() {
  auto s = taught_run(0.5);
  ResNetOptions net;
  net.depths = {2, 1};
  net.widths = {4, 8};
  net.num_classes = 4;
  s.model = net;
  s.train.drop_path = 0.5;
  s.train.grad_accum_steps = 3;
  s.train.ema = {.decay = 0.9};
  s.data.augment.mixup = 0.2;
  s.batch_transforms = batch_transforms(s.data, 4);
  return s;
}

TEST(Distill, ARunWithStochasticDepthResumesBitForBit) {
  TemporaryFolder folder;
  run(taught_and_dropping(), folder / "whole");
  run(taught_and_dropping(), folder / "parts", stop_after(11));
  run(taught_and_dropping(), folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

TEST(DropPath, ARunDropsAndAtZeroIsTheRunWithout) {
  auto s = taught_and_dropping();
  s.teacher = {};
  const auto dropping = weights_of_run(s);
  s.train.drop_path = 0;
  const auto whole = weights_of_run(s);
  EXPECT_FALSE(are_same(dropping, whole));
  EXPECT_TRUE(are_same(weights_of_run(s), whole));
}

TEST(DropPath, ATrainerRefusesANetworkWithoutBranches) {
  auto s = small_run();
  s.train.drop_path = 0.1;
  TemporaryFolder folder;
  EXPECT_THROW(make_trainer(s, RunFolder::create(folder / "run")), c10::Error);
}

TEST(Teacher, ARunGoesOnWithItsOwnAlone) {
  TemporaryFolder folder;
  auto s = taught_run(0.5);
  run(s, folder / "run", stop_after(10));
  const auto error = [&] {
    return file_error([&] { run(s, folder / "run"); });
  };
  const auto own = s.teacher;
  s.teacher = small_teacher(12);
  expect_says(error(),
              "last.skz: the run learns from another teacher than "
              "train.distill.teacher: the SHA-256 of its weights "
              "begins with " +
                  own.identity.substr(0, 12) + ", not " +
                  s.teacher.identity.substr(0, 12));
  s.teacher = {};
  expect_says(error(), "holds a section 'teacher'");
  s.teacher = own;
  EXPECT_EQ(error(), "no error");
  run(small_run(), folder / "plain", stop_after(10));
  expect_says(file_error([&] { run(s, folder / "plain"); }),
              "lacks the section 'teacher'");
}

TEST(Teacher, WhatIsNoIdentityIsRefused) {
  const auto section = teacher_section(std::string(64, 'a'));
  for (const auto& saved : {torch::zeros({64}, torch::kByte), torch::ones({3}),
                            torch::empty({0}, torch::kByte)}) {
    EXPECT_EQ(words_of_error([&] {
                section.load({{"", saved}});
              }),
              "its teacher is no SHA-256 of weights");
  }
  section.load(section.save());
}

}  // namespace
}  // namespace skipzoo
