#include "tools/train/checkpoint.h"

#include <caffe2/serialize/inline_container.h>

#include <nlohmann/json.hpp>

#include "tools/weights/write.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json to_json(const ModelMetadata& metadata) {
  json words = {
      {"format", kCheckpointFormat}, {"config", metadata.config},
      {"classes", metadata.classes}, {"mean", metadata.mean},
      {"std", metadata.std},         {"input_shape", metadata.input_shape}};
  if (!metadata.thresholds.empty()) words["thresholds"] = metadata.thresholds;
  if (metadata.held_out_by_content) words["holdout"] = "content";
  return words;
}

json to_json(const Checkpoint& c) {
  json words = to_json(c.metadata);
  words.update({{"epoch", c.position.epoch},
                {"batch", c.position.batch},
                {"step", c.position.step},
                {"pictures", c.position.pictures},
                {"pictures_of_batch", c.position.pictures_of_batch},
                {"best_epoch", c.best.epoch},
                {"best_value", c.best.value}});
  if (c.best.by_average) words["best_weights"] = "average";
  return words;
}

/// The tensors of all sections in one list, as "section/name".
NamedTensors pack(const std::map<std::string, NamedTensors>& sections) {
  NamedTensors all;
  for (const auto& [section, tensors] : sections) {
    for (const auto& [name, tensor] : tensors) {
      all.emplace_back(name.empty() ? section : section + "/" + name, tensor);
    }
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
      write_tensors(writer, "run", pack(checkpoint.sections));
      writer.writeRecord(kCheckpointRecord, text.data(), text.size());
    });
  });
}

std::string to_json_text(const ModelMetadata& metadata) {
  return to_json(metadata).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace skipzoo
