// torchvision's published weights: the table, held to itself and to our own
// networks, and where its files lie. tests/goldens/published_weights.py holds
// it to torchvision.

#include "tools/weights/published.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/environment.h"
#include "tests/support/expect_words.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/run/found_weights.h"
#include "tools/sha256.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

TEST(WeightTable, NamesEachFileByItsHashAndByHttps) {
  std::set<std::string> names, files;
  for (const auto& weights : published_weights()) {
    SCOPED_TRACE(weights.name());
    EXPECT_TRUE(names.insert(weights.name()).second);
    EXPECT_TRUE(files.insert(std::string(weights.file)).second);
    EXPECT_EQ(weights.address(), "https://download.pytorch.org/models/" +
                                     std::string(weights.network) + "-" +
                                     std::string(weights.sha256()) + ".pth");
    EXPECT_EQ(weights.sha256().size(), 8u);
    EXPECT_EQ(weights.sha256().find_first_not_of("0123456789abcdef"),
              std::string_view::npos);
    EXPECT_GT(weights.top1, 69);
    EXPECT_LT(weights.top1, weights.top5);
    EXPECT_LT(weights.top5, 97);
  }
}

// As in torchvision: the newest version, whose accuracy is the best.
TEST(WeightTable, HasOneDefaultOfEachNetwork) {
  std::map<std::string_view, double> best, by_default;
  for (const auto& weights : published_weights()) {
    auto& most = best[weights.network];
    most = std::max(most, weights.top1);
    if (!weights.is_default) continue;
    EXPECT_EQ(by_default.count(weights.network), 0u) << weights.network;
    by_default[weights.network] = weights.top1;
  }
  EXPECT_EQ(by_default, best);
  EXPECT_EQ(best.size(), 14u);
}

TEST(WeightTable, IsOfTheNetworksThatOurConfigsBuild) {
  for (const auto& weights : published_weights()) {
    SCOPED_TRACE(weights.name());
    const auto model = make_uninitialised(weights.model());
    EXPECT_EQ(count_parameters(*model), weights.parameters());
    // float32 or, of the first Wide ResNets, float16.
    const double bytes = weights.mebibytes * 1024 * 1024;
    const double each = bytes / static_cast<double>(weights.parameters());
    EXPECT_NEAR(each, each > 3 ? 4 : 2, 0.1);
    auto config =
        load_config(fs::path(SKIPZOO_CONFIGS) / ".." / weights.config()).config;
    auto own = config;
    own.model = weights.model();
    EXPECT_EQ(dump_config(own), dump_config(config));
    if (weights.recipe.empty()) continue;
    // What a recipe is called for: its own preprocessing too.
    const auto& data = config.data;
    EXPECT_EQ(static_cast<int64_t>(static_cast<double>(data.image_size) /
                                   data.crop_pct),
              weights.resize_size);
  }
}

TEST(WeightTable, IsFoundByName) {
  const auto name_of_found = [](const std::string& name) {
    const auto* found = find_published(name);
    return found == nullptr ? "" : found->name();
  };
  EXPECT_EQ(name_of_found("resnet50"), "resnet50:IMAGENET1K_V2");
  EXPECT_EQ(name_of_found("resnet50:DEFAULT"), "resnet50:IMAGENET1K_V2");
  EXPECT_EQ(name_of_found("resnet50:IMAGENET1K_V1"), "resnet50:IMAGENET1K_V1");
  EXPECT_EQ(name_of_found("densenet161"), "densenet161:IMAGENET1K_V1");
  for (const char* none : {"", ":", "resnet50:", "resnet50:IMAGENET1K_V3",
                           "ResNet50", "resnet20", "DEFAULT"}) {
    EXPECT_EQ(name_of_found(none), "") << none;
  }
  EXPECT_EQ(find_published_file("resnet50-0676ba61.pth"),
            find_published("resnet50:IMAGENET1K_V1"));
  EXPECT_EQ(find_published_file("resnet50.pth"), nullptr);
  for (const auto& name : published_names()) {
    EXPECT_NE(find_published(name), nullptr) << name;
  }
}

// Joined by line ends, as Python has it of torchvision 0.24.1:
//   hashlib.sha256('\n'.join(torchvision.models._meta._IMAGENET_CATEGORIES)
//                  .encode()).hexdigest()
TEST(WeightTable, HasTheNamesOfImageNetsClasses) {
  const auto& names = imagenet_categories();
  std::string joined;
  for (const auto& name : names) joined += (joined.empty() ? "" : "\n") + name;
  EXPECT_EQ(sha256(joined),
            "0b0f9fee7c952f257418d62aa701f023a9da13b443a14f5c4291e5724d92967c");
  ASSERT_EQ(names.size(), 1000u);
  EXPECT_EQ(names[281], "tabby");
}

TEST(NamedNetwork, IsKnownWithItsPreprocessing) {
  for (const auto& weights : published_weights()) {
    SCOPED_TRACE(weights.name());
    const auto metadata = metadata_of(weights);
    const auto [config, warnings] =
        parse_resolved_config(metadata.config, "published");
    EXPECT_TRUE(warnings.empty());
    const auto& data = config.data;
    // As evaluation_view() has it.
    EXPECT_EQ(std::floor(static_cast<double>(data.image_size) / data.crop_pct),
              static_cast<double>(weights.resize_size));
    EXPECT_EQ(data.image_size, 224);
    EXPECT_EQ(data.interpolation, Interpolation::kBilinear);
    EXPECT_EQ(data.mean, (std::vector<double>{0.485, 0.456, 0.406}));
    EXPECT_EQ(data.std, (std::vector<double>{0.229, 0.224, 0.225}));
    EXPECT_EQ(metadata.classes, imagenet_categories());
    EXPECT_EQ(metadata.input_shape, (std::vector<int64_t>{3, 224, 224}));
    EXPECT_EQ(num_classes(config.model), 1000);
  }
}

// torch.hub's rules: hub.py, _get_torch_home().
TEST(HubFolder, LieWhereTorchHubKeepsThem) {
  const Variable home("HOME", "/home/ann");
  const Variable no_cache("XDG_CACHE_HOME", std::nullopt);
  const Variable no_torch("TORCH_HOME", std::nullopt);
  EXPECT_EQ(published_folder(), "/home/ann/.cache/torch/hub/checkpoints");
  const Variable cache("XDG_CACHE_HOME", "/cache");
  EXPECT_EQ(published_folder(), "/cache/torch/hub/checkpoints");
  const Variable torch("TORCH_HOME", "~/torch");
  EXPECT_EQ(published_folder(), "/home/ann/torch/hub/checkpoints");
  const Variable nothing("TORCH_HOME", "");
  EXPECT_EQ(published_folder(), "/cache/torch/hub/checkpoints");
}

/// Weights of a file that a server here has.
class FetchingPublished : public testing::Test {
 protected:
  FetchingPublished()
      : server_([this](const auto& request) {
          return file_reply(request, content_);
        }),
        at_(server_.address()),
        file_("net-" + sha256(content_).substr(0, 8) + ".pth"),
        home_("TORCH_HOME", folder_.path().string()),
        offline_("SKIPZOO_OFFLINE", std::nullopt) {
    fetch_.download.http.protocols = "http";
  }
  PublishedWeights weights() const {
    return {.network = "net", .version = "V1", .file = file_, .at = at_};
  }
  std::string error_of(const FetchOptions& options) const {
    return words_of_error([&] { fetch_published(weights(), options); });
  }

  const std::string content_ = "weights";
  TemporaryFolder folder_;
  HttpServer server_;
  const std::string at_, file_;
  Variable home_, offline_;
  FetchOptions fetch_;
};

TEST_F(FetchingPublished, LaysThemIntoTheSharedFolder) {
  if (!can_fetch()) GTEST_SKIP() << "built without libcurl";
  EXPECT_EQ(published_file(weights()), "");
  const auto file = fetch_published(weights(), fetch_);
  EXPECT_EQ(file, folder_ / ("hub/checkpoints/" + file_));
  EXPECT_EQ(read_text(file), "weights");
  EXPECT_EQ(published_file(weights()), file);
  EXPECT_EQ(fetch_published(weights(), {.offline = true}), file);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(FetchingPublished, TakesThemFromTheWorkingFolderToo) {
  const auto before = fs::current_path();
  fs::current_path(folder_.path());
  folder_.write(file_, "weights");
  EXPECT_EQ(fetch_published(weights(), fetch_), file_);
  fs::current_path(before);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(FetchingPublished, OfflineSaysWhatToLayWhere) {
  const auto words = (folder_ / "hub/checkpoints" / file_).string() +
                     ": is not there, and --offline or SKIPZOO_OFFLINE forbids "
                     "to fetch it from " +
                     at_ + file_ + "; it may be laid there by hand";
  auto options = fetch_;
  options.offline = true;
  expect_words(error_of(options), words);
  const Variable offline("SKIPZOO_OFFLINE", "1");
  expect_words(error_of(fetch_), words);
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_FALSE(fs::exists(folder_ / "hub"));
}

TEST_F(FetchingPublished, RefusesADamagedFile) {
  folder_.write("hub/checkpoints/" + file_, "weight");
  expect_words(error_of(fetch_),
               "is not net:V1 as torchvision publishes it: its SHA-256 is " +
                   sha256("weight"));
  EXPECT_TRUE(server_.requests().empty());
}

}  // namespace
}  // namespace skipzoo
