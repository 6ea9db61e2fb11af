#include "tools/weights/safetensors.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "tools/weights/storage.h"

namespace skipzoo {

namespace {

using nlohmann::json;

/// Deep nesting would exhaust the parser's stack; the format has two levels.
json parse_shallow(std::span<const uint8_t> text, int levels) {
  const auto too_deep = [levels](int depth, json::parse_event_t, json&) {
    if (depth > levels)
      throw std::runtime_error("its JSON is nested too deeply");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), too_deep);
  } catch (const json::exception&) {
    throw std::runtime_error("its JSON header is damaged");
  }
}

torch::Tensor read_tensor(const std::shared_ptr<const MappedFile>& file,
                          std::span<const uint8_t> data, const json& entry,
                          const ReadOptions& options) {
  const auto type = scalar_type(entry.at("dtype").get<std::string>());
  const auto sizes = entry.at("shape").get<std::vector<int64_t>>();
  const auto offsets = entry.at("data_offsets").get<std::vector<uint64_t>>();
  if (sizes.size() > 64 || offsets.size() != 2 || offsets[0] > offsets[1] ||
      offsets[1] > data.size()) {
    throw std::runtime_error("offsets that reach beyond the file");
  }
  std::vector<int64_t> strides(sizes.size());
  double count = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] < 0) throw std::runtime_error("a size below zero");
    // Beyond this nothing fits the offsets; below it nothing overflows.
    strides[d] = count < 1e15 ? static_cast<int64_t>(count) : 0;
    count *= static_cast<double>(sizes[d]);
  }
  const auto bytes = count * static_cast<double>(c10::elementSize(type));
  if (bytes != static_cast<double>(offsets[1] - offsets[0])) {
    throw std::runtime_error("a shape that does not fit its offsets");
  }
  return view_of(file, data.subspan(offsets[0], offsets[1] - offsets[0]), type,
                 0, sizes, strides, options.shapes_only);
}

/// No byte belongs to two tensors, as the format demands.
void check_apart(std::vector<std::pair<uint64_t, uint64_t>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) {
      throw std::runtime_error("tensors that overlap");
    }
  }
}

}  // namespace

WeightFile read_safetensors(const std::shared_ptr<const MappedFile>& file,
                            const ReadOptions& options) {
  const auto bytes = file->bytes();
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= uint64_t{bytes[i]} << (8 * i);
  if (length > bytes.size() - 8) {
    throw std::runtime_error(
        "its header reaches beyond the file; was the "
        "download cut short?");
  }
  const json header = parse_shallow(bytes.subspan(8, length), 4);
  const auto data = bytes.subspan(8 + length);
  if (!header.is_object()) throw std::runtime_error("its header is no object");

  WeightFile result;
  result.kind = WeightKind::kSafetensors;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    try {
      result.tensors.emplace_back(name,
                                  read_tensor(file, data, entry, options));
      ranges.emplace_back(entry.at("data_offsets")[0],
                          entry.at("data_offsets")[1]);
    } catch (const json::exception&) {
      throw std::runtime_error(name + ": a damaged entry in its header");
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(name + ": " + error.what());
    }
  }
  check_apart(std::move(ranges));
  return result;
}

WeightFile read_safetensors_index(const std::filesystem::path& path,
                                  const std::shared_ptr<const MappedFile>& file,
                                  const ReadOptions& options) {
  const json index = parse_shallow(file->bytes(), 4);
  if (!index.contains("weight_map") || !index["weight_map"].is_object()) {
    throw std::runtime_error(
        "a JSON file without weight_map, so no index of "
        "safetensors files");
  }
  WeightFile result;
  result.kind = WeightKind::kSafetensors;
  std::map<std::string, std::set<std::string>> names_of_file;
  for (const auto& [name, where] : index["weight_map"].items()) {
    const std::filesystem::path part =
        where.is_string() ? where.get<std::string>() : "";
    // Beside the index and nowhere else, whatever it says.
    if (part.empty() || part.filename() != part || part == "..") {
      throw std::runtime_error("names '" + part.string() +
                               "', which is no file beside it");
    }
    names_of_file[part.string()].insert(name);
  }
  for (const auto& [part, names] : names_of_file) {
    const auto shard =
        read_safetensors(MappedFile::open(path.parent_path() / part), options);
    size_t found = 0;
    for (const auto& [name, tensor] : shard.tensors) {
      if (!names.contains(name)) continue;
      result.tensors.emplace_back(name, tensor);
      ++found;
    }
    if (found != names.size()) {
      throw std::runtime_error("says of " + part +
                               " that it holds tensors which it does not");
    }
  }
  return result;
}

}  // namespace skipzoo
