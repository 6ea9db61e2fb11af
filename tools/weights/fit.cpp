#include "tools/weights/fit.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "models/zoo.h"

namespace skipzoo {

namespace {

using Renamed = std::pair<std::string, int64_t>;

/// What wrappers put in front of every name (facts of their sources):
/// DataParallel, torch.compile, frameworks that keep a backbone or a model.
constexpr const char* kPrefixes[] = {"module.", "_orig_mod.", "backbone.",
                                     "model.",  "net.",       "encoder."};

/// Names of the last layer elsewhere: Keras ports, timm, kuangliu, Cadene.
constexpr const char* kHeads[] = {"head.fc",    "fc",          "linear",
                                  "classifier", "last_linear", "head"};

int64_t matches(const NamedTensors& tensors, const std::set<std::string>& own) {
  return std::count_if(tensors.begin(), tensors.end(), [&](const auto& entry) {
    return own.contains(entry.first);
  });
}

/// Applies `rename` to every name; tells how many it changed.
template <typename Rename>
int64_t rename_all(NamedTensors& tensors, Rename rename) {
  int64_t changed = 0;
  for (auto& [name, tensor] : tensors) {
    std::string now = rename(name);
    if (now == name) continue;
    name = std::move(now);
    ++changed;
  }
  return changed;
}

/// DenseNet's names before torchvision 0.2: denselayer1.norm.1.weight.
std::string modern_densenet(const std::string& name) {
  static const std::regex old_name(
      R"(^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$)");
  return std::regex_replace(name, old_name, "$1$2");
}

/// The shortcuts of akamaster and kuangliu, gpleiss's last BatchNorm.
std::string torchvision_parts(const std::string& name) {
  static const std::regex shortcut(R"(\.shortcut\.([01])\.)");
  static const std::regex last_norm(R"(^features\.norm_final\.)");
  return std::regex_replace(
      std::regex_replace(name, shortcut, ".downsample.$1."), last_norm,
      "features.norm5.");
}

std::string with_head(const std::string& name, const std::string& head) {
  for (const char* other : kHeads) {
    const std::string prefix = std::string(other) + ".";
    const auto rest = name.substr(std::min(prefix.size(), name.size()));
    if (name.starts_with(prefix) && (rest == "weight" || rest == "bias")) {
      return head + "." + rest;
    }
  }
  return name;
}

/// Drops prefixes for as long as that makes more names fit.
void drop_prefixes(NamedTensors& tensors, const std::set<std::string>& own,
                   const std::string& head, std::vector<Renamed>& log) {
  const auto score = [&](NamedTensors trial) {
    rename_all(trial, modern_densenet);
    rename_all(trial, torchvision_parts);
    rename_all(trial, [&](const auto& name) { return with_head(name, head); });
    return matches(trial, own);
  };
  for (int round = 0; round < 4; ++round) {
    const int64_t before = score(tensors);
    // A file may have to lose two before anything fits: the commonest first.
    const auto common = std::find_if(
        std::begin(kPrefixes), std::end(kPrefixes), [&](const char* prefix) {
          const auto with = std::count_if(
              tensors.begin(), tensors.end(), [&](const auto& entry) {
                return entry.first.starts_with(prefix);
              });
          return 2 * with > static_cast<int64_t>(tensors.size());
        });
    if (common == std::end(kPrefixes)) return;
    NamedTensors trial = tensors;
    const std::string prefix = *common;
    const int64_t changed = rename_all(trial, [&](const std::string& name) {
      return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    });
    if (score(trial) < before) return;
    tensors = std::move(trial);
    log.emplace_back("'" + prefix + "' dropped", changed);
  }
}

/// timm's rule: grey sums over the colours; other counts repeat them, scaled so
/// that a signal keeps its size.
torch::Tensor adapt_channels(const torch::Tensor& weight, int64_t channels) {
  if (channels == 1) return weight.sum(1, /*keepdim=*/true);
  const int64_t given = weight.size(1);
  const auto repeated =
      weight.repeat({1, (channels + given - 1) / given, 1, 1});
  return repeated.slice(1, 0, channels) *
         (static_cast<double>(given) / static_cast<double>(channels));
}

void add_names(std::string& text, const char* kind,
               const std::vector<std::string>& names) {
  if (names.empty()) return;
  constexpr size_t kMost = 8;
  text.append("\n").append(std::to_string(names.size()));
  text.append(" ").append(kind).append(":");
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    text += (i > 0 ? ", " : " ") + names[i];
  }
  if (names.size() > kMost) text += ", …";
}

}  // namespace

std::string FitReport::text() const {
  std::string text = std::to_string(fitted.size()) + " tensors fitted";
  add_names(text, "missing in the file", missing);
  add_names(text, "unexpected in the file", unexpected);
  for (const auto& wrong : wrong_shape) {
    text += "\nwrong shape: " + wrong.name + " is " +
            c10::str(at::IntArrayRef(wrong.in_file)) + " in the file, " +
            c10::str(at::IntArrayRef(wrong.in_network)) + " in the network";
  }
  for (const auto& [rule, count] : renamed) {
    text.append("\n").append(std::to_string(count));
    text.append(" names changed: ").append(rule);
  }
  for (const auto& sentence : adapted) text += "\n" + sentence;
  add_names(text, "counters filled with 0", filled);
  return text;
}

Fit::Fit(const NamedTensors& file, const Classifier& model, Head head_rule)
    : own_(state_dict(model)) {
  std::set<std::string> own;
  for (const auto& entry : own_) own.insert(entry.first);
  const std::string head = model.head_name();

  NamedTensors renamed = file;
  drop_prefixes(renamed, own, head, report_.renamed);
  const auto apply = [&](const char* rule, auto rename) {
    const int64_t changed = rename_all(renamed, rename);
    if (changed > 0) report_.renamed.emplace_back(rule, changed);
  };
  apply("DenseNet's old names (norm.1 to norm1)", modern_densenet);
  apply("shortcut to downsample, norm_final to norm5", torchvision_parts);
  apply("the head", [&](const auto& name) { return with_head(name, head); });
  match(renamed, head);
  if (head_rule == Head::kMayBeNew) leave_out(head);
}

/// Half a head is none: where a part of it does not fit, all of it is new.
void Fit::leave_out(const std::string& head) {
  const auto of_head = [&](const std::string& name) {
    return name.starts_with(head + ".");
  };
  std::string why;
  for (const auto& name : report_.missing) {
    if (of_head(name)) why = "; the file has no " + name;
  }
  for (const auto& wrong : report_.wrong_shape) {
    if (!of_head(wrong.name) || wrong.in_file.empty()) continue;
    why = " for " + std::to_string(wrong.in_network.front()) +
          " classes; the file's is for " +
          std::to_string(wrong.in_file.front());
  }
  if (why.empty()) return;
  report_.adapted.push_back(head + ": a new one" + why);
  std::erase_if(report_.missing, of_head);
  std::erase_if(report_.unexpected, of_head);
  std::erase_if(report_.fitted, of_head);
  std::erase_if(report_.wrong_shape,
                [&](const auto& wrong) { return of_head(wrong.name); });
  std::erase_if(pairs_, [&](const auto& pair) {
    return std::any_of(own_.begin(), own_.end(), [&](const auto& entry) {
      return of_head(entry.first) && entry.second.is_same(pair.first);
    });
  });
}

void Fit::match(const NamedTensors& renamed, const std::string& head) {
  // Weights averaged by torch's AveragedModel count what they averaged.
  std::map<std::string, torch::Tensor> left(renamed.begin(), renamed.end());
  left.erase("n_averaged");
  bool first_convolution = true;
  for (const auto& [name, tensor] : own_) {
    const bool is_first = tensor.dim() == 4 && first_convolution;
    if (is_first) first_convolution = false;
    const auto found = left.find(name);
    if (found == left.end()) {
      const bool counter = name.ends_with("num_batches_tracked");
      (counter ? report_.filled : report_.missing).push_back(name);
      continue;
    }
    torch::Tensor given = found->second;
    left.erase(found);
    if (name == head + ".weight" && given.dim() == 4 &&
        given.sizes().slice(2) == at::IntArrayRef({1, 1})) {
      given = given.flatten(1);
      report_.adapted.push_back(name + ": a 1x1 convolution taken as linear");
    }
    if (is_first && given.dim() == 4 && given.size(1) != tensor.size(1) &&
        given.size(1) > 0 && given.size(0) == tensor.size(0) &&
        given.sizes().slice(2) == tensor.sizes().slice(2)) {
      report_.adapted.push_back(
          name + ": for " + std::to_string(given.size(1)) +
          " channels, adapted to " + std::to_string(tensor.size(1)));
      given = adapt_channels(given.to(torch::kFloat), tensor.size(1));
    }
    if (given.sizes() != tensor.sizes()) {
      report_.wrong_shape.push_back(
          {name, given.sizes().vec(), tensor.sizes().vec()});
      continue;
    }
    report_.fitted.push_back(name);
    pairs_.emplace_back(tensor, given);
  }
  for (const auto& entry : left) report_.unexpected.push_back(entry.first);
}

void Fit::copy() const {
  torch::NoGradGuard no_grad;
  for (const auto& [own, given] : pairs_) {
    torch::Tensor target = own;
    target.copy_(given);
  }
  const std::set<std::string> filled(report_.filled.begin(),
                                     report_.filled.end());
  for (const auto& [name, tensor] : own_) {
    if (filled.contains(name)) torch::Tensor(tensor).zero_();
  }
}

}  // namespace skipzoo
