// TorchScript archives that LibTorch's own reader would trust.

#include "tests/support/hostile.h"
#include "tests/support/pickle_text.h"
#include "tests/support/zip.h"
#include "tools/weights/program_check.h"

namespace skipzoo {
namespace {

using pickled::Tensor;

const std::filesystem::path kFiles =
    std::filesystem::path(SKIPZOO_GOLDENS) / "weights";

std::string module_of(const std::string& state) {
  return pickled::type("__torch__", "M") + ")\x81" + state + "b";
}

struct Program {
  std::string code = "class M(Module):\n  w : Tensor\n";
  Tensor tensor = {};
  std::string data = std::string(16, '\0');
  std::string root = {};
  uint64_t method = 0;
  uint64_t crc_more = 0;
};

std::string program_error(const Program& p) {
  TemporaryFolder folder;
  const auto root = p.root.empty()
                        ? module_of(pickled::dict(
                              {pickled::text("w"), pickled::tensor(p.tensor)}))
                        : p.root;
  const auto path = folder.write(
      "a.pt",
      zip_of({{.name = "a/data.pkl", .data = pickled::whole(root)},
              {.name = "a/data/0", .data = p.data, .method = p.method},
              {.name = "a/code/__torch__.py",
               .data = p.code,
               .crc_more = p.crc_more},
              {.name = "a/constants.pkl", .data = pickled::whole(")")}}));
  try {
    check_program(path);
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

void expect_program_refused(const Program& program, const std::string& words) {
  const auto error = program_error(program);
  EXPECT_NE(error.find(words), std::string::npos) << error;
}

TEST(HostileProgram, IsPassedOnWhereNothingIsWrong) {
  EXPECT_EQ(program_error({}), "no error");
  check_program(kFiles / "script.pt");
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
                           " if a else b", "not ", "+\n(", " and b"}) {
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
  std::string shared = module_of("}") + "r" + little_endian(0, 4);
  std::string deep = module_of("}");
  for (uint64_t i = 1; i < 90; ++i) {
    const auto last = "j" + little_endian(i - 1, 4);
    shared += "0" +
              module_of(pickled::dict(
                  {pickled::text("a"), last, pickled::text("b"), last})) +
              "r" + little_endian(i, 4);
  }
  expect_program_refused({.root = shared}, "far more often");
  std::string front, back;
  for (int i = 0; i < 2'000; ++i) {
    front += pickled::type("__torch__", "M") + ")\x81}(" + pickled::text("a");
    back += "ub";
  }
  expect_program_refused({.root = front + "N" + back}, "nested too deeply");
}

}  // namespace
}  // namespace skipzoo
