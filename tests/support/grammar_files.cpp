// The files of the grammar; grammar.cpp has the pickles in them.

#include "tests/support/grammar.h"
#include "tests/support/tar.h"

namespace skipzoo {

using namespace pickled;
using std::string_literals::operator""s;

namespace {

/// What an honest program writes: a tensor of four numbers, all in its record.
/// A file made of odd parts alone is hardly ever right in all of them.
std::string one_tensor() {
  return pickled::dict({text("w"), pickled::tensor({})});
}

}  // namespace

std::vector<ZipRecord> Grammar::records(const std::string& folder) {
  std::vector<ZipRecord> all;
  for (const char* key : {"0", "1"}) {
    const size_t size =
        chance(80) ? 32 : static_cast<size_t>(random_.below(40));
    all.push_back(
        {.name = "a/" + folder + "/" + key, .data = std::string(size, '\x3c')});
  }
  if (chance(10)) {
    all.push_back({.name = "a/byteorder",
                   .data = any_of<std::string>({"big", "little", "", "?"})});
  }
  return all;
}

std::string Grammar::zip(std::vector<ZipRecord> records) {
  ZipEnd end;
  if (chance(15)) {
    auto& one = records[static_cast<size_t>(
        random_.below(static_cast<int64_t>(records.size())))];
    const auto some = static_cast<uint64_t>(number());
    switch (random_.below(8)) {
      case 0:
        one.size_more = some;
        break;
      case 1:
        one.local_size_more = some;
        break;
      case 2:
        one.offset_more = some;
        break;
      case 3:
        one.crc_more = some;
        break;
      case 4:
        one.flags = some;
        break;
      case 5:
        one.method = some;
        break;
      case 6:
        end.offset_more = some;
        break;
      default:
        end.records_more = some;
        break;
    }
    one.has_zip64 = chance(50);
  }
  auto bytes = zip_of(records, end);
  if (chance(5))
    bytes.resize(
        static_cast<size_t>(random_.below(static_cast<int64_t>(bytes.size()))));
  return bytes;
}

std::string Grammar::torch_zip() {
  auto all = records("data");
  all.insert(all.begin(), {.name = "a/data.pkl", .data = whole(state_dict())});
  return zip(all);
}

std::string Grammar::torch_script() {
  auto all = records("data");
  memos_ = 0;
  const bool is_honest = chance(30);
  all.insert(
      all.begin(),
      {.name = "a/data.pkl",
       .data = whole(is_honest ? pickled::module(one_tensor()) : module(4))});
  all.push_back(
      {.name = "a/constants.pkl", .data = whole(is_honest ? ")" : value(2))});
  all.push_back(
      {.name = "a/code/__torch__.py",
       .data = std::string(static_cast<size_t>(random_.below(600)),
                           any_of<char>({'(', ' ', '\n', '-', 'a'}))});
  return zip(all);
}

std::string Grammar::torch_legacy() {
  std::string bytes =
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s +
      whole(integer(1001)) +
      whole(pickled::dict(
          {text("little_endian"), chance(95) ? "\x88" : "\x89"})) +
      whole(state_dict()) + whole("](" + text("0") + text("1") + "e");
  for (int i = 0; i < 2; ++i) {
    bytes += little_endian(chance(70) ? 4 : static_cast<uint64_t>(number())) +
             std::string(32, '\x3c');
  }
  return bytes;
}

std::string Grammar::tar(const std::string& name, const std::string& data) {
  return tar_member(
      name, data,
      chance(95) ? data.size() : static_cast<uint64_t>(number()) >> 31);
}

std::string Grammar::torch_tar() {
  std::string storages =
      whole(integer(chance(90) ? 1 : number())) +
      whole(tuple({integer(7), text("cpu"), type("torch", "FloatStorage")})) +
      little_endian(chance(80) ? 4 : static_cast<uint64_t>(number())) +
      std::string(16, '\x3c');
  storages += whole("](" +
                    (chance(50) ? tuple({integer(8), integer(7),
                                         integer(number()), integer(number())})
                                : "") +
                    "e");
  std::string tensors = whole(integer(chance(90) ? 1 : number())) +
                        whole(tuple({integer(9), integer(chance(50) ? 7 : 8),
                                     type("torch", "FloatTensor")}));
  const auto sizes = numbers(3);
  tensors += little_endian(sizes.size(), 4) + little_endian(0, 4);
  for (const auto size : sizes)
    tensors += little_endian(static_cast<uint64_t>(size));
  for (size_t i = 0; i < sizes.size(); ++i)
    tensors += little_endian(static_cast<uint64_t>(number()));
  tensors += little_endian(static_cast<uint64_t>(number()));
  return tar("sys_info",
             whole(pickled::dict({text("little_endian"), "\x88"}))) +
         tar("storages", storages) + tar("tensors", tensors) +
         tar("pickle", whole(pickled::dict({text("w"), text("9") + "Q"}))) +
         std::string(1024, '\0');
}

std::string Grammar::number_text() {
  return chance(90) ? std::to_string(number())
                    : any_of<std::string>({"2.5", "1e3", "null", "[]", "{}",
                                           "\"4\"", "18446744073709551615",
                                           "99999999999999999999"});
}

std::string Grammar::safetensors() {
  std::string header = "{";
  uint64_t at = 0;
  for (int64_t left = random_.below(4); left >= 0; --left) {
    std::string shape;
    const bool honest = chance(70);
    if (honest) shape = "2,2";
    for (int64_t d = honest ? 0 : random_.below(4); d > 0; --d) {
      shape += (shape.empty() ? "" : ",") + number_text();
    }
    header +=
        (header.size() > 1 ? "," : "") + "\""s +
        any_of<std::string>({"a", "b", "c", "d", "e", "__metadata__"}) +
        "\":{\"dtype\":\"" +
        any_of<std::string>({"F32", "F32", "F32", "U8", "F8_E4M3", "F4", "X"}) +
        "\",\"shape\":[" + shape + "],\"data_offsets\":[" +
        (chance(90) ? std::to_string(at) : number_text()) + "," +
        (chance(90) ? std::to_string(at + 16) : number_text()) + "]}";
    at += 16;
  }
  header += chance(95) ? "}" : "";
  const uint64_t length =
      chance(95) ? header.size() : static_cast<uint64_t>(number());
  return little_endian(length) + header +
         std::string(static_cast<size_t>(chance(90) ? at : at + 1), '\x3c');
}

std::string Grammar::checkpoint() {
  auto all = records("data");
  for (auto& record : records("run")) all.push_back(std::move(record));
  const bool is_honest = chance(30);
  const auto odd = [&](const std::string& usual) {
    return is_honest || chance(93) ? usual : number_text();
  };
  all.insert(all.begin(),
             {.name = "a/data.pkl",
              .data = whole(is_honest ? one_tensor() : state_dict())});
  memos_ = 0;
  std::vector<std::string> run = {
      text("metrics"),
      pickled::tensor({.storage = "DoubleStorage",
                       .length = is_honest || chance(80) ? 4 : number()})};
  if (!is_honest) {
    run.push_back(text(chance(50) ? "random/cpu" : "optimizer/" + name()));
    run.push_back(tensor());
  }
  all.push_back({.name = "a/run.pkl", .data = whole(pickled::dict(run))});
  all.push_back({.name = "a/skipzoo.json",
                 .data = "{\"format\":" + odd("1") +
                         ",\"config\":\"\",\"classes\":" + odd("[\"a\"]") +
                         ",\"mean\":[" + odd("0.5") + "],\"std\":[" +
                         odd("0.5") + "],\"input_shape\":[" + odd("1") + "," +
                         odd("4") + "," + odd("4") + "],\"epoch\":" + odd("1") +
                         ",\"batch\":" + odd("1") + ",\"step\":" + odd("1") +
                         ",\"best_epoch\":" + odd("1") +
                         ",\"best_value\":" + odd("1") + "}"});
  return zip(all);
}

std::string Grammar::file() {
  switch (random_.below(8)) {
    case 0:
      return torch_legacy();
    case 1:
      return torch_tar();
    case 2:
      return torch_script();
    case 3:
      return safetensors();
    case 4:
      return checkpoint();
    default:
      return torch_zip();
  }
}

}  // namespace skipzoo
