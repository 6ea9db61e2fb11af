#include <yaml-cpp/yaml.h>

#include <map>
#include <set>

#include "tools/config/reader.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/file.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Parses one document; a syntax error becomes a ConfigError with its place.
YAML::Node parse_yaml(const std::string& text, const std::string& where) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    const auto place = error.mark.is_null()
                           ? where
                           : where + ":" + std::to_string(error.mark.line + 1) +
                                 ":" + std::to_string(error.mark.column + 1);
    throw ConfigError(place + ": not valid YAML: " + error.msg);
  }
}

/// Sets `a.b.c` in the tree to a value given on the command line.
void apply_override(YAML::Node root, const std::string& text, Source& source) {
  const std::string where = "--set " + text;
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    source.problem(where + ": expected key=value, e.g. train.epochs=1");
    return;
  }
  const std::string path = text.substr(0, equals);
  const YAML::Node value = parse_yaml(text.substr(equals + 1), where);
  YAML::Node node;
  node.reset(root);
  size_t start = 0;
  for (size_t dot; (dot = path.find('.', start)) != std::string::npos;
       start = dot + 1) {
    const std::string key = path.substr(start, dot - start);
    YAML::Node child = node[key];
    if (child.IsDefined() && !child.IsNull() && !child.IsMap()) {
      source.problem(where + ": " + path.substr(0, dot) +
                     " is not a section; it has no keys");
      return;
    }
    if (!child.IsDefined() || child.IsNull()) {
      node[key] = YAML::Node(YAML::NodeType::Map);
    }
    node.reset(node[key]);
  }
  node[path.substr(start)] = value;
  source.override_at(path, where);
}

/// Picks the family by its name, then reads its keys.
void read_model(const YAML::Node& node, ModelOptions& model, Source& source) {
  std::string names;
  for (const auto& family : families()) {
    names += (names.empty() ? "" : ", ") + family_name(family);
  }
  if (!node.IsDefined() || !node.IsMap()) {
    source.problem(source.name() + ": model: missing; give family: one of " +
                   names);
    return;
  }
  const YAML::Node name = node["family"];
  if (!name.IsDefined() || !name.IsScalar()) {
    source.problem(source.place(node, "model") + ": model.family: missing; "
                   "one of " + names);
    return;
  }
  for (const auto& family : families()) {
    if (family_name(family) != name.Scalar()) continue;
    model = family;
    std::visit(
        [&](auto& options) {
          SectionReader(node, "model", source, {"family"}).read(options);
        },
        model);
    return;
  }
  source.problem(source.place(name, "model.family") +
                 ": model.family: unknown family '" + name.Scalar() +
                 "'; one of " + names);
}

/// Rules between sections.
void check(const RunConfig& config, Source& source) {
  const int64_t channels = in_channels(config.model);
  const int64_t classes = num_classes(config.model);
  const auto& data = config.data;
  const auto size = static_cast<int64_t>(data.mean.size());
  if (size != 0 && size != channels) {
    source.problem(source.name() + ": data: mean and std have " +
                   std::to_string(size) + " entries but model.in_channels is " +
                   std::to_string(channels));
  }
  if (channels != 1 && channels != 3 &&
      data.dataset != DatasetKind::kSynthetic) {
    source.problem(source.name() + ": model.in_channels: pictures are read "
                   "with 1 or 3 channels, got " + std::to_string(channels));
  }
  const int64_t cifar = data.dataset == DatasetKind::kCifar10    ? 10
                        : data.dataset == DatasetKind::kCifar100 ? 100
                                                                 : 0;
  if (cifar != 0 && classes != cifar) {
    source.problem(source.name() + ": model.num_classes: must be " +
                   std::to_string(cifar) + " for data.dataset " +
                   std::string(name_of(data.dataset)) + ", got " +
                   std::to_string(classes));
  }
}

}  // namespace

LoadedConfig parse_config(const std::string& text, const std::string& name,
                          const fs::path& folder,
                          const std::vector<std::string>& overrides) {
  Source source(name, folder);
  YAML::Node root = parse_yaml(text, name);
  if (!root.IsMap()) {
    throw ConfigError(name + ": expected the sections model, data and train");
  }
  for (const auto& text_of_one : overrides) {
    apply_override(root, text_of_one, source);
  }

  LoadedConfig loaded;
  RunConfig& config = loaded.config;
  source.check_keys(root, "", {"model", "data", "train"});
  read_model(root["model"], config.model, source);
  SectionReader(root["data"], "data", source).read(config.data);
  SectionReader(root["train"], "train", source).read(config.train);
  if (source.problems().empty()) check(config, source);
  if (!source.problems().empty()) throw ConfigError(source.problems());
  loaded.warnings = source.warnings();
  return loaded;
}

LoadedConfig load_config(const fs::path& file,
                         const std::vector<std::string>& overrides) {
  std::vector<uint8_t> bytes;
  try {
    bytes = read_file(file);
  } catch (const FileError& error) {
    throw ConfigError(std::string(error.what()) + "; give a config file, e.g. "
                      "configs/digits/resnet20.yaml");
  }
  return parse_config(std::string(bytes.begin(), bytes.end()), file.string(),
                      fs::absolute(file).parent_path(), overrides);
}

std::vector<int64_t> input_shape(const RunConfig& config) {
  const int64_t size =
      config.data.image_size == 0 ? 32 : config.data.image_size;
  return {in_channels(config.model), size, size};
}

}  // namespace skipzoo
