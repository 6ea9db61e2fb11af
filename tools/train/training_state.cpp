#include "tools/train/training_state.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tools/error.h"
#include "tools/printable.h"

namespace skipzoo {

namespace {

constexpr const char* kModel = "model";

}  // namespace

TrainingState::TrainingState(std::function<NamedTensors()> save,
                             std::function<void(const NamedTensors&)> load)
    : weights_{
          .name = kModel, .save = std::move(save), .load = std::move(load)} {}

void TrainingState::add(StateSection section) {
  const auto same =
      std::ranges::find(sections_, section.name, &StateSection::name);
  TORCH_CHECK(same == sections_.end(), "two sections are called ",
              section.name);
  sections_.push_back(std::move(section));
}

void TrainingState::use_average(StateSection average) {
  TORCH_CHECK(!average_, "there are two averages of the weights");
  average_ = std::move(average);
}

Checkpoint TrainingState::save(bool by_average) const {
  Checkpoint checkpoint;
  checkpoint.position = position;
  checkpoint.weights = weights_.save();
  if (average_) {
    auto average = average_->save();
    if (by_average) std::swap(checkpoint.weights, average);
    checkpoint.sections[by_average ? kModel : average_->name] =
        std::move(average);
  }
  for (const auto& section : sections_) {
    checkpoint.sections[section.name] = section.save();
  }
  return checkpoint;
}

void TrainingState::load_weights(const Checkpoint& checkpoint,
                                 const std::filesystem::path& path) {
  if (!average_) return weights_.load(checkpoint.weights);
  const auto& saved = checkpoint.sections;
  const bool by_average = saved.contains(kModel);
  const auto found = saved.find(by_average ? kModel : average_->name);
  if (found == saved.end()) {
    throw FileError(path, "lacks the section '" + average_->name + "'");
  }
  (by_average ? *average_ : weights_).load(checkpoint.weights);
  (by_average ? weights_ : *average_).load(found->second);
}

void TrainingState::load(const Checkpoint& checkpoint,
                         const std::filesystem::path& path) {
  const auto& saved = checkpoint.sections;
  for (const auto& entry : saved) {
    const bool is_of_weights =
        average_ && (entry.first == kModel || entry.first == average_->name);
    if (!is_of_weights &&
        std::ranges::count(sections_, entry.first, &StateSection::name) == 0) {
      throw FileError(path, "holds a section '" + printable(entry.first) +
                                "', which this run has no part for; was it "
                                "written by another skipzoo, or by a run of "
                                "other options?");
    }
  }
  for (const auto& section : sections_) {
    if (!section.is_optional && !saved.contains(section.name)) {
      throw FileError(path, "lacks the section '" + section.name + "'");
    }
  }
  try {
    load_weights(checkpoint, path);
    for (const auto& section : sections_) {
      const auto found = saved.find(section.name);
      if (found != saved.end()) section.load(found->second);
    }
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
  position = checkpoint.position;
}

}  // namespace skipzoo
