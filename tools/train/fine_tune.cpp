#include "tools/train/fine_tune.h"

#include <fnmatch.h>
#include <spdlog/spdlog.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "models/classifier.h"
#include "tools/error.h"
#include "tools/train/checkpoint.h"
#include "tools/train/run_folder.h"
#include "tools/weights/remarks.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

/// Whether a pattern is that of `name` or of a part that holds it: "layer1"
/// and "layer?" both match "layer1.0.conv1.weight".
bool matches(const std::string& pattern, const std::string& name) {
  for (size_t end = name.find('.');; end = name.find('.', end + 1)) {
    const auto part = name.substr(0, end);
    if (fnmatch(pattern.c_str(), part.c_str(), 0) == 0) return true;
    if (end == std::string::npos) return false;
  }
}

bool is_in(const std::string& part, const std::string& name) {
  return name.starts_with(part + ".");
}

/// What a pattern could have meant: the parts at the top of the network, or
/// within the one part that holds all but the head.
std::string names_to_freeze(const Classifier& model) {
  std::string names;
  for (const auto& child : model.named_children()) {
    if (child.key() == model.head_name()) continue;
    names += (names.empty() ? "" : ", ") + child.key();
    if (model.named_children().size() > 2) continue;
    for (const auto& grandchild : child.value()->named_children()) {
      if (grandchild.value()->parameters().empty()) continue;
      names += ", " + child.key() + "." + grandchild.key();
    }
  }
  return names;
}

}  // namespace

void FineTuneOptions::validate(Problems& problems) const {
  if (!unfreeze_epochs.empty() && unfreeze_epochs.size() != freeze.size()) {
    problems.push_back("unfreeze_epochs has " +
                       std::to_string(unfreeze_epochs.size()) +
                       " entries, freeze has " + std::to_string(freeze.size()) +
                       "; expected one for each, or none");
  }
}

namespace {

/// Why the weights are not taken: what does not fit, what is there instead, and
/// the way out.
std::string misfit(const WeightFile& file, const FitReport& report,
                   const std::string& advice) {
  std::string text = report.text();
  for (const auto& line :
       {report.text_of_beside(), text_of(file.left_out), advice}) {
    if (!line.empty()) text += "\n" + line;
  }
  return text;
}

}  // namespace

FitReport load_pretrained(Classifier& model, const FineTuneOptions& options,
                          const AdviseNetwork& advise) {
  const auto path = weights_at(options.weights);
  auto file = read_weight_file(
      path, {.key = options.key, .prefer_ema = options.use_ema});
  if (options.use_ema && !file.averaged) {
    if (auto average = averaged_weights(path)) {
      file.tensors = std::move(*average);
      file.averaged = true;
    }
  }
  if (options.use_ema && !file.averaged) {
    throw FileError(options.weights,
                    "holds no averaged weights; drop fine_tune.use_ema");
  }
  const Fit fit(file.tensors, model, Head::kMayBeNew);
  const auto& report = fit.report();
  const auto advice = [&] {
    return !report.complete() && advise ? advise(file.tensors) : "";
  };
  if (report.fitted.empty()) {
    throw FileError(options.weights, "nothing in it fits the network: " +
                                         misfit(file, report, advice()));
  }
  const bool fits =
      report.complete() && (!report.lacks_head || report.beside.empty());
  if (options.strict && !fits) {
    const auto found = advice();
    throw FileError(
        options.weights,
        "does not fit the network: " +
            misfit(file, report,
                   found.empty() ? "(--set fine_tune.strict=false goes on with "
                                   "what fits)"
                                 : found));
  }
  log_remarks(file);
  const auto beside = report.text_of_beside();
  if (!beside.empty()) spdlog::warn("{}", beside);
  const auto found = advice();
  if (!found.empty()) spdlog::warn("{}", found);
  fit.copy();
  return report;
}

std::function<double(const std::string&)> lr_scales(
    const FineTuneOptions& options, const Classifier& model) {
  std::map<std::string, double> scales;
  const auto blocks = model.block_names();
  const auto head = model.head_name();
  size_t reached = 0;  // Blocks that have begun.
  for (const auto& item : model.named_parameters()) {
    const auto& name = item.key();
    while (reached < blocks.size() && is_in(blocks[reached], name)) ++reached;
    const auto to_head = static_cast<double>(blocks.size() + 1 - reached);
    scales[name] = is_in(head, name) ? options.head_lr_scale
                                     : std::pow(options.layer_decay, to_head);
  }
  return [scales](const std::string& name) { return scales.at(name); };
}

Freezing::Freezing(const FineTuneOptions& options, const Classifier& model)
    : head_(model.head_name()) {
  const auto parameters = model.named_parameters();
  for (size_t i = 0; i < options.freeze.size(); ++i) {
    const auto& text = options.freeze[i];
    const bool fits = std::any_of(
        parameters.begin(), parameters.end(), [&](const auto& item) {
          return !is_in(head_, item.key()) && matches(text, item.key());
        });
    if (!fits) {
      throw ConfigError("fine_tune.freeze: '" + text +
                        "' fits nothing that can be frozen; the network has " +
                        names_to_freeze(model));
    }
    patterns_.push_back({.text = text,
                         .epochs = options.unfreeze_epochs.empty()
                                       ? std::numeric_limits<int64_t>::max()
                                       : options.unfreeze_epochs[i]});
  }
}

bool Freezing::frozen(const std::string& name, int64_t epoch) const {
  return !is_in(head_, name) &&
         std::any_of(
             patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
               return epoch < pattern.epochs && matches(pattern.text, name);
             });
}

void Freezing::apply(Classifier& model, int64_t epoch) const {
  model.train();
  for (auto& item : model.named_parameters()) {
    item.value().requires_grad_(!frozen(item.key(), epoch));
  }
  for (const auto& item : model.named_modules("", /*include_self=*/false)) {
    const bool norm = item.value()->as<torch::nn::BatchNorm2d>() != nullptr;
    if (norm && frozen(item.key() + ".weight", epoch)) item.value()->eval();
  }
}

void Freezing::begin_epoch(Classifier& model, int64_t epoch) const {
  apply(model, epoch);
  for (const auto& pattern : patterns_) {
    if (pattern.epochs != epoch) continue;
    spdlog::info("{} trains from epoch {} on", pattern.text, epoch + 1);
  }
}

}  // namespace skipzoo
