// What a study makes of a network, and what it records while that is trained.

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/config/study_depths.h"
#include "tools/study/cells.h"
#include "tools/study/layer_probe.h"
#include "tools/study/loss_surface.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A config of digits' size with a study of these.
RunConfig study_of(const std::string& model, const std::string& study) {
  return parse_config("model: {" + model +
                          "}\n"
                          "data: {dataset: synthetic, image_size: 8}\n"
                          "study: {" +
                          study + "}\n",
                      "net.yaml", fs::current_path())
      .config;
}

/// Convolutions and linear layers of what is built, those of shortcuts aside.
int64_t weight_layers(const ModelOptions& network) {
  int64_t layers = 0;
  for (const auto& item : make_uninitialised(network)->named_parameters()) {
    const bool is_shortcut =
        item.key().find("downsample") != std::string::npos ||
        item.key().find("skip") != std::string::npos;
    if (item.value().dim() >= 2 && !is_shortcut) ++layers;
  }
  return layers;
}

TEST(StudyCells, HaveTheDepthThatIsAskedForInEveryFamily) {
  for (const auto& [model, depths] :
       std::vector<std::pair<std::string, std::string>>{
           {"family: resnet", "[8, 20, 56]"},
           {"family: resnet, bottleneck: true", "[11, 29]"},
           {"family: resnet, depths: [1, 1], widths: [8, 16]", "[6, 10, 14]"},
           {"family: preact_resnet", "[8, 20]"},
           {"family: conv_net", "[9, 17]"}}) {
    const bool has_twin = model.find("conv_net") == std::string::npos;
    const auto config = study_of(
        model, "skips: [none" + std::string(has_twin ? ", B, dense" : "") +
                   "], seeds: [5], depths: " + depths);
    const auto cells = study_cells(config);
    EXPECT_EQ(cells.size(),
              config.study.skips.size() * config.study.depths.size());
    for (const auto& cell : cells) {
      EXPECT_EQ(weight_layers(cell.config.model), cell.depth)
          << model << " " << cell.name();
      EXPECT_EQ(cell.config.train.seed, 5);
      EXPECT_EQ(cell.parameters,
                count_parameters(*make_model(cell.config.model)));
      EXPECT_FALSE(cell.config.study.enabled());
    }
  }
}

TEST(StudyCells, DenseOnesHaveAsManyParametersAsTheResidualOnes) {
  for (const char* model :
       {"family: resnet, in_channels: 1", "family: resnet, shortcut: B",
        "family: preact_resnet, widths: [8, 16, 32]"}) {
    const auto cells =
        study_cells(study_of(model,
                             "skips: [B, dense], depths: [8, 20, 56, 110], "
                             "seeds: [1]"));
    ASSERT_EQ(cells.size(), 8u);
    for (size_t i = 0; i < 4; ++i) {
      const auto& residual = cells[i];
      const auto& dense = cells[i + 4];
      EXPECT_EQ(family_name(dense.config.model), "densenet");
      EXPECT_EQ(dense.wanted, residual.parameters);
      EXPECT_NEAR(static_cast<double>(dense.parameters),
                  static_cast<double>(residual.parameters),
                  0.05 * static_cast<double>(residual.parameters))
          << dense.name();
      EXPECT_LE(std::abs(parameters_off(dense)), 5);
      EXPECT_EQ(parameters_off(residual), 0);
    }
  }
}

TEST(StudyCells, TakeEveryWordOfAFamilysShortcut) {
  for (const auto& family : families()) {
    const auto words = study_skips(family);
    if (words.empty()) continue;
    EXPECT_EQ(std::ranges::count(words, "none"), 1) << family_name(family);
  }
  const auto words = study_skips(ResNetOptions());
  EXPECT_EQ(words, (std::vector<std::string>{"A", "A_end", "B", "C", "none",
                                             "dense"}));
  EXPECT_TRUE(study_skips(DenseNetOptions()).empty());
  const auto network = with_depth(ConvNetOptions(), "none", 17);
  const auto& made = std::get<ConvNetOptions>(network);
  EXPECT_EQ(made.shortcut, ConvShortcut::kNone);
  EXPECT_EQ(made.filters,
            (std::vector<int64_t>{32, 32, 64, 64, 128, 128, 256, 256}));
  EXPECT_EQ(made.strides, (std::vector<int64_t>{2, 1, 2, 1, 2, 1, 2, 1}));
}

TEST(StudyConfig, SaysAllThatIsWrongWithItsPlace) {
  const auto words = words_of_error([] {
    parse_config(
        "model: {family: resnet}\n"
        "data: {dataset: synthetic, image_size: 8}\n"
        "train: {max_minutes: 3}\n"
        "study:\n"
        "  skips: [none, D]\n"
        "  depths: [20, 21, 5]\n",
        "net.yaml", fs::current_path());
  });
  for (const char* part :
       {"net.yaml:5:",
        "study.skips: one of A, A_end, B, C, none, dense, got "
        "'D'",
        "net.yaml:6:",
        "a resnet of these stages has 6n + 2 layers, so 20 or "
        "26, not 21",
        "has 6n + 2 layers, so 8, not 5", "train.max_minutes would end"}) {
    EXPECT_NE(words.find(part), std::string::npos) << part << "\n" << words;
  }
}

TEST(StudyConfig, RefusesWhatIsNoStudy) {
  const auto refused = [](const std::string& model, const std::string& study,
                          const std::string& part) {
    const auto words = words_of_error([&] { study_of(model, study); });
    EXPECT_NE(words.find(part), std::string::npos) << words;
  };
  const std::string net = "family: resnet";
  refused(net, "skips: [A]", "depths has no number of layers");
  refused(net, "depths: [8]", "skips names nothing to compare");
  refused(net, "skips: [A, A], depths: [8, 8], seeds: [1, 1]",
          "skips names one twice");
  refused(net, "skips: [A], depths: [8], seeds: []", "seeds is empty");
  refused(net, "skips: [A], depths: [8], surface: 4",
          "an odd number from 3 on");
  refused(net, "skips: [A], depths: [8], pictures: 1", "between 2 and 4096");
  refused("family: densenet", "skips: [A], depths: [8]",
          "a densenet has no model.shortcut to choose");
  refused("family: conv_net", "skips: [none], depths: [10]",
          "8n + 1 layers, so 9 or 17, not 10");
}

TEST(StudyConfig, ReadsBackAsItIsPrinted) {
  const auto config = study_of("family: resnet",
                               "skips: [none, dense], depths: [8], seeds: "
                               "[4], surface: 5, pictures: 9");
  const auto again =
      parse_config(dump_config(config), "again", fs::current_path()).config;
  EXPECT_EQ(again.study.skips, config.study.skips);
  EXPECT_EQ(again.study.depths, config.study.depths);
  EXPECT_EQ(again.study.seeds, config.study.seeds);
  EXPECT_EQ(again.study.surface, 5);
  EXPECT_EQ(again.study.pictures, 9);
}

TEST(StudyConfig, OfEveryFileOfConfigsHasItsCells) {
  int64_t files = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(SKIPZOO_CONFIGS) / "study")) {
    const auto config = load_config(entry.path()).config;
    ASSERT_TRUE(config.study.enabled()) << entry.path();
    for (const auto& cell : study_cells(config)) {
      EXPECT_LE(std::abs(parameters_off(cell)), 5) << cell.name();
    }
    ++files;
  }
  EXPECT_GE(files, 2);
}

/// A 1x1 convolution that triples, and a linear layer that picks two places.
struct TwoLayersImpl : Classifier {
  TwoLayersImpl()
      : conv(register_module(
            "conv",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 1).bias(false)))),
        fc(register_module("fc", torch::nn::Linear(4, 2))) {
    const torch::NoGradGuard no_grad;
    conv->weight.fill_(3);
    fc->weight.copy_(torch::tensor({{1., 0., 0., 0.}, {0., 0., 0., 1.}}));
    fc->bias.zero_();
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    return fc(conv(x).flatten(1));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }

  torch::nn::Conv2d conv;
  torch::nn::Linear fc;
};

TEST(LayerVariances, AreThoseOfANetworkDoneByHand) {
  TwoLayersImpl network;
  const ProbeBatch batch = {
      .images = torch::arange(4, torch::kFloat).reshape({1, 1, 2, 2}),
      .targets = {torch::tensor({1}, torch::kLong)}};
  const auto objective = make_objective({});
  for (const bool with_gradient : {false, true}) {
    const auto found =
        layer_variances(network, batch, objective, with_gradient);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].first, "conv");
    // Of 0, 3, 6, 9; and of the two picked, 0 and 9.
    EXPECT_DOUBLE_EQ(found[0].second, 9 * 1.25);
    EXPECT_EQ(found[1].first, "fc");
    EXPECT_DOUBLE_EQ(found[1].second, 20.25);
    EXPECT_EQ(network.conv->weight.grad().defined(), with_gradient);
  }
  // Logits (0, 9): softmax less one-hot is (p, -p), p = 1 / (1 + e^9); the
  // convolution's gradient is the sum of pixel times what it is picked with.
  const double p = 1 / (1 + std::exp(9.));
  EXPECT_NEAR(network.conv->weight.grad().item<double>(), -3 * p, 1e-3 * p);
}

TEST(LayerVariances, OfResidualNetworksAreInTheOrderTheyRun) {
  torch::manual_seed(1);
  ResNetOptions options{.depths = {1, 1}, .widths = {4, 8}};
  options.shortcut = Shortcut::kB;
  ResNetImpl network(options);
  const ProbeBatch batch = {.images = torch::randn({6, 3, 8, 8}),
                            .targets = {torch::arange(6)}};
  const auto found = layer_variances(network, batch, make_objective({}), false);
  std::vector<std::string> names;
  for (const auto& entry : found) names.push_back(entry.first);
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1",
                "layer2.0.conv2", "layer2.0.downsample.0", "fc"}));
  network.train();
  const torch::NoGradGuard no_grad;
  const auto stem =
      torch::conv2d(batch.images.to(torch::kDouble),
                    network.conv1->weight.to(torch::kDouble), {}, 1, 1);
  EXPECT_NEAR(found[0].second, stem.var(false).item<double>(), 1e-6);
  const auto signal = torch::relu(network.bn1(network.conv1(batch.images)));
  const auto next = torch::conv2d(
      signal.to(torch::kDouble),
      network.stages[0]->children()[0]->named_parameters()["conv1.weight"].to(
          torch::kDouble),
      {}, 1, 1);
  EXPECT_NEAR(found[1].second, next.var(false).item<double>(), 1e-6);
}

/// The same numbers another way: of each step, in float64.
class Oracle : public Callback {
 public:
  struct Sums {
    std::map<std::string, double> gradients, ratios;
    int64_t steps = 0;
  };
  Oracle(Classifier& model, Sums& sums) : model_(model), sums_(sums) {
    note_weights();
  }
  void on_step_end() override {
    for (const auto& item : model_.named_parameters()) {
      const auto& name = item.key();
      const auto gradient = item.value().grad().to(torch::kDouble);
      const auto before = before_.at(name);
      const auto update = item.value().detach().to(torch::kDouble) - before;
      sums_.gradients[name] += gradient.square().sum().sqrt().item<double>();
      sums_.ratios[name] +=
          (update.square().sum() / before.square().sum()).sqrt().item<double>();
    }
    ++sums_.steps;
    note_weights();
  }
  void add_to(TrainingState&) override {}

 private:
  void note_weights() {
    for (const auto& item : model_.named_parameters()) {
      before_[item.key()] = item.value().detach().to(torch::kDouble).clone();
    }
  }
  Classifier& model_;
  Sums& sums_;
  std::map<std::string, torch::Tensor> before_;
};

/// A small run that is recorded, from its beginning or its last checkpoint.
class Recorded {
 public:
  explicit Recorded(Settings settings) : settings_(std::move(settings)) {
    torch::manual_seed(9);
    batch_ = {.images = torch::randn({12, 3, 8, 8}),
              .targets = {torch::arange(12) % 4}};
    torch::manual_seed(static_cast<uint64_t>(settings_.train.seed));
    model_ = make_model(settings_.model);
  }
  /// dies_at: the epoch whose checkpoint is the last thing it does.
  void run(const fs::path& folder, TrainerHooks hooks = {},
           int64_t dies_at = -1) {
    probe_ = std::make_unique<LayerProbe>(model_, settings_.model, batch_,
                                          make_objective(settings_.train),
                                          folder / "layers.csv");
    settings_.callbacks.push_back(probe_->callback());
    hooks.on_save = [this, dies_at](const fs::path& path,
                                    const Position& position) {
      if (position.epoch == dies_at && path.filename() == "last.skz") {
        throw std::runtime_error("dies here");
      }
      probe_->saved(position);
    };
    const auto from = RunFolder::open(folder).checkpoint();
    auto trainer = make_trainer(
        settings_,
        from.empty() ? RunFolder::create(folder) : RunFolder::open(folder),
        std::move(hooks), model_);
    Position position;
    if (!from.empty()) {
      const auto checkpoint = load_checkpoint(from);
      trainer.restore(checkpoint, from);
      position = checkpoint.position;
    }
    probe_->begin(position);
    trainer.run();
  }
  const std::vector<LayerRow>& rows() const { return probe_->rows(); }
  const std::shared_ptr<Classifier>& model() const { return model_; }
  const ProbeBatch& batch() const { return batch_; }

 private:
  Settings settings_;
  ProbeBatch batch_;
  std::shared_ptr<Classifier> model_;
  std::unique_ptr<LayerProbe> probe_;
};

TEST(LayerProbe, RecordsWhatAFloat64LookAtEachStepFinds) {
  TemporaryFolder folder;
  auto settings = small_run();
  settings.train.epochs = 1;
  Oracle::Sums sums;
  settings.callbacks.push_back(
      {.make = [&](Classifier& model) -> std::unique_ptr<Callback> {
        return std::make_unique<Oracle>(model, sums);
      }});
  Recorded recorded(settings);
  recorded.run(folder / "run");
  const auto rows = rows_of_epoch(recorded.rows(), 1);
  // A stem, four layers of two convolutions, a transition, the last layer.
  ASSERT_EQ(rows.size(), 11u);
  ASSERT_EQ(sums.steps, 7);
  for (const auto& row : rows) {
    const auto name = row.layer + ".weight";
    const double gradient = sums.gradients.at(name) / 7;
    const double ratio = sums.ratios.at(name) / 7;
    EXPECT_GT(gradient, 0);
    EXPECT_NEAR(row.gradient_norm, gradient, 1e-5 * gradient) << row.layer;
    EXPECT_NEAR(row.update_ratio, ratio, 1e-4 * ratio) << row.layer;
    EXPECT_GT(row.signal_variance, 0);
  }
  // Signals are those of the weights at the end of the epoch.
  const auto stem = torch::conv2d(
      recorded.batch().images.to(torch::kDouble),
      recorded.model()->named_parameters()[rows[0].layer + ".weight"].to(
          torch::kDouble),
      {}, 1, 1);
  EXPECT_NEAR(rows[0].signal_variance, stem.var(false).item<double>(), 1e-6);
  const auto file = read_layers(folder / "run/layers.csv");
  ASSERT_EQ(file.size(), recorded.rows().size());
  EXPECT_EQ(file.back().signal_variance,
            recorded.rows().back().signal_variance);
}

TEST(LayerProbe, BeforeTrainingHasTheGradientOfTheBatch) {
  TemporaryFolder folder;
  auto settings = small_run();
  std::get<DenseNetOptions>(settings.model).drop_rate = 0;
  settings.train.epochs = 1;
  Recorded recorded(settings);
  const auto twin = make_model(settings.model);
  copy_exactly(state_dict(*recorded.model()), *twin);
  recorded.run(folder / "run");
  twin->train();
  torch::nn::functional::cross_entropy(twin->forward(recorded.batch().images),
                                       recorded.batch().targets.values)
      .backward();
  const auto parameters = twin->named_parameters();
  const auto start = rows_of_epoch(recorded.rows(), 0);
  ASSERT_EQ(start.size(), 11u);
  for (const auto& row : start) {
    const double norm =
        parameters[row.layer + ".weight"].grad().norm().item<double>();
    EXPECT_NEAR(row.gradient_norm, norm, 1e-4 * norm) << row.layer;
    EXPECT_TRUE(std::isnan(row.update_ratio));
  }
}

TEST(LayerProbe, ChangesNothingOfTheTraining) {
  TemporaryFolder folder;
  torch::manual_seed(static_cast<uint64_t>(small_run().train.seed));
  run(small_run(), folder / "plain", {}, make_model(small_run().model));
  Recorded recorded(small_run());
  recorded.run(folder / "recorded");
  auto with = load_checkpoint(folder / "recorded/last.skz");
  ASSERT_EQ(with.sections.erase("study"), 1u);
  const auto without = load_checkpoint(folder / "plain/last.skz");
  ASSERT_EQ(with.sections.size(), without.sections.size());
  for (size_t i = 0; i < with.weights.size(); ++i) {
    EXPECT_TRUE(
        torch::equal(with.weights[i].second, without.weights[i].second));
  }
  for (const auto& [name, tensors] : without.sections) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_TRUE(
          torch::equal(tensors[i].second, with.sections.at(name)[i].second))
          << name;
    }
  }
}

class ResumedProbe : public testing::TestWithParam<int> {};

// 7 steps an epoch: within one, at its end, and in the last.
TEST_P(ResumedProbe, RecordsAsIfItHadNeverStopped) {
  TemporaryFolder folder;
  Recorded(small_run()).run(folder / "whole");
  Recorded(small_run()).run(folder / "parts", stop_after(GetParam()));
  Recorded(small_run()).run(folder / "parts");
  const auto whole = read_text(folder / "whole/layers.csv");
  EXPECT_EQ(read_text(folder / "parts/layers.csv"), whole);
  EXPECT_EQ(std::ranges::count(whole, '\n'), 1 + 5 * 11);
}
INSTANTIATE_TEST_SUITE_P(Steps, ResumedProbe, testing::Values(3, 7, 8, 27));

TEST(LayerProbe, RecordsAnEpochThatItDiedBeforeItCouldWrite) {
  TemporaryFolder folder;
  Recorded(small_run()).run(folder / "whole");
  // The checkpoint of epoch 2 is there, its rows are not.
  EXPECT_EQ(words_of_error([&] {
              Recorded(small_run()).run(folder / "parts", {}, /*dies_at=*/2);
            }),
            "dies here");
  EXPECT_EQ(read_layers(folder / "parts/layers.csv").back().epoch, 1);
  EXPECT_EQ(load_checkpoint(folder / "parts/last.skz").position.epoch, 2);
  Recorded(small_run()).run(folder / "parts");
  EXPECT_EQ(read_text(folder / "parts/layers.csv"),
            read_text(folder / "whole/layers.csv"));
}

TEST(LossSurface, DirectionsAreNormalisedFilterByFilter) {
  torch::manual_seed(3);
  const auto model = make_model(ResNetOptions{.depths = {1}, .widths = {4}});
  const auto direction = filter_normalised_direction(*model, 5);
  const auto parameters = model->named_parameters();
  ASSERT_EQ(direction.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& weight = parameters[i].value();
    if (weight.dim() < 2) {
      EXPECT_EQ(direction[i].count_nonzero().item<int64_t>(), 0);
      continue;
    }
    for (int64_t filter = 0; filter < weight.size(0); ++filter) {
      const double norm = weight[filter].norm().item<double>();
      EXPECT_NEAR(direction[i][filter].norm().item<double>(), norm, 1e-5 * norm)
          << parameters[i].key();
      EXPECT_FALSE(torch::allclose(direction[i][filter], weight[filter]));
    }
  }
  EXPECT_TRUE(
      torch::equal(filter_normalised_direction(*model, 5)[0], direction[0]));
  EXPECT_FALSE(
      torch::equal(filter_normalised_direction(*model, 6)[0], direction[0]));
}

TEST(LossSurface, IsTheLossOfMovedWeightsAndLeavesThemToTheBit) {
  torch::manual_seed(3);
  const ResNetOptions options{.depths = {1, 1}, .widths = {4, 8}};
  const auto model = make_model(options);
  model->train();
  const ProbeBatch batch = {.images = torch::randn({6, 3, 8, 8}),
                            .targets = {torch::arange(6)}};
  const auto before = make_model(options);
  copy_exactly(state_dict(*model), *before);
  const auto surface =
      loss_surface(*model, batch, make_objective({}), /*points=*/5, /*seed=*/7);
  EXPECT_TRUE(model->is_training());
  const auto now = state_dict(*model), then = state_dict(*before);
  for (size_t i = 0; i < now.size(); ++i) {
    EXPECT_TRUE(torch::equal(now[i].second, then[i].second)) << now[i].first;
  }
  ASSERT_EQ(surface.loss.size(), 25u);
  EXPECT_EQ(surface.place(0), -1);
  EXPECT_EQ(surface.place(2), 0);
  const torch::NoGradGuard no_grad;
  const auto a = filter_normalised_direction(*before, 14);
  const auto b = filter_normalised_direction(*before, 15);
  before->eval();
  // At the weights themselves, then at first 0.5, second -1.
  const auto loss = [&] {
    return torch::nn::functional::cross_entropy(before->forward(batch.images),
                                                batch.targets.values)
        .item<double>();
  };
  EXPECT_NEAR(surface.at(2, 2), loss(), 1e-6);
  const auto weights = before->parameters();
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i].add_(a[i], 0.5).sub_(b[i]);
  }
  EXPECT_NEAR(surface.at(3, 0), loss(), 1e-5 * loss());
  EXPECT_NE(surface.at(3, 0), surface.at(0, 3));
}

TEST(LossSurface, ReadsBackAndIsKnownByItsPoints) {
  TemporaryFolder folder;
  const LossSurface surface{.points = 3,
                            .loss = {1, 2, 3, 4, 0.1, 6, 7, 8, INFINITY}};
  write_surface(folder / "surface.csv", surface);
  const auto again = read_surface(folder / "surface.csv", 3);
  EXPECT_EQ(again.loss, surface.loss);
  EXPECT_EQ(read_surface(folder / "surface.csv", 5).points, 0);
  EXPECT_EQ(read_surface(folder / "none.csv", 3).points, 0);
  EXPECT_TRUE(read_text(folder / "surface.csv")
                  .starts_with("first,second,loss\n-1,-1,1\n0,-1,2\n"));
}

}  // namespace
}  // namespace skipzoo
