#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include "tools/config/fields.h"
#include "tools/number_text.h"
#include "tools/plan/commented_yaml.h"
#include "tools/plan/plan.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// A path as the file in `folder` may say it.
std::string path_text(const fs::path& path, const fs::path& folder) {
  const auto within = fs::absolute(path).lexically_normal().lexically_relative(
      fs::absolute(folder).lexically_normal());
  const bool is_outside = within.empty() || *within.begin() == "..";
  if (is_outside) return to_text(fs::absolute(path).lexically_normal());
  // "~" is the home folder, and null is nothing.
  const auto name = within.string();
  const bool is_word = name.starts_with('~') || name == "null" ||
                       name == "Null" || name == "NULL";
  return to_text(is_word ? "./" + name : name);
}

std::string why_channels(const Plan& plan) {
  if (!plan.pictures.are_grey) return "";
  return in_channels(plan.network.model) == 1
             ? "the pictures are grey"
             : "grey pictures as the weights see them";
}

/// All keys of a network, those too that say nothing as it is, and their
/// values as text.
struct TextsOfKeys {
  std::map<std::string, std::string> texts = {};

  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule = {}) {
    texts[key] = to_text(value);
  }
};
template <typename Options>
std::map<std::string, std::string> texts_of(Options options) {
  TextsOfKeys keys;
  options.describe(keys);
  return keys.texts;
}

/// Whether people look for a key, though its value may be the default.
bool is_said(const std::string& key) {
  constexpr std::string_view kSaid[] = {
      "depths",      "widths",       "shortcut",    "stem",    "in_channels",
      "num_classes", "block_config", "growth_rate", "filters", "strides"};
  return std::ranges::find(kSaid, key) != std::end(kSaid);
}

void write_model(const Plan& plan, CommentedYaml& yaml) {
  yaml.section("model", plan.network.words);
  yaml.line("family: " + family_name(plan.network.model));
  std::visit(
      [&](const auto& options) {
        const auto defaults = texts_of(std::decay_t<decltype(options)>());
        for_each_used(options, [&](const std::string& key, auto& value) {
          if (!is_said(key) && to_text(value) == defaults.at(key)) return;
          yaml.key(key, value,
                   key == "num_classes"   ? "as many as there are"
                   : key == "in_channels" ? why_channels(plan)
                                          : "");
        });
      },
      plan.network.model);
}

void write_place(const Plan& plan, const fs::path& folder,
                 CommentedYaml& yaml) {
  const auto& data = plan.pictures.data;
  yaml.key("dataset", data.dataset);
  if (data.dataset == DatasetKind::kCsv) {
    yaml.line("csv: " + path_text(data.csv, folder), "relative to this file");
  } else {
    yaml.line("root: " + path_text(data.root, folder), "relative to this file");
  }
  yaml.key("train_split", data.train_split,
           data.train_split == "." ? "the class folders lie in root" : "");
  if (data.holdout > 0) {
    yaml.key("holdout", data.holdout,
             "a share of each class to validate on: " +
                 with_commas(plan.pictures.validation) + " pictures");
  } else {
    yaml.key("val_split", data.val_split,
             with_commas(plan.pictures.validation) +
                 " pictures, by which the best epoch is chosen");
  }
  if (plan.pictures.are_multi_label) {
    yaml.line("multi_label: true", "the table has '|' between labels");
  }
  if (data.class_folders != ClassFolders::kTop) {
    yaml.key("class_folders", data.class_folders);
  }
}

/// Three digits of each are as many as matter, and nothing is divided by 0.
std::vector<double> short_numbers(std::vector<double> values) {
  for (auto& value : values) {
    value = std::max(std::round(value * 1000) / 1000, 0.001);
  }
  return values;
}

/// Whether one class has the word left in its name, and one right.
bool are_named_by_sides(const std::vector<std::string>& classes) {
  const auto is_named = [&](std::string_view side) {
    return std::ranges::any_of(classes, [&](const std::string& name) {
      std::string word;
      for (const char c : name + " ") {
        const auto letter = static_cast<unsigned char>(c);
        if (std::isalpha(letter) != 0) {
          word += static_cast<char>(std::tolower(letter));
        } else if (std::exchange(word, {}) == side) {
          return true;
        }
      }
      return false;
    });
  };
  return is_named("left") && is_named("right");
}

void write_augment(const Plan& plan, CommentedYaml& yaml) {
  const int64_t size = plan.network.image_size;
  yaml.subsection("augment");
  if (are_named_by_sides(plan.pictures.classes)) {
    yaml.line(
        "hflip: false",
        "some classes are left, others right: a mirrored picture would be "
        "of another");
  } else {
    yaml.line("hflip: true",
              "take it out where left and right differ: text, road signs");
  }
  if (size <= 48) {
    yaml.key("pad_and_crop", size / 8, "moved by up to so many pixels");
  } else {
    yaml.line("random_resized_crop: true");
    yaml.line("scale: [0.35, 1]",
              "not so little that what is shown is cut away");
  }
  if (mixes_pictures(plan)) {
    yaml.line("mixup: 0.4", "pictures that are seen " +
                                with_commas(plan.epochs) +
                                " times are learnt by heart");
  }
  yaml.end_subsection();
}

void write_data(const Plan& plan, const fs::path& folder, CommentedYaml& yaml) {
  const auto& pictures = plan.pictures;
  const int64_t size = plan.network.image_size;
  yaml.section("data");
  write_place(plan, folder, yaml);
  yaml.key("image_size", size,
           "their median shorter side is " +
               with_commas(pictures.shorter_side) + " pixels");
  if (plan.pretrained) {
    const auto& data = plan.pretrained->data;
    yaml.key("crop_pct", data.crop_pct, "the weights' own, as the next three");
    yaml.key("interpolation", data.interpolation);
    yaml.key("mean", data.mean);
    yaml.key("std", data.std);
  } else {
    const bool is_small = size <= 48;
    yaml.line(is_small ? "crop_pct: 1" : "crop_pct: 0.875",
              is_small ? "all of a picture is looked at"
                       : "the middle of a picture is looked at");
    yaml.key("mean", short_numbers(pictures.statistics.mean),
             "of these pictures");
    yaml.key("std", short_numbers(pictures.statistics.std));
  }
  yaml.key("batch_size", plan.batch_size,
           with_commas(plan.steps_per_epoch()) + " steps an epoch");
  const int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  yaml.key("workers", std::min<int64_t>(cores, 4), "one a core, at most four");
  yaml.line("on_error: skip",
            "an unreadable picture is left out and named; or stop");
  write_augment(plan, yaml);
}

void write_optimizer(const Plan& plan, CommentedYaml& yaml) {
  yaml.subsection("optimizer");
  if (plan.pretrained) {
    yaml.line("name: sgd", "which moves weights that are good already little");
  } else {
    yaml.line("name: muon", "learns most in few epochs: see the README");
  }
  yaml.key("lr", plan.lr, plan.why_lr);
  yaml.line("momentum: 0.9");
  yaml.line("nesterov: true");
  yaml.line(plan.pretrained ? "weight_decay: 1.0e-4" : "weight_decay: 0.05");
  yaml.end_subsection();
}

void write_train(const Plan& plan, CommentedYaml& yaml) {
  const auto& pictures = plan.pictures;
  yaml.section("train");
  yaml.key("epochs", plan.epochs, plan.why_epochs);
  yaml.key("max_minutes", plan.minutes,
           "a run that is slower than was measured ends by then");
  yaml.line("seed: 1");
  write_optimizer(plan, yaml);
  yaml.line("schedule: {name: onecycle}",
            "the rate rises, and falls to nothing");
  if (pictures.are_multi_label) {
    yaml.line("loss: bce", "each label by itself");
    yaml.line("eval_metric: map", "mean average precision of the labels");
  }
  if (pictures.are_unbalanced()) {
    yaml.line("class_weights: balanced",
              "the largest class has " + with_commas(pictures.largest_class()) +
                  " pictures, the smallest " +
                  with_commas(pictures.smallest_class()));
    yaml.line("eval_metric: macro_f1",
              "top1 would say little of the rare classes");
  }
}

}  // namespace

std::string config_text(const Plan& plan, const fs::path& folder,
                        const std::string& name) {
  const auto& pictures = plan.pictures;
  CommentedYaml yaml;
  yaml.comment("Chosen by skipzoo init for " + with_commas(pictures.training) +
               " training pictures of " +
               with_commas(std::ssize(pictures.classes)) + " classes.");
  yaml.comment("All of it is yours to change; what else there is:");
  yaml.comment("skipzoo describe data, skipzoo describe train.");
  yaml.comment("  skipzoo train -c " + name);
  write_model(plan, yaml);
  write_data(plan, folder, yaml);
  write_train(plan, yaml);
  if (plan.pretrained) {
    yaml.section("fine_tune");
    const auto& weights = plan.pretrained->weights;
    yaml.line("weights: " + (weights.is_absolute() ? path_text(weights, folder)
                                                   : to_text(weights)));
    if (plan.network.head_alone) {
      yaml.line("freeze: ['*']",
                "the last layer learns alone: there is no time for more");
    } else {
      yaml.line("head_lr_scale: 10", "the head is new, the rest is not");
    }
  }
  return yaml.text();
}

}  // namespace skipzoo
