// Files of weights that are seldom met: of old and of new PyTorch, in parts,
// and what only looks like one.

#include <gtest/gtest.h>

#include "tests/support/pickle_text.h"
#include "tests/support/tar.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/weight_files.h"
#include "tests/support/zip.h"
#include "tools/weights/input_file.h"
#include "tools/weights/pickle.h"

namespace skipzoo {
namespace {

using pickled::Tensor;
using std::string_literals::operator""s;

std::string dict_of(const std::string& tensor) {
  return pickled::dict({pickled::text("w"), tensor});
}

void expect_one_to_four(const std::filesystem::path& path) {
  const auto file = read_weight_file(path);
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.tensors.front().first, "w");
  EXPECT_TRUE(torch::equal(file.tensors.front().second,
                           torch::tensor({1.f, 2.f, 3.f, 4.f})));
}

TEST(WeightFormats, FilesBefore1_6AreReadInEveryProtocol) {
  TemporaryFolder folder;
  const std::string magic =
      "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s;
  const auto rest = [](const std::string& byte_order) {
    return pickled::whole(pickled::integer(1001)) +
           pickled::whole(
               pickled::dict({pickled::text("little_endian"), byte_order})) +
           pickled::whole(dict_of(pickled::tensor({}))) +
           pickled::whole("](" + pickled::text("0") + "e") + little_endian(4) +
           kOneToFour;
  };
  for (const std::string& start :
       {"\x80\x02"s + magic, "\x80\x03"s + magic,
        "\x80\x04\x95"s + little_endian(magic.size()) + magic,
        "\x80\x05\x95"s + little_endian(magic.size()) + magic,
        "L119547037146038801333356L\n."s}) {
    expect_one_to_four(folder.write("old.th", start + rest("\x88")));
  }
  expect_says(
      error_of(folder.write("old.th", "\x80\x02" + magic + rest("\x89"))),
      "byte order");
}

TEST(WeightFormats, TheTarOfPyTorch0_1IsRead) {
  const auto float_storage = pickled::type("torch", "FloatStorage");
  const auto storages =
      pickled::whole(pickled::integer(1)) +
      pickled::whole(pickled::tuple(
          {pickled::integer(70), pickled::text("cpu"), float_storage})) +
      little_endian(4) + kOneToFour + pickled::whole("]");
  const auto tensors =
      pickled::whole(pickled::integer(1)) +
      pickled::whole(pickled::tuple(
          {pickled::integer(71), pickled::integer(70), float_storage})) +
      little_endian(1, 4) + little_endian(0, 4) + little_endian(4) +
      little_endian(1) + little_endian(0);
  const std::string end(1024, '\0');
  const auto whole = [&](const std::string& numbers,
                         const std::string& object) {
    return tar_member("sys_info", pickled::whole("}")) +
           tar_member("storages", numbers) + tar_member("tensors", tensors) +
           tar_member("pickle", object) + end;
  };
  TemporaryFolder folder;
  expect_one_to_four(folder.write(
      "old.pth",
      whole(storages, pickled::whole(dict_of(pickled::text("71") + "Q")))));
  // A storage of the newer formats, which a tar has not.
  expect_says(
      error_of(folder.write(
          "evil.pth",
          whole(storages, pickled::whole(dict_of(pickled::tensor({})))))),
      "without its storage");
  // Parts: of a storage, from an offset on, which here is 2^64.
  const auto part = "](" +
                    pickled::tuple({pickled::integer(80), pickled::integer(70),
                                    "\x8a\x09"s + little_endian(0) + "\1",
                                    pickled::integer(1)}) +
                    "e";
  expect_says(error_of(folder.write(
                  "part.pth",
                  whole(storages.substr(
                            0, storages.size() - pickled::whole("]").size()) +
                            pickled::whole(part),
                        pickled::whole(dict_of(pickled::text("71") + "Q"))))),
              "a part of a storage");
  expect_says(
      error_of(folder.write("a.pth.tar", tar_member("net.pth", "x") + end)),
      "a tar archive with net.pth in it: unpack it first");
}

TEST(WeightFormats, AnIndexOfShardsOfAnyFormatIsRead) {
  TemporaryFolder folder;
  const auto part =
      zip_of({{.name = "a/data.pkl",
               .data = pickled::whole(dict_of(pickled::tensor({})))},
              {.name = "a/data/0", .data = kOneToFour}});
  folder.write("pytorch_model-1.bin", part);
  expect_one_to_four(
      folder.write("pytorch_model.bin.index.json",
                   R"({"weight_map": {"w": "pytorch_model-1.bin"}})"));
  expect_says(error_of(folder.write(
                  "i.json", R"({"weight_map": {"v": "pytorch_model-1.bin"}})")),
              "which it does not");
  expect_says(error_of(folder.write("i.json",
                                    R"({"weight_map": {"w": "a\u0000.bin"}})")),
              "no file beside it");
  // What it does not name is left out.
  folder.write("index/part.bin", part);
  folder.write("index/more.bin",
               zip_of({{.name = "a/data.pkl",
                        .data = pickled::whole(pickled::dict(
                            {pickled::text("v"), pickled::tensor({}),
                             pickled::text("x"), pickled::tensor({})}))},
                       {.name = "a/data/0", .data = kOneToFour}}));
  const auto both = read_weight_file(folder.write(
      "index/i.json", R"({"weight_map": {"w": "part.bin", "v": "more.bin"}})"));
  EXPECT_EQ(both.tensors.size(), 2u);
  ASSERT_EQ(both.left_out.size(), 1u);
  EXPECT_EQ(both.left_out.front().name, "x");
  // An index of indexes could lead in a circle.
  EXPECT_NE(
      error_of(folder.write("i.json", R"({"weight_map": {"w": "i.json"}})")),
      "no error");
}

/// The value under "w" in a pickle.
Pickle::Kind kind_of(const std::string& value, std::string* text = nullptr) {
  const auto pickle = pickled::whole(dict_of(value));
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  PickleReader reader{std::span(bytes)};
  const Pickle* found = reader.read().find("w");
  if (text != nullptr) *text = found->text;
  return found->kind;
}

TEST(WeightFormats, TensorsThatCannotBeReadStayInTheTreeWithTheirReason) {
  using Kind = Pickle::Kind;
  const auto utils = [](const char* name, const std::string& given) {
    return pickled::call(pickled::type("torch._utils", name), given);
  };
  const auto plain = pickled::tensor({});
  std::string text;
  const auto quantized = pickled::type("torch._utils", "_rebuild_qtensor") +
                         plain.substr(plain.find('('));
  EXPECT_EQ(kind_of(quantized, &text), Kind::kUnreadableTensor);
  EXPECT_EQ(text, "a quantized tensor");
  EXPECT_EQ(kind_of(utils("_rebuild_sparse_tensor", ")"), &text),
            Kind::kUnreadableTensor);
  EXPECT_EQ(text, "a sparse tensor");
  EXPECT_EQ(kind_of(pickled::tensor({.storage = "QInt8Storage"}), &text),
            Kind::kUnreadableTensor);
  EXPECT_EQ(text, "of type QInt8Storage");
  // What holds an ordinary one is that.
  EXPECT_EQ(kind_of(utils("_rebuild_parameter_with_state",
                          pickled::tuple({plain, "\x88", "}", "}"}))),
            Kind::kTensor);
  const auto arguments =
      plain.substr(pickled::type("torch._utils", "_rebuild_tensor_v2").size());
  EXPECT_EQ(
      kind_of(pickled::call(
          pickled::type("torch._tensor", "_rebuild_from_type_v2"),
          pickled::tuple({pickled::type("torch._utils", "_rebuild_tensor_v2"),
                          pickled::type("__main__", "Sub"),
                          arguments.substr(0, arguments.size() - 1), "}"}))),
      Kind::kTensor);
}

TEST(WeightFormats, TypesThatWeightsSeldomHaveAreRead) {
  // As _rebuild_tensor_v3 writes those that have no storage of their own.
  const auto v3 = [](const char* type) {
    const auto id = pickled::tuple(
        {pickled::text("storage"), pickled::type("torch", "UntypedStorage"),
         pickled::text("0"), pickled::text("cpu"), pickled::integer(16)});
    return pickled::call(
        pickled::type("torch._utils", "_rebuild_tensor_v3"),
        pickled::tuple({id + "Q", pickled::integer(0), pickled::integers({2}),
                        pickled::integers({1}), "\x89", "}",
                        pickled::type("torch", type)}));
  };
  TemporaryFolder folder;
  for (const auto& [name, type] :
       {std::pair("float8_e4m3fn", at::kFloat8_e4m3fn),
        {"float8_e5m2", at::kFloat8_e5m2},
        {"uint16", at::kUInt16},
        {"uint32", at::kUInt32},
        {"uint64", at::kUInt64}}) {
    const auto file = read_weight_file(folder.write(
        "a.pth", zip_of({{.name = "a/data.pkl",
                          .data = pickled::whole(dict_of(v3(name)))},
                         {.name = "a/data/0", .data = kOneToFour}})));
    EXPECT_EQ(file.tensors.front().second.scalar_type(), type) << name;
  }
}

TEST(WeightFormats, WhatOnlyLooksLikeWeightsIsNamed) {
  TemporaryFolder folder;
  const std::pair<const char*, const char*> zips[] = {
      {"a/archive_format", "torch.export"},
      {"conv.npy", "NumPy archive"},
      {"model.pth", "a zip around model.pth"},
      {"readme.txt", "lacks its record data.pkl"}};
  for (const auto& [name, words] : zips) {
    expect_says(
        error_of(folder.write("a.pth", zip_of({{.name = name, .data = "x"}}))),
        words);
  }
  expect_says(
      error_of(folder.write(
          "a.pth", zip_of({{.name = "w.pth", .data = "x", .flags = 1}}))),
      "a password");
  folder.write("large.safetensors", std::string("\x7f\0\0\0\0\0\0\0{", 9));
  std::filesystem::resize_file(folder / "large.safetensors", 100'000'000'000);
  expect_says(error_of(folder / "large.safetensors"),
              "is sparse: nearly all of its 100.0 GB");
}

TEST(WeightFormats, WhatAFolderHoldsIsNamed) {
  const std::pair<std::vector<const char*>, const char*> folders[] = {
      {{}, "is a folder, expected a file of weights"},
      {{"notes.txt"}, "is a folder, expected a file of weights"},
      {{"best.skz", "last.skz"}, "its weights are in FOLDER/best.skz"},
      {{"last.skz"}, "its weights are in FOLDER/last.skz"},
      {{"config.json", "tokenizer.json"},
       "a Hugging Face model without its weights"},
      {{"config.json", "model.safetensors"},
       "its weights are in FOLDER/model.safetensors"},
      {{"config.json", "pytorch_model.bin.index.json"},
       "its weights are in FOLDER/pytorch_model.bin.index.json"},
      {{"config.json", "model-2.safetensors", "model-1.safetensors"},
       "in it is FOLDER/model-1.safetensors"},
      {{"data.pkl", "byteorder", "version", "data/0"}, "is an unpacked .pth"},
      {{".metadata", "__0_0.distcp"}, "dcp_to_torch"},
      {{"__0_0.distcp"}, "lacks its .metadata"}};
  for (const auto& [names, words] : folders) {
    TemporaryFolder folder;
    for (const char* name : names) folder.write(name, "x");
    std::string expected = words;
    if (const auto at = expected.find("FOLDER"); at != std::string::npos) {
      expected.replace(at, 6, folder.path().string());
    }
    expect_says(error_of(folder.path()), expected);
  }
}

// A file that shrinks while it is read ended the process by SIGBUS.
TEST(WeightFormats, AFileThatIsCutShortWhileItIsReadIsSaidToBe) {
  TemporaryFolder folder;
  const auto path = folder.write("a.pth", std::string(100, 'x'));
  const auto file = InputFile::open(path);
  std::filesystem::resize_file(path, 10);
  try {
    file->read(0, 100);
    FAIL() << "no error";
  } catch (const FileError& error) {
    expect_says(error.what(), "was truncated while it was read");
  }
}

TEST(WeightFormats, TensorsOutliveTheirFile) {
  TemporaryFolder folder;
  const auto path = folder.write(
      "a.pth", zip_of({{.name = "a/data.pkl",
                        .data = pickled::whole(dict_of(pickled::tensor({})))},
                       {.name = "a/data/0", .data = kOneToFour}}));
  const auto file = read_weight_file(path);
  std::filesystem::resize_file(path, 0);
  EXPECT_EQ(file.tensors.front().second.sum().item<float>(), 10);
}

}  // namespace
}  // namespace skipzoo
