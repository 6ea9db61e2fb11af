// Every key of data and train that has a range or a set of words: what lies
// beyond it is refused at the key, and told what is right.

#include <gtest/gtest.h>

#include <set>

#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

constexpr const char* kBase =
    "model: {family: resnet}\n"
    "data: {dataset: image_folder, root: data, image_size: 32}\n";

std::string problems_of(const std::vector<std::string>& overrides) {
  try {
    parse_config(kBase, "run.yaml", "/folder", overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

struct BadValues {
  std::string key;
  std::vector<std::string> values;
  std::string words;
};

const BadValues kBadValues[] = {
    {"data.dataset", {"mnist"}, "one of image_folder, csv, cifar10, cifar100,"},
    {"data.image_size", {"-1", "16385"}, "between 0 and 16384"},
    {"data.train_size", {"-1", "16385"}, "between 0 and 16384"},
    {"data.progressive_resizing.min_res", {"-1", "16385"}, "0 and 16384"},
    {"data.progressive_resizing.max_res", {"-1", "16385"}, "0 and 16384"},
    {"data.progressive_resizing.start_ramp", {"-1"}, "at least 0"},
    {"data.progressive_resizing.end_ramp", {"-1"}, "at least 0"},
    {"data.progressive_resizing.multiple", {"0", "1025"}, "1 and 1024"},
    {"data.crop_pct", {"0.09", "1.1"}, "between 0.1 and 1"},
    {"data.interpolation", {"nearest"}, "one of bilinear, bicubic"},
    {"data.exif", {"rotate", "true"}, "one of apply, ignore"},
    {"data.multi_label", {"yes", "2"}, "one of auto, false, true"},
    {"data.std", {"[0, 1, 1]"}, "above 0"},
    {"data.batch_size", {"0", "1048577"}, "between 1 and 1048576"},
    {"data.sampler", {"random"}, "one of shuffle, balanced"},
    {"data.fold", {"0", "1001"}, "between 1 and 1000"},
    {"data.cache", {"memory", "true"}, "one of none, ram, disk"},
    {"data.on_device", {"cuda", "true"}, "one of auto, off"},
    {"data.repeats", {"0", "101"}, "between 1 and 100"},
    {"data.workers", {"-1", "257"}, "between 0 and 256"},
    {"data.class_folders", {"deep", "2"}, "expected one of top, leaf"},
    {"data.holdout", {"-0.1", "0.91"}, "between 0 and 0.9"},
    {"data.on_error", {"ignore"}, "one of stop, skip"},
    {"data.synthetic_images", {"0", "10000001"}, "between 1 and 10000000"},
    {"data.augment.scale", {"[-0.1, 1]", "[0.1, 1.1]"}, "between 0 and 1"},
    {"data.augment.ratio", {"[0, 1]"}, "above 0"},
    {"data.augment.pad_and_crop", {"-1", "1025"}, "between 0 and 1024"},
    {"data.augment.rotation", {"-0.1", "180.1"}, "between 0 and 180"},
    {"data.augment.auto_augment",
     {"ra"},
     "one of none, imagenet, cifar10, svhn, randaugment, rand_increasing, "
     "trivial_wide, augmix"},
    {"data.augment.num_ops", {"-1", "101"}, "between 0 and 100"},
    {"data.augment.magnitude", {"-1", "1001"}, "between 0 and 1000"},
    {"data.augment.num_magnitude_bins", {"1", "1002"}, "between 2 and 1001"},
    {"data.augment.magnitude_std", {"-0.1", "101"}, "between 0 and 100"},
    {"data.augment.severity", {"0", "11"}, "between 1 and 10"},
    {"data.augment.mixture_width", {"0", "101"}, "between 1 and 100"},
    {"data.augment.chain_depth", {"-2", "101"}, "between -1 and 100"},
    {"data.augment.alpha", {"0", "1001"}, "above 0 and at most 1000"},
    {"data.augment.interpolation",
     {"lanczos"},
     "one of default, nearest, bilinear, bicubic, random"},
    {"data.augment.color_jitter.brightness", {"-0.1"}, "at least 0"},
    {"data.augment.color_jitter.contrast", {"-0.1"}, "at least 0"},
    {"data.augment.color_jitter.saturation", {"-0.1"}, "at least 0"},
    {"data.augment.color_jitter.hue", {"-0.1", "0.6"}, "between 0 and 0.5"},
    {"data.augment.grayscale", {"-0.1", "1.1"}, "between 0 and 1"},
    {"data.augment.gaussian_blur.p", {"-0.1", "1.1"}, "between 0 and 1"},
    {"data.augment.gaussian_blur.kernel_size", {"0", "1024"}, "1 and 1023"},
    {"data.augment.gaussian_blur.sigma",
     {"[0, 1]", "[1, 1001]"},
     "above 0 and at most 1000"},
    {"data.augment.random_erasing.p", {"-0.1", "1.1"}, "between 0 and 1"},
    {"data.augment.random_erasing.scale",
     {"[-0.1, 1]", "[0.1, 1.1]"},
     "between 0 and 1"},
    {"data.augment.random_erasing.ratio", {"[0, 1]"}, "above 0"},
    {"data.augment.random_erasing.value",
     {"-1001", "[0, 1001, 0]"},
     "between -1000 and 1000"},
    {"data.augment.random_erasing.value", {"red"}, "one of zero, random, or"},
    {"data.augment.random_erasing.value", {"[]"}, "numbers in the list"},
    {"data.augment.mixup", {"-0.1", "101"}, "between 0 and 100"},
    {"data.augment.cutmix", {"-0.1", "101"}, "between 0 and 100"},
    {"data.augment.mix_prob", {"-0.1", "1.1"}, "between 0 and 1"},
    {"data.augment.mix_switch_prob", {"-0.1", "1.1"}, "between 0 and 1"},
    {"data.augment.mix_off_epoch", {"-1"}, "at least 0"},
    {"train.epochs", {"0"}, "at least 1"},
    {"train.max_minutes", {"-1", "1000001"}, "between 0 and 1000000"},
    {"train.seed", {"-1"}, "at least 0"},
    {"train.threads", {"-1", "1025"}, "between 0 and 1024"},
    {"train.amp", {"fp8"}, "one of off, bf16, fp16"},
    {"train.optimizer.name",
     {"nadam"},
     "one of sgd, adamw, rmsprop, lamb, lion, nadamw, muon"},
    {"train.optimizer.lr", {"0"}, "above 0"},
    {"train.optimizer.momentum", {"-0.1", "1"}, "between 0 and 0.9999"},
    {"train.optimizer.weight_decay", {"-0.1"}, "at least 0"},
    {"train.optimizer.betas", {"[-0.1, 0.9]", "[0.9, 1]"}, "0 and 0.999999"},
    {"train.optimizer.eps", {"0"}, "above 0"},
    {"train.optimizer.alpha", {"-0.1", "1"}, "between 0 and 0.999999"},
    {"train.optimizer.adjust_lr_fn", {"rms"}, "match_rms_adamw, original"},
    {"train.optimizer.lookahead.k", {"-1", "1000001"}, "0 and 1000000"},
    {"train.optimizer.lookahead.alpha", {"0", "1.1"}, "0 and at most 1"},
    {"train.schedule.name",
     {"exponential"},
     "one of constant, step, multistep, cosine, poly, onecycle, plateau, wsd"},
    {"train.schedule.step_epochs", {"0"}, "at least 1"},
    {"train.schedule.milestones", {"[0, 1]"}, "at least 1"},
    {"train.schedule.gamma", {"0"}, "above 0"},
    {"train.schedule.warmup_epochs", {"-1"}, "at least 0"},
    {"train.schedule.warmup_lr", {"-0.1"}, "at least 0"},
    {"train.schedule.warmup", {"ramp"}, "one of linear, from_start"},
    {"train.schedule.min_lr", {"-0.1"}, "at least 0"},
    {"train.schedule.power", {"0"}, "above 0"},
    {"train.schedule.pct_start", {"-0.1", "1.1"}, "between 0 and 1"},
    {"train.schedule.div_factor", {"0.9"}, "at least 1"},
    {"train.schedule.final_div_factor", {"0.9"}, "at least 1"},
    {"train.schedule.patience", {"-1"}, "at least 0"},
    {"train.schedule.factor", {"0", "1"}, "between 1e-06 and 0.999999"},
    {"train.schedule.threshold", {"-0.1", "1"}, "between 0 and 0.99"},
    {"train.schedule.decay_epochs", {"-1"}, "at least 0"},
    {"train.schedule.decay_type", {"sqrt"}, "one of linear, cosine, 1-sqrt"},
    {"train.label_smoothing", {"-0.1", "1"}, "between 0 and 0.99"},
    {"train.loss", {"mse"}, "one of cross_entropy, bce"},
    {"train.bce_target_threshold", {"-0.1", "1"}, "between 0 and 0.99"},
    {"train.class_weights", {"[1, -1]", "[1000001]"}, "0 and 1000000"},
    {"train.class_weights", {"rare"}, "one of none, balanced, or"},
    {"train.clip_grad", {"-0.1"}, "at least 0"},
    {"train.clip_mode", {"max"}, "one of norm, value, agc"},
    {"train.cuda_graph", {"on", "true"}, "one of auto, off"},
    {"train.grad_accum_steps", {"0", "1000001"}, "between 1 and 1000000"},
    {"train.drop_path", {"-0.1", "1"}, "between 0 and 0.99"},
    {"train.distill.weight", {"-0.1", "1.1"}, "between 0 and 1"},
    {"train.distill.temperature", {"0", "101"}, "between 0.01 and 100"},
    {"train.ema.decay", {"-0.1", "1"}, "between 0 and 0.999999"},
    {"train.ema.every", {"0", "1000001"}, "between 1 and 1000000"},
    {"train.eval_metric",
     {"f1"},
     "one of top1, loss, balanced_accuracy, macro_f1, map"},
    {"train.patience", {"-1"}, "at least 0"},
    {"train.checkpoint_hist", {"-1", "1000001"}, "between 0 and 1000000"},
    {"train.checkpoint_interval", {"-1"}, "at least 0"},
    {"train.log_interval", {"0"}, "at least 1"},
    {"train.dist_bn", {"all"}, "one of broadcast, reduce"},
    {"train.timeout_s", {"0", "-1", "86401"}, "between 1 and 86400"},
};

TEST(BadValues, AreRefusedAtTheirKeys) {
  for (const auto& [key, values, words] : kBadValues) {
    for (const auto& value : values) {
      const auto assignment = key + "=" + value;
      const auto text = problems_of({assignment});
      const auto place = "--set " + assignment + ": " + key;
      const auto at = text.find(place);
      ASSERT_NE(at, std::string::npos) << assignment << ": " << text;
      EXPECT_NE(text.find(words, at + place.size()), std::string::npos)
          << assignment << ": " << text;
    }
  }
}

TEST(BadValues, AreHereOfEveryKeyThatHasARangeOrWords) {
  std::set<std::string> here;
  for (const auto& one : kBadValues) here.insert(one.key);
  const auto check = [&](const std::string& section, const auto& keys) {
    for (const auto& key : keys) {
      const bool has_words =
          key.type.find('|') != std::string::npos && key.type != "true|false";
      if (key.range.empty() && !has_words) continue;
      EXPECT_EQ(here.count(section + key.key), 1u)
          << section << key.key << " has no bad value in this test's table";
    }
  };
  check("data.", describe_data_keys());
  check("train.", describe_train_keys());
}

struct Contradiction {
  std::vector<std::string> sets;
  std::string words;
};

const Contradiction kContradictions[] = {
    {{"data.root="}, "data: root is missing"},
    {{"data.dataset=csv"}, "data: csv is missing; give the table of paths"},
    {{"data.image_size=0"}, "data: image_size is missing"},
    {{"data.mean=[0, 0, 0]", "data.std=[1, 1e-7, 1]"},
     "data: std must be at least 1e-06"},
    {{"data.mean=[0.5]"}, "data: mean has 1 entries but std has 0"},
    {{"data.mean=[0.5]", "data.std=[0.5]"},
     "data: mean and std have 1 entries but model.in_channels is 3"},
    {{"model.in_channels=2"}, "model.in_channels: pictures are read with 1 or"},
    {{"data.dataset=cifar10", "model.num_classes=7"},
     "model.num_classes: must be 10 for data.dataset cifar10, got 7"},
    {{"data.train_size=16",
      "data.progressive_resizing={min_res: 16, max_res: 32}"},
     "data: train_size and progressive_resizing both say how large"},
    {{"data.progressive_resizing.max_res=32"},
     "data.progressive_resizing: min_res is missing"},
    {{"data.progressive_resizing.min_res=32"},
     "data.progressive_resizing: max_res is missing"},
    {{"data.progressive_resizing={min_res: 64, max_res: 32}"},
     "data.progressive_resizing: min_res is 64 but max_res is 32"},
    {{"data.progressive_resizing={min_res: 8, max_res: 32, start_ramp: 5}"},
     "data.progressive_resizing: start_ramp is 5 but end_ramp is 0"},
    {{"data.augment.scale=[0.5]"}, "data.augment: scale needs two numbers"},
    {{"data.augment.scale=[0.9, 0.1]"}, "data.augment: scale needs two"},
    {{"data.augment.ratio=[2, 1]"}, "data.augment: ratio needs two numbers"},
    {{"data.augment={auto_augment: randaugment, magnitude: 31}"},
     "data.augment: magnitude is 31 but num_magnitude_bins is 31"},
    {{"data.augment={auto_augment: rand_increasing, magnitude: 11}"},
     "data.augment: magnitude must be at most 10 with auto_augment"},
    {{"data.augment.chain_depth=0"}, "data.augment: chain_depth must be at"},
    {{"data.augment.gaussian_blur={p: 1, kernel_size: 4}"},
     "data.augment.gaussian_blur: kernel_size must be odd, got 4"},
    {{"data.augment.gaussian_blur={p: 1, sigma: [2, 1]}"},
     "data.augment.gaussian_blur: sigma needs two numbers"},
    {{"data.augment.random_erasing={p: 1, scale: [0.2, 0.1]}"},
     "data.augment.random_erasing: scale needs two numbers"},
    {{"data.augment.random_erasing={p: 1, ratio: [1]}"},
     "data.augment.random_erasing: ratio needs two numbers"},
    {{"data.augment.random_erasing={p: 1, value: [1, 2]}"},
     "data.augment.random_erasing.value: has 2 entries but model.in_channels "
     "is 3"},
    {{"train.optimizer.betas=[0.9]"}, "train.optimizer: betas needs two"},
    {{"train.optimizer={name: sgd, nesterov: true, momentum: 0}"},
     "train.optimizer: nesterov needs a momentum above 0"},
    {{"train.schedule={name: multistep}"},
     "train.schedule: milestones is missing"},
    {{"train.schedule={name: multistep, milestones: [5, 5]}"},
     "train.schedule: milestones must rise: 5 then 5"},
    {{"train.schedule.name=wsd"}, "train.schedule: decay_epochs is missing"},
    {{"train.schedule={name: onecycle, warmup_epochs: 2}"},
     "train.schedule: onecycle rises by itself"},
    {{"model.num_classes=2", "train.class_weights=[0, 0]"},
     "train: class_weights are all 0"},
    {{"train.class_weights=[1, 2]"},
     "train.class_weights: has 2 entries but model.num_classes is 10"},
    {{"train.class_weights=2"},
     "train.class_weights: has 1 entries but model.num_classes is 10"},
    {{"train.device=gpu"}, "train: device is 'gpu'; expected auto, cpu, cuda"},
    // A single output is no class of two, whatever the loss.
    {{"model.num_classes=1", "train.loss=bce", "data.augment.mixup=0.2"},
     "model.num_classes: must be at least 2, got 1"},
};

TEST(BadValues, ThatContradictEachOtherAreRefused) {
  for (const auto& [sets, words] : kContradictions) {
    const auto text = problems_of(sets);
    EXPECT_NE(text.find(words), std::string::npos)
        << sets.front() << ": " << text;
  }
}

}  // namespace
}  // namespace skipzoo
