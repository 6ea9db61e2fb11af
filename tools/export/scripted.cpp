#include "tools/export/scripted.h"

#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "tools/error.h"
#include "tools/export/straight_line.h"
#include "tools/weights/program_check.h"
#include "tools/weights/zip_file.h"

namespace skipzoo {

namespace {

using nlohmann::json;

constexpr const char* kMetadataRecord = "skipzoo.json";
constexpr const char* kProgram = "program.json";

const char* name_of_pixels(Pixels pixels) {
  return pixels == Pixels::kByte   ? "uint8"
         : pixels == Pixels::kUnit ? "float"
                                   : "none";
}

std::string words_of(const std::exception& error) {
  const auto* own = dynamic_cast<const c10::Error*>(&error);
  return own != nullptr ? own->what_without_backtrace() : error.what();
}

/// The last line of an error of LibTorch's interpreter: what came of the
/// operator, after the places it is called from.
std::string last_line(const std::exception& error) {
  std::string text = words_of(error);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto end = text.rfind('\n');
  return end == std::string::npos ? text : text.substr(end + 1);
}

/// A TorchScript module with its side of the contract.
class ScriptedProgram {
 public:
  ScriptedProgram(torch::jit::Module module, ProgramFacts facts,
                  const ModelMetadata& metadata, std::filesystem::path path)
      : module_(std::move(module)),
        facts_(std::move(facts)),
        shape_(metadata.input_shape),
        classes_(static_cast<int64_t>(metadata.classes.size())),
        path_(std::move(path)) {}

  torch::Tensor operator()(const torch::Tensor& images) {
    const torch::NoGradGuard no_grad;
    if (!facts_.any_size && images.sizes().slice(1) != shape_) {
      throw ConfigError("data.image_size: this program is for pictures of " +
                        c10::str(at::IntArrayRef(shape_)) + ", got " +
                        c10::str(images.sizes().slice(1)));
    }
    const auto output = run(images);
    if (output.dim() != 2 || output.size(0) != images.size(0) ||
        output.size(1) != classes_) {
      throw FileError(path_, "its program gives outputs of " +
                                 c10::str(output.sizes()) + ", expected " +
                                 std::to_string(classes_) + " a picture");
    }
    // The softmax of a probability's logarithm is that probability, and so is
    // the sigmoid of its logit.
    if (facts_.sigmoid) return output.logit();
    return facts_.softmax ? output.log() : output;
  }

 private:
  torch::Tensor run(const torch::Tensor& images) {
    try {
      return module_.forward({images}).toTensor();
    } catch (const std::exception& error) {
      throw FileError(path_, "its program fails on pictures of " +
                                 c10::str(images.sizes()) + ": " +
                                 last_line(error));
    }
  }

  torch::jit::Module module_;
  ProgramFacts facts_;
  std::vector<int64_t> shape_;
  int64_t classes_;
  std::filesystem::path path_;
};

}  // namespace

std::map<std::string, std::string> program_facts(const ModelMetadata& metadata,
                                                 const ProgramOptions& options,
                                                 bool takes_any_size) {
  std::string classes;
  for (std::string name : metadata.classes) {
    // Of older runs; a list of one name a line must not be shifted by it.
    std::ranges::replace_if(
        name, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    classes += name + "\n";
  }
  json facts = {{"normalize", name_of_pixels(options.pixels)},
                {"softmax", options.softmax},
                {"any_size", takes_any_size},
                {"type", c10::toString(options.type)}};
  if (options.sigmoid) facts["sigmoid"] = true;
  return {{kMetadataRecord, to_json_text(metadata)},
          {kProgram, facts.dump()},
          {"classes.txt", classes},
          {"config.yaml", metadata.config}};
}

namespace {

/// A record that an archive keeps beside its code; empty where it has none.
std::string extra_record(const ZipFile& zip, const std::string& name) {
  constexpr uint64_t kMost = uint64_t{8} << 20;
  if (!zip.has("extra/" + name)) return "";
  const auto bytes = zip.read("extra/" + name, kMost);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

ProgramFacts parse_program_facts(const std::string& text) {
  const json facts = json::parse(text);
  return {.normalize = facts.at("normalize").get<std::string>(),
          .softmax = facts.at("softmax").get<bool>(),
          .sigmoid = facts.value("sigmoid", false),
          .any_size = facts.at("any_size").get<bool>(),
          .type = facts.at("type").get<std::string>()};
}

std::optional<ProgramFacts> read_program_facts(
    const std::filesystem::path& path) {
  try {
    const ZipFile zip(InputFile::open(path));
    const auto text = extra_record(zip, kProgram);
    if (text.empty()) return std::nullopt;
    return parse_program_facts(text);
  } catch (const FileError&) {
    throw;
  } catch (const json::exception& error) {
    throw FileError(path, std::string("damaged facts: ") + error.what());
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
}

ScriptedNetwork load_scripted(const std::filesystem::path& path,
                              torch::Device device) {
  // LibTorch's reader trusts what an archive says.
  check_program(path);
  try {
    const ZipFile zip(InputFile::open(path));
    const auto words = extra_record(zip, kMetadataRecord);
    const auto program = extra_record(zip, kProgram);
    if (words.empty() || program.empty()) {
      throw FileError(path,
                      "a TorchScript archive that skipzoo did not export; name "
                      "its network by -c CONFIG");
    }
    // On the CPU, then moved: loading to a GPU leaves hidden copies.
    auto module = load_straight_line(path);
    module.to(device);
    ScriptedNetwork network;
    network.metadata = parse_metadata(words);
    const auto facts = parse_program_facts(program);
    for (const auto one : {Pixels::kByte, Pixels::kUnit}) {
      if (facts.normalize == name_of_pixels(one)) network.pixels = one;
    }
    for (const auto& one : kTypeNames) {
      if (facts.type == c10::toString(one.type)) network.type = one.type;
    }
    const auto shared = std::make_shared<ScriptedProgram>(
        module, facts, network.metadata, path);
    network.forward = [shared](const torch::Tensor& images) {
      return (*shared)(images);
    };
    return network;
  } catch (const FileError&) {
    throw;
  } catch (const json::exception& error) {
    throw FileError(path, std::string("damaged facts: ") + error.what());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    // LibTorch's own, of its reader, parser and unpickler.
    std::string text = words_of(error);
    text.erase(0, text.find_first_not_of('\n'));
    throw FileError(path, "not a readable TorchScript archive: " +
                              text.substr(0, text.find('\n')));
  }
}

}  // namespace skipzoo
