#include "tools/export/scripted.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <nlohmann/json.hpp>

#include "tools/error.h"

namespace skipzoo {

namespace {

using nlohmann::json;

constexpr const char* kIdentity = "skipzoo.json";
constexpr const char* kProgram = "program.json";

const char* name_of_pixels(Pixels pixels) {
  return pixels == Pixels::kByte   ? "uint8"
         : pixels == Pixels::kUnit ? "float"
                                   : "none";
}

/// A TorchScript module where a network is wanted. It has no parameters as far
/// as torch::nn can see, and no head to replace.
class Scripted : public Classifier {
 public:
  Scripted(torch::jit::Module module, json facts, std::vector<int64_t> shape)
      : module_(std::move(module)),
        facts_(std::move(facts)),
        shape_(std::move(shape)) {}

  torch::Tensor forward(const torch::Tensor& images) override {
    if (!takes_any_size() && images.sizes().slice(1) != shape_) {
      throw ConfigError("data.image_size: this program is for pictures of " +
                        c10::str(at::IntArrayRef(shape_)) + ", got " +
                        c10::str(images.sizes().slice(1)));
    }
    const auto output = module_.forward({images}).toTensor();
    // The softmax of a probability's logarithm is that probability.
    return facts_.at("softmax").get<bool>() ? output.log() : output;
  }
  bool takes_any_size() const override {
    return facts_.at("any_size").get<bool>();
  }
  bool is_traceable() const override { return false; }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {
    throw ConfigError("an exported network has no head to replace");
  }
  std::vector<std::string> block_names() const override { return {}; }

 private:
  torch::jit::Module module_;
  json facts_;
  std::vector<int64_t> shape_;
};

}  // namespace

std::map<std::string, std::string> program_facts(const Identity& identity,
                                                 const ProgramOptions& options,
                                                 bool takes_any_size) {
  std::string classes;
  for (const auto& name : identity.classes) classes += name + "\n";
  const json facts = {{"normalize", name_of_pixels(options.pixels)},
                      {"softmax", options.softmax},
                      {"any_size", takes_any_size},
                      {"type", c10::toString(options.type)}};
  return {{kIdentity, to_json_text(identity)},
          {kProgram, facts.dump()},
          {"classes.txt", classes},
          {"config.yaml", identity.config}};
}

ScriptedNetwork load_scripted(const std::filesystem::path& path,
                              torch::Device device) {
  try {
    torch::jit::ExtraFilesMap extra = {{kIdentity, ""}, {kProgram, ""}};
    // On the CPU, then moved: loading to a GPU leaves hidden copies.
    auto module = torch::jit::load(path.string(), torch::kCPU, extra);
    if (extra.at(kIdentity).empty() || extra.at(kProgram).empty()) {
      throw FileError(path,
                      "a TorchScript archive that skipzoo did not export; name "
                      "its network by -c CONFIG");
    }
    module.to(device);
    ScriptedNetwork network;
    network.identity = parse_identity(extra.at(kIdentity));
    const json facts = json::parse(extra.at(kProgram));
    const auto pixels = facts.at("normalize").get<std::string>();
    for (const auto one : {Pixels::kByte, Pixels::kUnit}) {
      if (pixels == name_of_pixels(one)) network.pixels = one;
    }
    network.model =
        std::make_shared<Scripted>(module, facts, network.identity.input_shape);
    return network;
  } catch (const c10::Error& error) {
    throw FileError(path, "not a readable TorchScript archive: " +
                              std::string(error.what_without_backtrace()));
  } catch (const json::exception& error) {
    throw FileError(path, std::string("damaged facts: ") + error.what());
  }
}

}  // namespace skipzoo
