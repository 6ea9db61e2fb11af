// What a study says of its networks.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/support/study_result.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/study/claims.h"
#include "tools/study/study_table.h"

namespace skipzoo {
namespace {

/// Three seeds of a network, whose values are those around a mean.
void add_three(std::vector<CellResult>& results, const std::string& skip,
               int64_t depth, double CellResult::*value, double mean,
               double deviation) {
  for (int seed = 1; seed <= 3; ++seed) {
    results.push_back(made_up(skip, depth, seed));
    results.back().*value = mean + (seed - 2) * deviation;
  }
}

/// What is found where the plain network and one with shortcuts have these.
Finding beside(size_t claim, double CellResult::*value, double plain,
               double other, double deviation = 0.01) {
  std::vector<CellResult> results;
  add_three(results, "none", 20, value, plain, deviation);
  add_three(results, "A", 20, value, other, deviation);
  const auto claims = study_claims(results);
  EXPECT_EQ(claims.at(claim).findings.size(), 1u);
  return claims.at(claim).findings.front();
}

// Their order in study_claims().
enum { kAtStart, kInTraining, kDegradation, kCure, kFaster, kGap };

TEST(StudyClaims, AreJudgedByTheTwoDeviationsTogether) {
  EXPECT_EQ(judge({1, 2, 3}, {-2, -1.5, -1}), Outcome::kHolds);
  // Means 2 and 0.5, deviations 1 and 0.5: no further apart than these.
  EXPECT_EQ(judge({1, 2, 3}, {0, 0.5, 1}), Outcome::kCannotBeTold);
  EXPECT_EQ(judge({0, 0.5, 0.9}, {2, 3, 4}), Outcome::kDoesNotHold);
  EXPECT_EQ(judge({1}, {0, 0, 0}), Outcome::kCannotBeTold);
  EXPECT_EQ(judge({5, 5}, {5, 5}), Outcome::kCannotBeTold);
  EXPECT_EQ(judge({}, {}), Outcome::kCannotBeTold);
}

TEST(StudyClaims, OfVanishingGradientsHaveAllOutcomes) {
  for (const auto& [claim, value] :
       {std::pair(kAtStart, &CellResult::gradient_ratio_at_start),
        std::pair(kInTraining, &CellResult::gradient_ratio_in_training)}) {
    EXPECT_EQ(beside(claim, value, 0.02, 0.8).outcome, Outcome::kHolds);
    // It does not vanish in the plain network, or in the other too.
    EXPECT_EQ(beside(claim, value, 0.5, 0.8).outcome, Outcome::kDoesNotHold);
    EXPECT_EQ(beside(claim, value, 0.02, 0.03, 0.001).outcome,
              Outcome::kDoesNotHold);
    EXPECT_EQ(beside(claim, value, 0.1, 0.8, 0.05).outcome,
              Outcome::kCannotBeTold);
    EXPECT_NE(beside(claim, value, 20, 0.8)
                  .numbers.find("plain 20 (it grows), A 0.8"),
              std::string::npos)
        << beside(claim, value, 20, 0.8).numbers;
  }
}

TEST(StudyClaims, OfDegradationCompareWithTheBestShallowerOne) {
  const auto found = [](double shallow, double middle, double deep) {
    std::vector<CellResult> results;
    const auto loss = &CellResult::train_loss;
    add_three(results, "none", 56, loss, deep, 0.01);
    add_three(results, "none", 20, loss, middle, 0.01);
    add_three(results, "none", 8, loss, shallow, 0.01);
    const auto findings = study_claims(results).at(kDegradation).findings;
    EXPECT_EQ(findings.size(), 2u);
    EXPECT_EQ(findings.back().where, "none, 56 layers");
    return findings.back();
  };
  EXPECT_EQ(found(0.5, 0.3, 0.4).outcome, Outcome::kHolds);
  EXPECT_NE(
      found(0.5, 0.3, 0.4)
          .numbers.find(
              "training loss 0.400 ± 0.010, with 20 layers 0.300 ± 0.010"),
      std::string::npos)
      << found(0.5, 0.3, 0.4).numbers;
  EXPECT_EQ(found(0.3, 0.5, 0.2).outcome, Outcome::kDoesNotHold);
  EXPECT_EQ(found(0.3, 0.5, 0.31).outcome, Outcome::kCannotBeTold);
}

TEST(StudyClaims, OfTrainingWithSkipsHaveAllOutcomes) {
  const auto loss = &CellResult::train_loss;
  EXPECT_EQ(beside(kCure, loss, 1, 0.5).outcome, Outcome::kHolds);
  EXPECT_EQ(beside(kCure, loss, 0.5, 1).outcome, Outcome::kDoesNotHold);
  EXPECT_EQ(beside(kCure, loss, 1, 0.99).outcome, Outcome::kCannotBeTold);
  const auto epoch = &CellResult::half_loss_epoch;
  EXPECT_EQ(beside(kFaster, epoch, 5, 2).outcome, Outcome::kHolds);
  EXPECT_EQ(beside(kFaster, epoch, 2, 5).outcome, Outcome::kDoesNotHold);
  EXPECT_EQ(beside(kFaster, epoch, 3, 2, 1).outcome, Outcome::kCannotBeTold);
}

TEST(StudyClaims, OfTheGapCompareOnlyWhatFitsAlike) {
  const auto test = &CellResult::test_top1;  // 90 % of the training pictures.
  EXPECT_EQ(beside(kGap, test, 70, 80).outcome, Outcome::kHolds);
  EXPECT_EQ(beside(kGap, test, 80, 70).outcome, Outcome::kDoesNotHold);
  EXPECT_EQ(beside(kGap, test, 80, 80.01).outcome, Outcome::kCannotBeTold);
  // A network that learns nothing has no gap.
  const auto untrained = beside(kGap, &CellResult::fit_top1, 10, 95);
  EXPECT_EQ(untrained.outcome, Outcome::kCannotBeTold);
  EXPECT_NE(untrained.numbers.find("but training accuracies of 95.00% and "
                                   "10.00%"),
            std::string::npos)
      << untrained.numbers;
}

TEST(StudyClaims, CannotBeToldFromOneSeedOrWithoutAPlainNetwork) {
  std::vector<CellResult> one = {made_up("none", 20, 1), made_up("A", 20, 1)};
  one[1].train_loss = 0.1;
  for (const auto& claim : study_claims(one)) {
    for (const auto& finding : claim.findings) {
      EXPECT_EQ(finding.outcome, Outcome::kCannotBeTold) << claim.title;
    }
  }
  const auto text = claims_text(study_claims({made_up("A", 20, 1)}));
  EXPECT_NE(text.find("cannot be told: the study has nothing to compare"),
            std::string::npos);
  EXPECT_EQ(study_claims(one).size(), 6u);
}

TEST(StudyClaims, LeaveOutWhatBrokeOff) {
  std::vector<CellResult> results;
  add_three(results, "none", 20, &CellResult::train_loss, 1, 0.1);
  results.back().failure = "loss is not finite at epoch 1";
  const auto groups = groups_of(results);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].failed, 1);
  EXPECT_EQ(groups[0].cells.size(), 2u);
  EXPECT_DOUBLE_EQ(groups[0].mean(&CellResult::train_loss).mean, 0.95);
  const auto table = study_table(groups);
  EXPECT_NE(table.find("0.950 ± 0.071"), std::string::npos) << table;
}

TEST(CellResult, NotesWhatARunsRowsSay) {
  std::vector<EpochRow> rows(3);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].epoch = static_cast<int64_t>(i + 1);
  }
  rows[0].train_loss = 2;
  rows[1].train_loss = 1.1;
  rows[2].train_loss = 0.5;
  rows[2].val_loss = 0.7;
  rows[2].val_top1 = 81;
  rows[0].seconds = 10;
  rows[1].seconds = 1;
  rows[2].seconds = 3;
  std::vector<LayerRow> layers;
  for (const auto& [epoch, first, last] :
       {std::tuple(0, 1., 4.), std::tuple(1, 2., 1.), std::tuple(2, 8., 1.)}) {
    layers.push_back({.epoch = epoch, .layer = "a", .gradient_norm = first});
    layers.push_back({.epoch = epoch, .layer = "b", .gradient_norm = 5});
    layers.push_back({.epoch = epoch, .layer = "c", .gradient_norm = last});
    layers.push_back({.epoch = epoch, .layer = "fc", .gradient_norm = 100});
  }
  CellResult result;
  note_history(result, rows, layers, /*guessing=*/2.3);
  EXPECT_EQ(result.epochs, 3);
  EXPECT_EQ(result.train_loss, 0.5);
  EXPECT_EQ(result.test_top1, 81);
  EXPECT_EQ(result.seconds_per_epoch, 3);
  EXPECT_EQ(result.half_loss_epoch, 2);
  EXPECT_DOUBLE_EQ(result.gradient_ratio_at_start, 0.25);
  EXPECT_DOUBLE_EQ(result.gradient_ratio_in_training, 4);  // Of 2 and 8.
  note_history(result, rows, layers, /*guessing=*/0.9);
  EXPECT_EQ(result.half_loss_epoch, 4);  // It never comes.
}

TEST(CellResult, ReadsBackWhatIsNotFiniteToo) {
  TemporaryFolder folder;
  auto result = made_up("dense", 56, 3);
  result.test_loss = INFINITY;
  result.fit_loss = NAN;
  result.train_loss = 0.1 + 0.2;
  result.failure = "loss is not finite";
  write_result(folder / "result.json", result);
  const auto again = read_result(folder / "result.json");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name(), "dense-56-3");
  EXPECT_EQ(again->train_loss, result.train_loss);
  EXPECT_EQ(again->test_loss, INFINITY);
  EXPECT_TRUE(std::isnan(again->fit_loss));
  EXPECT_EQ(again->failure, result.failure);
  EXPECT_FALSE(read_result(folder / "none.json"));
  folder.write("bad.json", "{\"skip\": \"A\"}");
  EXPECT_NE(words_of_error([&] {
              read_result(folder / "bad.json");
            }).find("bad.json: is not as 'skipzoo study' writes it"),
            std::string::npos);
  const auto csv = study_csv({made_up("A", 8, 1), made_up("A", 8, 2)});
  EXPECT_TRUE(csv.starts_with(
      "skip,depth,seed,parameters,epochs,train_loss,fit_loss,fit_top1,"
      "test_loss,test_top1,seconds_per_epoch,half_loss_epoch,"
      "gradient_ratio_at_start,gradient_ratio_in_training,gap\n"
      "A,8,1,1000,4,1,1,90,1,80,2,3,1,1,10\nA,8,2,"))
      << csv;
}

TEST(LayerRows, ReadBackAndAreRefusedWhereTheyAreNone) {
  TemporaryFolder folder;
  const std::vector<LayerRow> rows = {
      {.epoch = 0, .layer = "conv1", .gradient_norm = 0.1 + 0.2},
      {.epoch = 12,
       .layer = "layer1.0.conv1",
       .gradient_norm = 1e-30,
       .signal_variance = INFINITY,
       .update_ratio = 0.001}};
  write_layers(folder / "layers.csv", rows);
  const auto again = read_layers(folder / "layers.csv");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].gradient_norm, 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(again[0].update_ratio));
  EXPECT_EQ(again[1].layer, "layer1.0.conv1");
  EXPECT_EQ(again[1].signal_variance, INFINITY);
  for (const char* damage : {"1,conv1,2", "x,conv1,1,1,1", "1,a,1,1,1e"}) {
    std::ofstream(folder / "layers.csv", std::ios::app) << damage << "\n";
    EXPECT_NE(words_of_error([&] {
                read_layers(folder / "layers.csv");
              }).find("layers.csv: line 4 is not as"),
              std::string::npos)
        << damage;
    write_layers(folder / "layers.csv", rows);
  }
}

}  // namespace
}  // namespace skipzoo
