#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "tools/error.h"
#include "tools/printable.h"
#include "tools/train/checkpoint.h"
#include "tools/utf8.h"
#include "tools/weights/torch_file.h"

namespace skipzoo {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(std::string("damaged ") + kCheckpointRecord + ": " +
                           what);
}

/// More than any run counts; sums of such numbers fit 64 bits.
constexpr int64_t kMostSteps = int64_t{1} << 48;

int64_t integer(const json& words, const char* key, int64_t least,
                int64_t most) {
  const auto found = words.find(key);
  // Not is_number_integer(): above 63 bits, get() would give another number.
  if (found == words.end() || !found->is_number_integer() ||
      (found->is_number_unsigned() &&
       found->get<uint64_t>() > static_cast<uint64_t>(most)) ||
      found->get<int64_t>() < least || found->get<int64_t>() > most) {
    fail(std::string(key) + " is no number from " + std::to_string(least) +
         " to " + std::to_string(most));
  }
  return found->get<int64_t>();
}

/// Of how many channels, and what may divide by them.
void check_numbers(const ModelMetadata& metadata) {
  const auto& shape = metadata.input_shape;
  if (shape.size() != 3) fail("input_shape is not channels, height and width");
  constexpr int64_t kMost = int64_t{1} << 31;
  int64_t values = 1;
  for (const int64_t size : shape) {
    if (size < 1) fail("input_shape has a size below 1");
    if (size > kMost / values) {
      fail("input_shape is larger than any picture");
    }
    values *= size;
  }
  if (metadata.mean.size() != metadata.std.size() ||
      (!metadata.mean.empty() &&
       static_cast<int64_t>(metadata.mean.size()) != shape[0])) {
    fail("mean and std are not one number a channel");
  }
  for (size_t c = 0; c < metadata.mean.size(); ++c) {
    if (!std::isfinite(metadata.mean[c]) || !std::isfinite(metadata.std[c]) ||
        metadata.std[c] <= 0) {
      fail("mean or std is no usable number");
    }
  }
}

void check_thresholds(const ModelMetadata& metadata) {
  const auto& thresholds = metadata.thresholds;
  if (thresholds.empty()) return;
  if (thresholds.size() != metadata.classes.size()) {
    fail("thresholds are not one number a class");
  }
  for (const double one : thresholds) {
    if (!(one >= 0 && one <= 1)) fail("a threshold is no number from 0 to 1");
  }
}

/// Calls `read` with the parsed text; what nlohmann throws becomes words.
template <typename Read>
auto parsed(std::string_view text, Read read) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    fail(error.what());
  }
}

ModelMetadata metadata_of(const json& words) {
  ModelMetadata metadata;
  words.at("config").get_to(metadata.config);
  words.at("classes").get_to(metadata.classes);
  words.at("mean").get_to(metadata.mean);
  words.at("std").get_to(metadata.std);
  for (const auto& size : words.at("input_shape")) {
    if (!size.is_number_unsigned()) fail("input_shape has other than sizes");
  }
  words.at("input_shape").get_to(metadata.input_shape);
  check_numbers(metadata);
  if (words.contains("thresholds")) {
    words.at("thresholds").get_to(metadata.thresholds);
    check_thresholds(metadata);
  }
  metadata.held_out_by_content = words.value("holdout", "") == "content";
  metadata.format = integer(words, "format", 1, kMostSteps);
  return metadata;
}

/// Everything of a checkpoint but its tensors.
Checkpoint read_words(const json& words) {
  const int64_t format = integer(words, "format", 1, kMostSteps);
  if (format > kCheckpointFormat) {
    throw std::runtime_error("checkpoint format " + std::to_string(format) +
                             ", but this skipzoo reads up to " +
                             std::to_string(kCheckpointFormat) +
                             "; update skipzoo");
  }
  Checkpoint checkpoint;
  checkpoint.metadata = metadata_of(words);
  checkpoint.position = {.epoch = integer(words, "epoch", 0, kMostSteps),
                         .batch = integer(words, "batch", 0, kMostSteps),
                         .step = integer(words, "step", 0, kMostSteps)};
  if (words.contains("pictures_of_batch")) {  // Not in older ones.
    checkpoint.position.pictures = integer(words, "pictures", 0, kMostSteps);
    checkpoint.position.pictures_of_batch =
        integer(words, "pictures_of_batch", 0, kMostSteps);
  }
  checkpoint.best.epoch = integer(words, "best_epoch", 0, kMostSteps);
  words.at("best_value").get_to(checkpoint.best.value);
  checkpoint.best.by_average = words.value("best_weights", "") == "average";
  return checkpoint;
}

/// A record of words. No config and no list of classes is longer.
std::string read_text(const ZipFile& zip, const std::string& name) {
  const auto bytes = zip.read(name, uint64_t{8} << 20);
  return {bytes.begin(), bytes.end()};
}

/// A section without tensors leaves no trace, and is no section.
std::map<std::string, NamedTensors> unpack(const NamedTensors& all) {
  std::map<std::string, NamedTensors> sections;
  for (const auto& [name, tensor] : all) {
    const auto slash = name.find('/');
    const auto section = name.substr(0, slash);
    if (section.empty()) {
      throw std::runtime_error("its run.pkl holds " + printable(name) +
                               ", which is no part of a run");
    }
    sections[section].emplace_back(
        slash == std::string::npos ? "" : name.substr(slash + 1), tensor);
  }
  return sections;
}

void check_names(const NamedTensors& tensors, const char* what) {
  std::set<std::string> names;
  for (const auto& entry : tensors) {
    if (!is_utf8(entry.first) || !names.insert(entry.first).second) {
      throw std::runtime_error("its " + std::string(what) +
                               " have a name that is no UTF-8, or one twice");
    }
  }
}

/// Turns what readers throw into a FileError.
template <typename Read>
auto reading(const fs::path& path, Read read) {
  const auto words = [](std::string text) {
    constexpr size_t kMost = 300;
    if (text.size() > kMost) text.resize(kMost);
    return "not a readable checkpoint: " + printable_message(text);
  };
  try {
    return read();
  } catch (const FileError&) {
    throw;
  } catch (const c10::Error& error) {
    throw FileError(path, words(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    throw FileError(path, words("it needs more memory than there is"));
  } catch (const std::runtime_error& error) {
    throw FileError(path, words(error.what()));
  }
}

/// Whether what torch.save, or TorchScript, writes.
bool is_zip(const InputFile& file) {
  const auto head = file.read(0, std::min<uint64_t>(file.size(), 2));
  return head == std::vector<uint8_t>{'P', 'K'};
}

bool is_checkpoint(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return false;
  return reading(path, [&] {
    const auto file = InputFile::open(path);
    return is_zip(*file) && ZipFile(file).has(kCheckpointRecord);
  });
}

}  // namespace

Checkpoint load_checkpoint(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  if (status.type() == fs::file_type::not_found) {
    throw FileError(path, "no such checkpoint");
  }
  if (fs::is_directory(status)) {
    throw FileError(path, "is a folder, expected a .skz checkpoint in it");
  }
  return reading(path, [&] {
    const auto file = InputFile::open(path);
    const ZipFile zip(file);
    if (!zip.has(kCheckpointRecord)) {
      throw FileError(path, "not a skipzoo checkpoint: it lacks " +
                                std::string(kCheckpointRecord));
    }
    Checkpoint checkpoint =
        parsed(read_text(zip, kCheckpointRecord), read_words);
    checkpoint.weights = read_zip_tensors(zip, *file, "data");
    check_names(checkpoint.weights, "weights");
    const auto run = read_zip_tensors(zip, *file, "run");
    check_names(run, "tensors of the run");
    checkpoint.sections = unpack(run);
    return checkpoint;
  });
}

NamedTensors trained_weights(const fs::path& path) {
  auto checkpoint = load_checkpoint(path);
  const auto found = checkpoint.sections.find("model");
  return found == checkpoint.sections.end() ? std::move(checkpoint.weights)
                                            : std::move(found->second);
}

std::optional<NamedTensors> averaged_weights(const fs::path& path) {
  if (!is_checkpoint(path)) return std::nullopt;
  auto checkpoint = load_checkpoint(path);
  if (checkpoint.sections.contains("model")) {
    return std::move(checkpoint.weights);
  }
  const auto found = checkpoint.sections.find("ema");
  if (found == checkpoint.sections.end()) return std::nullopt;
  return std::move(found->second);
}

std::optional<Position> read_position(const fs::path& path) {
  try {
    return load_checkpoint(path).position;
  } catch (const FileError&) {
    return std::nullopt;
  }
}

std::optional<ModelMetadata> read_metadata(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return std::nullopt;
  return reading(path, [&]() -> std::optional<ModelMetadata> {
    const auto file = InputFile::open(path);
    if (!is_zip(*file)) return std::nullopt;
    const ZipFile zip(file);
    if (zip.has(kCheckpointRecord)) {
      return parsed(read_text(zip, kCheckpointRecord), read_words).metadata;
    }
    // An exported program's, where TorchScript keeps what is not its own.
    const auto extra = std::string("extra/") + kCheckpointRecord;
    if (!zip.has(extra)) return std::nullopt;
    return parse_metadata(read_text(zip, extra));
  });
}

ModelMetadata parse_metadata(const std::string& text) {
  return parsed(text, metadata_of);
}

}  // namespace skipzoo
