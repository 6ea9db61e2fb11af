// TorchScript archives that LibTorch's own reader would trust.

#include "tests/support/hostile.h"
#include "tests/support/pickle_text.h"
#include "tests/support/zip.h"
#include "tools/weights/program_check.h"

namespace skipzoo {
namespace {

using pickled::Tensor;

struct Program {
  std::string code = "class M(Module):\n  w : Tensor\n";
  Tensor tensor = {};
  std::string data = std::string(16, '\0');
  std::string root = {};
  uint64_t method = 0;
  uint64_t crc_more = 0;
  std::vector<ZipRecord> more = {};
};

std::string program_error(const Program& p) {
  TemporaryFolder folder;
  const auto root = p.root.empty()
                        ? pickled::module(pickled::dict(
                              {pickled::text("w"), pickled::tensor(p.tensor)}))
                        : p.root;
  std::vector<ZipRecord> records = {
      {.name = "a/data.pkl", .data = pickled::whole(root)},
      {.name = "a/data/0", .data = p.data, .method = p.method},
      {.name = "a/code/__torch__.py", .data = p.code, .crc_more = p.crc_more},
      {.name = "a/constants.pkl", .data = pickled::whole(")")}};
  records.insert(records.end(), p.more.begin(), p.more.end());
  const auto path = folder.write("a.pt", zip_of(records));
  return file_error([&] { check_program(path); });
}

void expect_program_refused(const Program& program, const std::string& words) {
  expect_says(program_error(program), words);
}

TEST(HostileProgram, IsPassedOnWhereNothingIsWrong) {
  EXPECT_EQ(program_error({}), "no error");
  check_program(kWeightFiles / "script.pt");
  std::string lines;
  for (int i = 0; i < 5'000; ++i) {
    lines += "  _" + std::to_string(i) + " = torch.add(x, [1, -2], alpha=1)\n";
  }
  EXPECT_EQ(program_error({.code = lines}), "no error");
  std::string list = "x = [";
  for (int i = 0; i < 5'000; ++i) list += "-1, self.a.b, ";
  EXPECT_EQ(program_error({.code = list + "]\n"}), "no error");
}

TEST(HostileProgram, CodeThatNestsTooDeeplyIsRefused) {
  const auto chain = [](const std::string& link) {
    std::string code = "x = a";
    for (int i = 0; i < 50'000; ++i) code += link;
    return code;
  };
  for (const char* link : {"(", "[", "{", "+b", "-", "*(b)", "(b)", "[0]", ".b",
                           " if a else b", "not ", "+\n(", " and b", "''and"}) {
    expect_program_refused({.code = chain(link)}, "nested more deeply");
  }
  std::string blocks;
  for (int i = 0; i < 1'000; ++i) {
    blocks += std::string(static_cast<size_t>(i), ' ') + "if a:\n";
  }
  expect_program_refused({.code = blocks}, "nested more deeply");
}

TEST(HostileProgram, TensorsMustLieInTheirRecords) {
  expect_program_refused({.tensor = {.length = 1'000}}, "expected 4000");
  expect_program_refused({.tensor = {.sizes = {5}}}, "beyond its data");
  expect_program_refused({.data = ""}, "expected 16");
  expect_program_refused({.method = 8}, "does not unpack to the size");
  expect_program_refused({.method = 12}, "is packed");
  expect_program_refused({.crc_more = 1}, "CRC-32");
}

TEST(HostileProgram, SharedAndDeepModulesAreRefused) {
  expect_program_refused({.root = pickled::shared_modules()}, "far more often");
  std::string front, back;
  for (int i = 0; i < 2'000; ++i) {
    front += pickled::type("__torch__", "M") + ")\x81}(" + pickled::text("a");
    back += "ub";
  }
  expect_program_refused({.root = front + "N" + back}, "nested too deeply");
  // What is made and dropped again is freed by as many calls.
  expect_program_refused(
      {.root = std::string(2'000, ']') + std::string(1'999, 'a') + "0" +
               pickled::module("}")},
      "nested too deeply");
}

// What hides brackets from a check that does not know it.
TEST(HostileProgram, CodeThatLibTorchReadsOtherwiseIsRefused) {
  const std::string deep(50'000, '(');
  for (const std::string start : {"x = '''\n''' + ", "x = \"\"\"\n\"\"\" + ",
                                  "def f(x):\n  # type: ", "x = a \\\n"}) {
    expect_program_refused({.code = start + deep}, "does not write");
  }
  std::string chain = "x = ";
  for (int i = 0; i < 50'000; ++i) chain += "not\t";
  expect_program_refused({.code = chain + "a"}, "nested more deeply");
  expect_program_refused({.code = std::string(1'000'000, '\n')},
                         "too many empty lines");
  std::string comments;
  for (int i = 0; i < 50'000; ++i) comments += "# none\n \t\n";
  expect_program_refused({.code = comments}, "too many empty lines");
  EXPECT_EQ(program_error({.code = "x = '' + \"it's \\n\"  # '''\n"}),
            "no error");
}

// LibTorch's unpickler takes numbers for names, and builds as it calls.
TEST(HostileProgram, PicklesThatLibTorchReadsOtherwiseAreRefused) {
  const auto attribute = [](const std::string& value) {
    return Program{
        .root = pickled::module(pickled::dict({pickled::text("w"), value}))};
  };
  const auto far = pickled::tensor({.offset = 1'000'000});
  const auto arguments = far.substr(far.find('('));
  const auto function = pickled::type("torch._utils", "_rebuild_tensor_v2");
  expect_program_refused(attribute(pickled::integer(0) + arguments), "a call");
  expect_program_refused(
      attribute(pickled::type("torch", "ByteStorage") + arguments), "a call");
  const auto built = arguments.substr(0, arguments.size() - 1) + "b";
  expect_program_refused(attribute(function + built), "an object");
  expect_program_refused(attribute(pickled::integer(0) + built), "an object");
  expect_program_refused(attribute(function + ")\x81" + built), "an object");
  const auto utils = [](const char* name) {
    return pickled::type("torch._utils", name);
  };
  expect_program_refused(
      attribute(pickled::call(utils("_rebuild_sparse_tensor"), ")")), "a call");
  expect_program_refused(
      attribute(pickled::type("torch._utils", "_rebuild_qtensor") + arguments),
      "beyond its data");
  expect_program_refused(attribute("(0"), "a mark");
  const auto tag = [&](const std::string& type) {
    return attribute(
        pickled::call(pickled::type("torch.jit._pickle", "restore_type_tag"),
                      pickled::tuple({"]", pickled::text(type)})));
  };
  EXPECT_EQ(program_error(tag("List[List[int]]")), "no error");
  std::string deep;
  for (int i = 0; i < 50'000; ++i) deep += "List[";
  expect_program_refused(tag(deep), "nested more deeply");
}

TEST(HostileProgram, StoragesAreOfTheLengthAndTypeTheySay) {
  expect_program_refused({.tensor = {.length = 0}}, "beyond its data");
  expect_program_refused({.tensor = {.storage = "UInt64Storage"}},
                         "which TorchScript has not");
}

// LibTorch looks for DATA.PKL where it is asked for data.pkl.
TEST(HostileProgram, RecordsThatDifferByCaseAloneAreRefused) {
  Program program;
  program.more = {{.name = "a/DATA.pkl", .data = pickled::whole("N")}};
  expect_program_refused(program, "twice");
  program.more = {{.name = "a/code/x.PY", .data = std::string(50'000, '(')}};
  expect_program_refused(program, "nested more deeply");
  program.more = {{.name = "a/model.json", .data = "{}"}};
  expect_program_refused(program, "PyTorch 1.0");
  program.more = {{.name = "a/code/x.py.debug_pkl",
                   .data = pickled::whole(std::string(2'000, ']') +
                                          std::string(1'999, 'a'))}};
  expect_program_refused(program, "nested too deeply");
}

/// What is said of an archive with this record more.
std::string error_with(const ZipRecord& record) {
  Program program;
  program.more = {record};
  return program_error(program);
}

// Some writers pack the code, which nothing else may be.
TEST(HostileProgram, PackedCodeIsOfTheSizeThatItSays) {
  const auto code = deflated("a/code/x.py", "x = 1\n");
  EXPECT_EQ(error_with(code), "no error");
  EXPECT_EQ(error_with(deflated("a/code/x.py", "")), "no error");
  const auto with = [&](auto change) {
    auto changed = code;
    change(changed);
    return error_with(changed);
  };
  for (const uint64_t size : {5u, 7u, 60'000'000u}) {
    expect_says(with([&](ZipRecord& r) { r.unpacked->size = size; }),
                "a/code/x.py does not unpack to the size it says");
  }
  // Refused before there is room made for it.
  expect_says(with([](ZipRecord& r) { r.unpacked->size = 0xFFFFFFF0; }),
              "4294967280 bytes, expected at most");
  expect_says(with([](ZipRecord& r) {
                r.unpacked->size = uint64_t{1} << 62;
                r.has_zip64 = true;
              }),
              "do not agree");
  expect_says(with([](ZipRecord& r) { r.data.pop_back(); }),
              "does not unpack to the size it says");
  expect_says(with([](ZipRecord& r) { r.data.assign(r.data.size(), '\xff'); }),
              "does not unpack to the size it says");
  expect_says(with([](ZipRecord& r) { r.crc_more = 1; }), "CRC-32");
  expect_says(error_with(deflated("a/code/x.py", std::string(50'000, '('))),
              "nested more deeply");
}

TEST(HostileProgram, PackedRecordsThatSwellAreBoundedTogether) {
  auto zeros = deflated("a/extra/0", std::string(20'000'000, '\0'));
  auto shrunk = zeros;
  shrunk.unpacked->size = 5;
  expect_says(error_with(shrunk), "does not unpack to the size it says");
  const PeakMemory peak;  // Of what a second time does not load once more.
  error_with(shrunk);
  EXPECT_LT(peak.megabytes(), 15);
  Program program;
  for (const char* name : {"0", "1", "2", "3"}) {
    zeros.name = "a/extra/" + std::string(name);
    program.more.push_back(zeros);
  }
  expect_program_refused(program, "a/extra/3 is of 20000000 bytes");
  EXPECT_LT(peak.megabytes(), 200);
}

}  // namespace
}  // namespace skipzoo
