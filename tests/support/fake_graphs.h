#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "tests/support/small_run.h"
#include "tools/train/recorded_step.h"

namespace skipzoo {

/// Stands for CudaGraphs on the CPU, and counts.
///
/// What is recorded is kept, and called again by replay(). As on a GPU it finds
/// the network where it was when it was recorded, or else the test fails; the
/// parameters keep the gradients that they had; and what it handed out before
/// is overwritten: with nan, for who reads it still.
class FakeGraphs {
 public:
  /// The same run with its steps recorded; for as long as this lives.
  Settings recording(Settings s) {
    s.step_graphs = factory();
    s.callbacks.push_back({.copies_of_weights = 0, .make = [this](auto& model) {
                             look_at(model);
                             return std::make_unique<Nothing>();
                           }});
    return s;
  }
  StepGraphs factory() {
    return [this] {
      ++graphs;
      return std::make_unique<Graph>(*this);
    };
  }
  void look_at(Classifier& model) { model_ = &model; }

  int graphs = 0, runs = 0, records = 0, replays = 0;
  bool refuses = false;  ///< To record.

 private:
  struct Nothing : Callback {
    void on_step_end() override {}
    void add_to(TrainingState&) override {}
  };

  class Graph : public StepGraph {
   public:
    explicit Graph(FakeGraphs& all) : all_(all) {}
    Outcome run(const Work& work) override {
      ++all_.runs;
      return work();
    }
    void record(const Work& work) override {
      ++all_.records;
      if (all_.refuses) all_.stop_half_way();
      work_ = work;
      outcome_ = {};
      places_ = all_.places();
    }
    bool is_recorded() const override { return work_ != nullptr; }
    Outcome replay() override {
      ++all_.replays;
      EXPECT_EQ(all_.places(), places_) << "not what was recorded";
      overwrite();
      const auto parameters = all_.model_->parameters();
      std::vector<torch::Tensor> before;
      for (const auto& one : parameters) before.push_back(one.grad());
      outcome_ = work_();
      for (size_t i = 0; i < before.size(); ++i) {
        parameters[i].mutable_grad() = before[i];
      }
      return outcome_;
    }

   private:
    void overwrite() {
      const torch::NoGradGuard no_grad;
      auto all = outcome_.gradients;
      all.insert(all.end(), {outcome_.result.loss, outcome_.result.logits});
      for (auto& tensor : all) {
        if (!tensor.defined()) continue;
        tensor.fill_(std::numeric_limits<double>::quiet_NaN());
      }
    }

    FakeGraphs& all_;
    Work work_;
    Outcome outcome_;
    std::vector<std::string> places_;
  };

  /// What a GPU would have taken in: where the network lies, what of it trains.
  std::vector<std::string> places() const {
    std::vector<std::string> all;
    for (const auto& item : model_->named_parameters()) {
      all.push_back(c10::str(item.key(), ' ', item.value().const_data_ptr(),
                             ' ', item.value().requires_grad()));
    }
    for (const auto& item : model_->named_buffers()) {
      all.push_back(c10::str(item.key(), ' ', item.value().const_data_ptr()));
    }
    for (const auto& item : model_->named_modules()) {
      all.push_back(c10::str(item.key(), ' ', item.value()->is_training()));
    }
    return all;
  }
  /// With gradients that were never computed.
  [[noreturn]] void stop_half_way() const {
    for (const auto& parameter : model_->parameters()) {
      parameter.mutable_grad() = torch::full_like(
          parameter.detach(), std::numeric_limits<float>::quiet_NaN());
    }
    throw std::runtime_error("this cannot be recorded\nand more");
  }

  Classifier* model_ = nullptr;
};

}  // namespace skipzoo
