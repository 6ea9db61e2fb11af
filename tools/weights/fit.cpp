#include "tools/weights/fit.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/printable.h"

namespace skipzoo {

namespace {

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

/// Whether numbers of its type can be those of a network's tensor.
bool has_type_for(const torch::Tensor& own, const torch::Tensor& given) {
  return own.is_floating_point() ? given.is_floating_point()
                                 : !given.is_complex();
}

constexpr size_t kMostNames = 8;

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    text += (i > 0 ? ", " : "") + printable(names[i]);
  }
  return names.size() > kMostNames ? text + ", …" : text;
}

void add_names(std::string& text, const char* kind,
               const std::vector<std::string>& names) {
  if (names.empty()) return;
  text.append("\n").append(std::to_string(names.size()));
  text.append(" ").append(kind).append(": ").append(list_of(names));
}

}  // namespace

std::string FitReport::text() const {
  std::string text = std::to_string(fitted.size()) + " tensors fitted";
  add_names(text, "missing in the file", missing);
  add_names(text, "of a type that is no weight's", wrong_type);
  add_names(text, "unexpected in the file", unexpected);
  for (size_t i = 0; i < std::min(wrong_shape.size(), kMostNames); ++i) {
    const auto& wrong = wrong_shape[i];
    text += "\nwrong shape: " + wrong.name + " is " +
            c10::str(at::IntArrayRef(wrong.in_file)) + " in the file, " +
            c10::str(at::IntArrayRef(wrong.in_network)) + " in the network";
  }
  if (wrong_shape.size() > kMostNames) {
    text +=
        "\nwrong shape: " + std::to_string(wrong_shape.size() - kMostNames) +
        " more";
  }
  for (const auto& [rule, count] : renamed) {
    text.append("\n").append(std::to_string(count));
    text.append(" names changed: ").append(printable(rule));
  }
  for (const auto& sentence : adapted) text += "\n" + sentence;
  add_names(text, "counters filled with 0", filled);
  return text;
}

std::string FitReport::text_of_beside() const {
  if (beside.empty()) return "";
  return "left out: " + std::to_string(beside.size()) +
         " that the network has not (" + list_of(beside) + ")";
}

Fit::Fit(const NamedTensors& file, const Classifier& model, Head head_rule)
    : own_(state_dict(model)) {
  const std::string head = model.head_name();
  auto mapping = map_names(file, own_, head, model.name_rules());
  match(file, mapping, head);
  report_.renamed = std::move(mapping.renamed);
  report_.unexpected = std::move(mapping.unexpected);
  report_.beside = std::move(mapping.beside);
  if (!mapping.rivals.empty()) {
    report_.adapted.push_back(
        "taken is what is under '" + printable(mapping.prefix) +
        "', the first; as good would be '" + list_of(mapping.rivals) + "'");
  }
  if (head_rule == Head::kMayBeNew) leave_out(head);
}

/// Half a head is none: where a part of it does not fit, all of it is new.
void Fit::leave_out(const std::string& head) {
  const auto of_head = [&](const std::string& name) {
    return name.starts_with(head + ".");
  };
  std::string why;
  for (const auto& name : report_.missing) {
    if (!of_head(name)) continue;
    why = "; the file has no " + name;
    report_.lacks_head |= name == head + ".weight";
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
  std::erase_if(report_.fitted, of_head);
  std::erase_if(report_.wrong_shape,
                [&](const auto& wrong) { return of_head(wrong.name); });
  std::erase_if(pairs_, [&](const auto& pair) {
    return std::any_of(own_.begin(), own_.end(), [&](const auto& entry) {
      return of_head(entry.first) && entry.second.is_same(pair.first);
    });
  });
  // What else the file's head is made of, such as a projector of two layers.
  for (const auto& name : report_.unexpected) {
    if (of_head(name)) report_.beside.push_back(name);
  }
  std::erase_if(report_.unexpected, of_head);
}

void Fit::match(const NamedTensors& file, const Mapping& mapping,
                const std::string& head) {
  bool first_convolution = true;
  for (size_t i = 0; i < own_.size(); ++i) {
    const auto& [name, tensor] = own_[i];
    const bool is_first = tensor.dim() == 4 && first_convolution;
    if (is_first) first_convolution = false;
    if (!mapping.places[i]) {
      const bool counter = name.ends_with("num_batches_tracked");
      (counter ? report_.filled : report_.missing).push_back(name);
      continue;
    }
    torch::Tensor given = file[*mapping.places[i]].second;
    if (!has_type_for(tensor, given)) {
      report_.wrong_type.push_back(name + " is of type " +
                                   c10::toString(given.scalar_type()) +
                                   " in the file");
      continue;
    }
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

void copy_exactly(const NamedTensors& weights, torch::nn::Module& model) {
  const std::map<std::string, torch::Tensor> by_name(weights.begin(),
                                                     weights.end());
  const auto own = state_dict(model);
  std::set<std::string> known;
  for (const auto& [name, tensor] : own) {
    known.insert(name);
    const auto found = by_name.find(name);
    if (found == by_name.end()) throw std::runtime_error("lacks " + name);
    if (found->second.sizes() != tensor.sizes()) {
      throw std::runtime_error(
          name + " has shape " + c10::str(found->second.sizes()) +
          ", the network's has " + c10::str(tensor.sizes()));
    }
  }
  for (const auto& [name, tensor] : weights) {
    if (known.contains(name)) continue;
    throw std::runtime_error("holds " + printable(name) +
                             ", which the network has not");
  }
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) {
    torch::Tensor(tensor).copy_(by_name.at(name));
  }
}

}  // namespace skipzoo
