#include "tools/train/checkpoint.h"

#include <ATen/Context.h>
#include <caffe2/serialize/inline_container.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/weights/write.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json to_json(const Identity& identity) {
  json words = {
      {"format", kCheckpointFormat}, {"config", identity.config},
      {"classes", identity.classes}, {"mean", identity.mean},
      {"std", identity.std},         {"input_shape", identity.input_shape}};
  if (identity.held_out_by_content) words["holdout"] = "content";
  return words;
}

json to_json(const Checkpoint& c) {
  json words = to_json(c.identity);
  words.update({{"epoch", c.position.epoch},
                {"batch", c.position.batch},
                {"step", c.position.step},
                {"best_epoch", c.best.epoch},
                {"best_value", c.best.value}});
  return words;
}

/// The run's tensors in one list; a prefix says whose each is.
NamedTensors pack(const Checkpoint& c) {
  NamedTensors all = {{"metrics", c.metrics}};
  for (const auto& [name, t] : c.optimizer)
    all.emplace_back("optimizer/" + name, t);
  for (const auto& [name, t] : c.random) all.emplace_back("random/" + name, t);
  if (c.best_confusion.defined()) {
    all.emplace_back("best_confusion", c.best_confusion);
  }
  return all;
}

}  // namespace

void save_checkpoint(const fs::path& path, const Checkpoint& checkpoint) {
  const std::string text =
      to_json(checkpoint).dump(-1, ' ', false, json::error_handler_t::replace);
  write_whole(path, [&](OutputFile& file) {
    write_archive(file, [&](auto& writer) {
      write_tensors(writer, "data", checkpoint.weights);
      write_tensors(writer, "run", pack(checkpoint));
      writer.writeRecord(kCheckpointRecord, text.data(), text.size());
    });
  });
}

std::string to_json_text(const Identity& identity) {
  return to_json(identity).dump(-1, ' ', false, json::error_handler_t::replace);
}

void load_weights(torch::nn::Module& model, const NamedTensors& weights,
                  const fs::path& path) {
  const std::map<std::string, torch::Tensor> by_name(weights.begin(),
                                                     weights.end());
  const auto own = state_dict(model);
  const auto text = [](const torch::Tensor& tensor) {
    return c10::str(tensor.sizes());
  };
  for (const auto& [name, tensor] : own) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) throw FileError(path, "lacks " + name);
    if (found->second.sizes() != tensor.sizes()) {
      throw FileError(path, name + " has shape " + text(found->second) +
                                ", the network's has " + text(tensor));
    }
  }
  std::set<std::string> known;
  for (const auto& entry : own) known.insert(entry.first);
  for (const auto& [name, tensor] : weights) {
    if (known.contains(name)) continue;
    throw FileError(path, "holds " + name + ", which the network has not");
  }
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(by_name.at(name));
}

NamedTensors random_state(torch::Device device) {
  NamedTensors states;
  std::vector<torch::Device> devices = {torch::kCPU};
  if (!device.is_cpu()) devices.push_back(device);
  for (const auto& one : devices) {
    const auto& generator = at::globalContext().defaultGenerator(one);
    states.emplace_back(one.str(), generator.get_state());
  }
  return states;
}

void set_random_state(const NamedTensors& states, torch::Device device) {
  for (const auto& [name, state] : states) {
    // Resumed on another device, a run goes on with fresh numbers there.
    if (name != "cpu" && name != device.str()) continue;
    auto generator = at::globalContext().defaultGenerator(torch::Device(name));
    generator.set_state(state);
  }
}

}  // namespace skipzoo
