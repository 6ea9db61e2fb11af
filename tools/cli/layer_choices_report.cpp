#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/cli/layer_choices.h"

namespace skipzoo {

namespace {

std::string word_for(const std::optional<Algorithm>& algorithm) {
  return algorithm ? std::string(name_of(*algorithm)) : "";
}

/// The sizes from the third on: "3x3"; empty of a linear layer.
std::string side_by_side(const std::vector<int64_t>& sizes) {
  std::string text;
  for (size_t i = 2; i < sizes.size(); ++i) {
    text += (i > 2 ? "x" : "") + std::to_string(sizes[i]);
  }
  return text;
}

/// "3x3, stride 2, 8 groups, 64 -> 128, 32x32"
std::string kind_of(const ConvolutionCall& call) {
  std::string text = side_by_side(call.kernel);
  if (text.empty()) text = "linear";
  if (call.stride != 1) text += ", stride " + std::to_string(call.stride);
  if (call.groups != 1) {
    text += ", " + std::to_string(call.groups) + " groups";
  }
  text += ", " + std::to_string(call.kernel.at(1) * call.groups) + " -> " +
          std::to_string(call.kernel.at(0));
  const auto plane = side_by_side(call.images);
  return plane.empty() ? text : text + ", " + plane;
}

/// "winograd", or "input conv3x3, weight winograd".
std::string gradients_of(const LayerChoice& layer) {
  const auto &input = layer.input_gradient, &weight = layer.weight_gradient;
  if (!input || !weight || *input == *weight) {
    return word_for(input ? input : weight);
  }
  return "input " + word_for(input) + ", weight " + word_for(weight);
}

std::string reasons_of(const LayerChoice& layer) {
  std::vector<std::string> reasons = {layer.choice.why.words()};
  // Those that decline for the same reason together.
  std::vector<std::pair<std::string, std::string>> declined;
  for (const auto& [algorithm, why] : layer.choice.declined) {
    const auto words = why.words();
    const auto same =
        std::find_if(declined.begin(), declined.end(),
                     [&](const auto& entry) { return entry.second == words; });
    const std::string name(name_of(algorithm));
    if (same != declined.end()) {
      same->first += ", " + name;
    } else {
      declined.emplace_back("not " + name, words);
    }
  }
  for (const auto& [names, words] : declined) {
    reasons.push_back(names + ": " + words);
  }
  const auto gradients = layer.why_gradients.words();
  if (!gradients.empty()) reasons.push_back("gradients: " + gradients);
  std::string text;
  for (const auto& reason : reasons) {
    text += (text.empty() || reason.empty() ? "" : "; ") + reason;
  }
  return text;
}

}  // namespace

std::string choices_json(const std::vector<LayerChoice>& layers) {
  using nlohmann::ordered_json;
  auto json = ordered_json::array();
  for (const auto& layer : layers) {
    const auto& call = layer.choice.call;
    ordered_json entry = {{"layer", layer.layer},
                          {"images", call.images},
                          {"weight", call.kernel},
                          {"stride", call.stride},
                          {"groups", call.groups},
                          {"algorithm", name_of(layer.choice.algorithm)},
                          {"why", layer.choice.why.words()},
                          {"declined", ordered_json::object()}};
    for (const auto& [algorithm, why] : layer.choice.declined) {
      entry["declined"][std::string(name_of(algorithm))] = why.words();
    }
    if (layer.input_gradient) {
      entry["input_gradient"] = word_for(layer.input_gradient);
    }
    if (layer.weight_gradient) {
      entry["weight_gradient"] = word_for(layer.weight_gradient);
    }
    const auto gradients = layer.why_gradients.words();
    if (!gradients.empty()) entry["why_gradients"] = gradients;
    json.push_back(std::move(entry));
  }
  return json.dump();
}

void print_choices(const std::vector<LayerChoice>& layers,
                   bool with_gradients) {
  std::vector<std::vector<std::string>> rows = {{"layer", "what", "runs by"}};
  if (with_gradients) rows[0].emplace_back("gradients by");
  rows[0].emplace_back("why");
  for (const auto& layer : layers) {
    std::vector<std::string> row = {
        layer.layer, kind_of(layer.choice.call),
        std::string(name_of(layer.choice.algorithm))};
    if (with_gradients) row.push_back(gradients_of(layer));
    row.push_back(reasons_of(layer));
    rows.push_back(std::move(row));
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      std::cout << std::left << std::setw(static_cast<int>(widths[i] + 2))
                << row[i];
    }
    std::cout << row.back() << '\n';
  }
}

}  // namespace skipzoo
