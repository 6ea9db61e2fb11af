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

void TrainingState::use_weights(StateSection weights) {
  add(std::exchange(weights_, std::move(weights)));
}

Checkpoint TrainingState::save() const {
  Checkpoint checkpoint;
  checkpoint.position = position;
  checkpoint.weights = weights_.save();
  for (const auto& section : sections_) {
    checkpoint.sections[section.name] = section.save();
  }
  return checkpoint;
}

void TrainingState::load(const Checkpoint& checkpoint,
                         const std::filesystem::path& path) {
  const auto& saved = checkpoint.sections;
  for (const auto& entry : saved) {
    if (std::ranges::count(sections_, entry.first, &StateSection::name) == 0) {
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
    weights_.load(checkpoint.weights);
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
