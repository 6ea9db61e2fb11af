#include "tools/config/variants.h"

#include <gtest/gtest.h>

#include "tests/support/copy_of.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

ResNetOptions small() {
  ResNetOptions options;
  options.depths = {1, 2};
  options.widths = {4, 8};
  return options;
}

/// The advice to one who has the weights of `trained` and a config `written`.
std::string advice(const ModelOptions& trained, const ModelOptions& written,
                   Head head = Head::kMustFit) {
  return variant_that_fits(copy_of(*make_model(trained)), written, head);
}

TEST(Variants, NameTheOneKeyThatIsWrong) {
  auto b = small();
  b.shortcut = Shortcut::kB;
  EXPECT_EQ(advice(b, small()), "with model.shortcut: B everything fits");
  // Names and shapes do not tell these three apart.
  EXPECT_EQ(advice(small(), b),
            "with model.shortcut: A, A_end or none everything fits");
  auto stem = b;
  stem.stem = Stem::kImageNet;
  EXPECT_EQ(advice(stem, b), "with model.stem: imagenet everything fits");
  ConvNetOptions plain;
  plain.filters = {4, 8};
  plain.strides = {2, 2};
  auto projecting = plain;
  plain.shortcut = ConvShortcut::kNone;
  EXPECT_EQ(advice(projecting, plain),
            "with model.shortcut: projection everything fits");
}

TEST(Variants, NameSizesThatTheShapesTell) {
  auto deep = small();
  deep.depths = {2, 1, 3};
  deep.widths = {4, 8, 12};
  deep.shortcut = Shortcut::kB;
  deep.num_classes = 7;
  EXPECT_EQ(advice(deep, small()),
            "with model.depths: [2, 1, 3], model.widths: [4, 8, 12], "
            "model.shortcut: B, model.num_classes: 7 everything fits");
  EXPECT_EQ(advice(deep, small(), Head::kMayBeNew),
            "with model.depths: [2, 1, 3], model.widths: [4, 8, 12], "
            "model.shortcut: B everything fits");

  ResNetOptions next = small();
  next.bottleneck = true;
  next.shortcut = Shortcut::kB;
  next.widths = {64, 128};
  next.groups = 32;
  next.width_per_group = 4;
  EXPECT_EQ(advice(next, small()),
            "with model.widths: [64, 128], model.bottleneck: true, "
            "model.shortcut: B, model.groups: 32, model.width_per_group: 4 "
            "everything fits");

  DenseNetOptions dense;
  dense.block_config = {2, 3};
  dense.growth_rate = 4;
  dense.num_init_features = 8;
  auto plain = dense;
  plain.block_config = {3};
  plain.bn_size = 0;
  plain.compression = 1;
  EXPECT_EQ(advice(dense, plain),
            "with model.block_config: [2, 3], model.bn_size: 4, "
            "model.compression: 0.5 everything fits");
}

TEST(Variants, NameAnotherFamilyUnderAPrefixToo) {
  DenseNetOptions dense;
  dense.block_config = {2, 2};
  NamedTensors file;
  for (const auto& [name, tensor] : copy_of(*make_model(dense))) {
    file.emplace_back("module.densenet." + name, tensor);
  }
  EXPECT_EQ(variant_that_fits(file, small(), Head::kMustFit),
            "with model.family: densenet, model.block_config: [2, 2] "
            "everything fits");
}

// By its shapes alone, in a config of another: networks_in() of each family.
TEST(Variants, NameTheFamilyOfEveryNetwork) {
  const auto all = families();
  for (const auto& [name, trained] : variants()) {
    const auto& written = all[(trained.index() + 1) % all.size()];
    const auto text = advice(trained, written);
    EXPECT_TRUE(text.starts_with("with model.family: " + family_name(trained)))
        << name << ": " << text;
  }
}

TEST(Variants, NameAnotherFamilyBesideALayerAsTheirOwnHas) {
  DenseNetOptions dense;
  dense.block_config = {2, 2};
  auto file = copy_of(*make_model(dense));
  file.emplace_back("layer1.0.conv1.weight", torch::zeros({4, 4, 3, 3}));
  EXPECT_EQ(variant_that_fits(file, small(), Head::kMustFit),
            "with model.family: densenet, model.block_config: [2, 2] "
            "everything fits");
}

TEST(Variants, NameTheirOwnFamilyWhereTwoFit) {
  DenseNetOptions teacher;
  teacher.block_config = {2, 2};
  auto student = small();
  student.depths = {2, 1};
  NamedTensors file;
  for (const auto& [name, tensor] : copy_of(*make_model(teacher))) {
    file.emplace_back("teacher." + name, tensor);
  }
  for (const auto& [name, tensor] : copy_of(*make_model(student))) {
    file.emplace_back("student." + name, tensor);
  }
  EXPECT_EQ(variant_that_fits(file, small(), Head::kMustFit),
            "with model.depths: [2, 1] everything fits");
}

TEST(Variants, AreSilentWhereNothingFits) {
  EXPECT_EQ(variant_that_fits({{"a.weight", torch::zeros({3})}}, small(),
                              Head::kMustFit),
            "");
  auto odd = copy_of(*make_model(small()));
  odd.emplace_back("layer1.0.se.weight", torch::zeros({3}));
  EXPECT_EQ(variant_that_fits(odd, small(), Head::kMustFit), "");
}

}  // namespace
}  // namespace skipzoo
