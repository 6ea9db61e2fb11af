#include "tools/train/checkpoint.h"

#include <ATen/Context.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import_read.h>

#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "models/zoo.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/weights/write.h"

namespace skipzoo {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kFormat = 1;
constexpr const char* kRecord = "skipzoo.json";

NamedTensors read_tensors(caffe2::serialize::PyTorchStreamReader& reader,
                          const std::string& name) {
  const auto value = torch::jit::readArchiveAndTensors(
      name, "", name + "/", std::nullopt, std::nullopt, torch::kCPU, reader);
  NamedTensors tensors;
  for (const auto& entry : value.toGenericDict()) {
    tensors.emplace_back(entry.key().toStringRef(), entry.value().toTensor());
  }
  return tensors;
}

json to_json(const Identity& identity) {
  return {{"format", kFormat},           {"config", identity.config},
          {"classes", identity.classes}, {"mean", identity.mean},
          {"std", identity.std},         {"input_shape", identity.input_shape}};
}

void from_json(const json& j, Identity& identity) {
  j.at("config").get_to(identity.config);
  j.at("classes").get_to(identity.classes);
  j.at("mean").get_to(identity.mean);
  j.at("std").get_to(identity.std);
  j.at("input_shape").get_to(identity.input_shape);
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

void from_json(const json& j, Checkpoint& c) {
  from_json(j, c.identity);
  j.at("epoch").get_to(c.position.epoch);
  j.at("batch").get_to(c.position.batch);
  j.at("step").get_to(c.position.step);
  j.at("best_epoch").get_to(c.best.epoch);
  j.at("best_value").get_to(c.best.value);
}

/// The run's tensors in one list; a prefix says whose each is.
NamedTensors pack(const Checkpoint& c) {
  NamedTensors all = {{"metrics", c.metrics}};
  for (const auto& [name, t] : c.optimizer)
    all.emplace_back("optimizer/" + name, t);
  for (const auto& [name, t] : c.random) all.emplace_back("random/" + name, t);
  return all;
}

void unpack(const NamedTensors& all, Checkpoint& c) {
  for (const auto& [name, tensor] : all) {
    const auto slash = name.find('/');
    const auto whose = name.substr(0, slash);
    if (whose == "metrics") c.metrics = tensor;
    if (whose == "optimizer") {
      c.optimizer.emplace_back(name.substr(slash + 1), tensor);
    }
    if (whose == "random")
      c.random.emplace_back(name.substr(slash + 1), tensor);
  }
}

}  // namespace

void save_checkpoint(const fs::path& path, const Checkpoint& checkpoint) {
  const std::string text =
      to_json(checkpoint).dump(-1, ' ', false, json::error_handler_t::replace);
  write_whole(path, [&](const fs::path& beside) {
    try {
      caffe2::serialize::PyTorchStreamWriter writer(beside.string());
      write_tensors(writer, "data", checkpoint.weights);
      write_tensors(writer, "run", pack(checkpoint));
      writer.writeRecord(kRecord, text.data(), text.size());
      writer.writeEndOfFile();
    } catch (const c10::Error& error) {
      throw FileError(path, "cannot be written (disk full?): " + error.msg());
    }
  });
}

namespace {

/// Turns what readers throw into a FileError.
template <typename Read>
auto reading(const fs::path& path, Read read) {
  try {
    return read();
  } catch (const c10::Error& error) {
    throw FileError(
        path, "not a readable checkpoint, or cut short: " +
                  std::string(error.what_without_backtrace()).substr(0, 120));
  } catch (const json::exception& error) {
    throw FileError(path,
                    std::string("damaged ") + kRecord + ": " + error.what());
  }
}

/// Everything of a checkpoint but its tensors.
Checkpoint read_words(caffe2::serialize::PyTorchStreamReader& reader,
                      const fs::path& path) {
  const auto [data, size] = reader.getRecord(kRecord);
  const auto* text = static_cast<const char*>(data.get());
  const json words = json::parse(text, text + size);
  const auto format = words.at("format").get<int64_t>();
  if (format > kFormat) {
    throw FileError(path, "checkpoint format " + std::to_string(format) +
                              ", but this skipzoo reads up to " +
                              std::to_string(kFormat) + "; update skipzoo");
  }
  Checkpoint checkpoint;
  from_json(words, checkpoint);
  return checkpoint;
}

}  // namespace

Checkpoint load_checkpoint(const fs::path& path) {
  if (!fs::exists(path)) throw FileError(path, "no such checkpoint");
  if (fs::is_directory(path)) {
    throw FileError(path, "is a folder, expected a .skz checkpoint in it");
  }
  return reading(path, [&] {
    caffe2::serialize::PyTorchStreamReader reader(path.string());
    if (!reader.hasRecord(kRecord)) {
      throw FileError(
          path, "not a skipzoo checkpoint: it lacks " + std::string(kRecord));
    }
    Checkpoint checkpoint = read_words(reader, path);
    checkpoint.weights = read_tensors(reader, "data");
    unpack(read_tensors(reader, "run"), checkpoint);
    return checkpoint;
  });
}

std::optional<Identity> read_identity(const fs::path& path) {
  std::array<char, 2> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  if (start != std::array<char, 2>{'P', 'K'}) return std::nullopt;
  return reading(path, [&]() -> std::optional<Identity> {
    caffe2::serialize::PyTorchStreamReader reader(path.string());
    if (reader.hasRecord(kRecord)) return read_words(reader, path).identity;
    // An exported program's, where TorchScript keeps what is not its own.
    const auto extra = std::string("extra/") + kRecord;
    if (!reader.hasRecord(extra)) return std::nullopt;
    const auto [data, size] = reader.getRecord(extra);
    return parse_identity({static_cast<const char*>(data.get()), size});
  });
}

std::string to_json_text(const Identity& identity) {
  return to_json(identity).dump(-1, ' ', false, json::error_handler_t::replace);
}

Identity parse_identity(const std::string& text) {
  Identity identity;
  from_json(json::parse(text), identity);
  return identity;
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
