#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/sha256.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const fs::path kFiles = fs::path(SKIPZOO_GOLDENS) / "weights";

// FIPS 180-2, appendix B, and lengths around the ends of a block, by Python's
// hashlib.
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(sha256(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(std::string(55, 'b')),
            "eb2c86e932179f4ba13fe8715a26124b77d6bad290b9b4c1cc140cf633300c19");
  EXPECT_EQ(sha256(std::string(64, 'b')),
            "a0fab1377f49a759b57f63318262ebe89fabfc990e8e93ceac2984561482b9d4");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  TemporaryFolder folder;
  for (const size_t size :
       {0u, 1u, 63u, 1u << 20, (1u << 20) + 1, 3'000'000u}) {
    const std::string bytes(size, 'x');
    EXPECT_EQ(sha256_of_file(folder.write("file", bytes)), sha256(bytes));
  }
}

/// By the checkout's configs, wherever the build folder lies.
nlohmann::json inspect(const fs::path& file) {
  const auto finished = run_skipzoo(
      {"inspect", file.string(), "--json", "--configs", SKIPZOO_CONFIGS});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return nlohmann::json::parse(finished.out);
}

TEST(Inspect, ListsWhatIsInAFile) {
  const auto json = inspect(kFiles / "training.th");
  EXPECT_EQ(json.at("kind"), "a PyTorch file (before 1.6)");
  EXPECT_EQ(json.at("wrapper"), "state_dict");
  EXPECT_EQ(json.at("fits").size(), 0u);
  EXPECT_TRUE(json.at("sha256_is_as_named").is_null());
  ASSERT_EQ(json.at("tensors").size(), 3u);
  EXPECT_EQ(json.at("tensors")[0],
            nlohmann::json({{"name", "module.conv.weight"},
                            {"shape", {4, 3, 3, 3}},
                            {"type", "Float"},
                            {"bytes", 432}}));
}

TEST(Inspect, ComparesTheChecksumWithTheName) {
  TemporaryFolder folder;
  const auto bytes = read_text(kFiles / "plain.pth");
  const auto digits = sha256(bytes).substr(0, 8);
  const auto json = inspect(folder.write("net-" + digits + ".pth", bytes));
  EXPECT_EQ(json.at("sha256"), sha256(bytes));
  EXPECT_EQ(json.at("sha256_is_as_named"), true);
  EXPECT_EQ(
      inspect(folder.write("net-00000000.pth", bytes)).at("sha256_is_as_named"),
      false);
}

TEST(Inspect, NamesTheConfigsThatFit) {
  TemporaryFolder folder;
  const auto run = (folder / "run").string();
  const auto trained = run_skipzoo(
      {"train", "-c", std::string(SKIPZOO_CONFIGS) + "/cifar10/resnet32.yaml",
       "-o", run, "--set", "data.dataset=synthetic", "--set",
       "data.synthetic_images=4", "--set", "data.batch_size=2", "--set",
       "train.epochs=1", "--set", "train.schedule={name: constant}"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  std::map<std::string, std::string> fits;
  const auto json = inspect(folder / "run/last.skz");
  for (const auto& one : json.at("fits")) {
    const fs::path config = one.at("config").get<std::string>();
    fits[config.parent_path().filename() / config.filename()] = one.at("but");
  }
  ASSERT_TRUE(fits.contains("cifar10/resnet32.yaml"));
  EXPECT_EQ(fits["cifar10/resnet32.yaml"], "");
  EXPECT_EQ(fits["fine_tune/resnet32.yaml"], "");
  EXPECT_EQ(fits["cifar100/resnet32.yaml"],
            "fc: a new one for 100 classes; the file's is for 10");
  EXPECT_FALSE(fits.contains("cifar10/resnet20.yaml"));
}

TEST(Convert, RefusesWhatWouldLoseSomething) {
  TemporaryFolder folder;
  const auto file =
      folder.write("net.pth", read_text(kFiles / "plain.pth")).string();
  const auto expect_error = [&](const std::vector<std::string>& arguments,
                                const std::string& words) {
    const auto finished = run_skipzoo(arguments);
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
    EXPECT_EQ(read_text(file), read_text(kFiles / "plain.pth"));
  };
  expect_error({"convert", file, file}, "is the file to be read");
  expect_error({"convert", file, (folder / "out.pth").string(), "--ema"},
               "holds no averaged weights");
  EXPECT_FALSE(fs::exists(folder / "out.pth"));
}

// 1 GB in a file with a hole: inspect looks at names and, a piece at a time, at
// the bytes; convert may hold them once.
TEST(Memory, OfALargeFileStaysWithinBounds) {
  TemporaryFolder folder;
  constexpr int64_t kBytes = 1'000'000'000;
  const std::string header =
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(kBytes / 4) +
      "],\"data_offsets\":[0," + std::to_string(kBytes) + "]}}";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  const auto large = folder.write("large.safetensors", length + header);
  fs::resize_file(large, header.size() + 8 + kBytes);

  const auto peak = [](std::vector<std::string> arguments) {
    const auto finished = run_skipzoo(std::move(arguments));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished.peak_megabytes;
  };
  const auto small = (kFiles / "plain.safetensors").string();
  const auto empty = (folder / "empty").string();
  fs::create_directory(empty);
  const auto least = peak({"inspect", small, "--configs", empty});
  EXPECT_LT(peak({"inspect", large.string(), "--configs", empty}), least + 100);
  EXPECT_LT(peak({"convert", large.string(), (folder / "out.pth").string()}),
            least + 1300);
}

}  // namespace
}  // namespace skipzoo
