#include "tools/weights/shards.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "tools/printable.h"

namespace skipzoo {

namespace {

using nlohmann::json;

json parse_index(const InputFile& file) {
  constexpr uint64_t kMost = 100'000'000;
  if (file.size() > kMost) {
    throw std::runtime_error("a JSON file of " + std::to_string(file.size()) +
                             " bytes, longer than any index");
  }
  const auto text = file.read(0, file.size());
  const json index = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (index.is_discarded()) {
    throw std::runtime_error("begins as JSON, but is damaged");
  }
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    throw std::runtime_error(
        "a JSON file without weight_map, so no index of weight files");
  }
  return *map;
}

/// The names of tensors that each file holds.
std::map<std::string, std::set<std::string>> names_of_files(const json& map) {
  std::map<std::string, std::set<std::string>> names;
  for (auto entry = map.begin(); entry != map.end(); ++entry) {
    const std::filesystem::path part =
        entry->is_string() ? entry->get<std::string>() : "";
    // Beside the index and nowhere else, whatever it says.
    if (part.empty() || part.filename() != part || part == ".." ||
        part == "." || part.native().find('\0') != std::string::npos) {
      throw std::runtime_error("names '" + printable(part.string()) +
                               "', which is no file beside it");
    }
    names[part.string()].insert(entry.key());
  }
  return names;
}

}  // namespace

WeightFile read_index(const std::shared_ptr<const InputFile>& file,
                      bool wants_some, const ReadShard& read) {
  WeightFile result;
  result.kind = WeightKind::kSafetensors;
  for (const auto& [part, names] : names_of_files(parse_index(*file))) {
    const auto shard = read(file->path().parent_path() / part);
    result.kind = shard.kind;
    size_t found = 0;
    for (const auto& [name, tensor] : shard.tensors) {
      if (names.contains(name)) {
        result.tensors.emplace_back(name, tensor);
        ++found;
      } else {
        result.left_out.push_back({name, "in " + part + " beside the index"});
      }
    }
    for (const auto& left_out : shard.left_out) {
      result.left_out.push_back(left_out);
      if (names.contains(left_out.name)) ++found;
    }
    // Of which only some are wanted, only those are read.
    if (found != names.size() && !wants_some) {
      throw std::runtime_error("says of " + part +
                               " that it holds tensors which it does not");
    }
  }
  return result;
}

}  // namespace skipzoo
