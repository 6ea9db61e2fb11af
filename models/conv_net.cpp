#include "models/conv_net.h"

#include <cmath>

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

namespace {

/// Keras's defaults for kernels and biases (Glorot & Bengio 2010).
void initialise_glorot(nn::Module& root) {
  torch::NoGradGuard no_grad;
  for (const auto& parameter : root.named_parameters()) {
    auto value = parameter.value();
    if (value.dim() > 1) {
      nn::init::xavier_uniform_(value);
    } else if (parameter.key().ends_with("bias")) {
      value.zero_();
    }
  }
}

/// A highway begins by carrying its input on: t is 0.12 (Srivastava et al.
/// 2015, section 2.2, asks for a bias below zero).
constexpr double kTransformBias = -2;

/// He's by the inputs, so that signals keep their size; the last layer, behind
/// which there is no ReLU, stays as Keras has it.
void initialise_he_of_signals(ConvNetImpl& network) {
  initialise_glorot(network);
  initialise_he(*network.blocks, Fan::kIn);
}

/// Zhang, Dauphin & Ma 2019, section 3, steps 1 and 2, with two layers a
/// branch; step 3 is in the blocks.
void initialise_fixup(ConvNetImpl& network) {
  torch::NoGradGuard no_grad;
  initialise_he_of_signals(network);
  const auto branches = static_cast<double>(network.blocks->size());
  for (size_t i = 0; i < network.blocks->size(); ++i) {
    auto* block = network.blocks->ptr(i)->as<ConvBlock>();
    block->conv1->weight.mul_(1 / std::sqrt(branches));
    block->conv2->weight.zero_();
  }
  network.fc->weight.zero_();
}

void initialise(ConvNetImpl& network, const ConvNetOptions& options) {
  switch (options.init) {
    case ConvInit::kGlorot:
      initialise_glorot(network);
      break;
    case ConvInit::kHe:
      initialise_he_of_signals(network);
      break;
    case ConvInit::kFixup:
      initialise_fixup(network);
      break;
  }
  if (options.shortcut != ConvShortcut::kHighway) return;
  torch::NoGradGuard no_grad;
  for (size_t i = 0; i < network.blocks->size(); ++i) {
    network.blocks->ptr(i)->as<ConvBlock>()->transform->bias.fill_(
        kTransformBias);
  }
}

}  // namespace

std::string ConvNetOptions::why_no_drop_path() const {
  switch (shortcut) {
    case ConvShortcut::kNone:
      return "with model.shortcut: none nothing is left of a block without its "
             "branch";
    case ConvShortcut::kHighway:
      return "with model.shortcut: highway a gate drops a branch already";
    case ConvShortcut::kDense:
      return "with model.shortcut: dense a branch is joined to its input, not "
             "added";
    default:
      return "";
  }
}

void ConvNetOptions::validate(Problems& problems) const {
  if (filters.empty())
    problems.push_back("filters is empty; give one entry per block");
  if (filters.size() != strides.size()) {
    problems.push_back("filters has " + std::to_string(filters.size()) +
                       " entries but strides has " +
                       std::to_string(strides.size()) +
                       "; give one stride per block");
  }
  int64_t in = in_channels;
  for (const int64_t out : filters) {
    if (shortcut == ConvShortcut::kIdentity && out < in) {
      problems.push_back(
          c10::str("shortcut: identity adds channels of zeros, so filters must "
                   "not fall: ",
                   in, " then ", out));
    }
    in = out;
  }
  if (init != ConvInit::kFixup) return;
  if (norm != ConvNorm::kNone) {
    problems.emplace_back(
        "init: fixup is of networks without norms; set "
        "norm: none, or init: glorot");
  }
  if (shortcut != ConvShortcut::kProjection &&
      shortcut != ConvShortcut::kIdentity) {
    problems.push_back(
        c10::str("init: fixup starts each branch at zero, beside which "
                 "something must be added; shortcut: ",
                 name_of(shortcut), " is not; take projection or identity"));
  }
}

ConvNetImpl::ConvNetImpl(const ConvNetOptions& options)
    : kernels_(options.kernels) {
  Problems problems;
  options.validate(problems);
  TORCH_CHECK(problems.empty(), "ConvNetOptions: ", problems.front());

  int64_t channels = options.in_channels;
  for (size_t i = 0; i < options.filters.size(); ++i) {
    const int64_t filters = options.filters[i];
    blocks->push_back(
        ConvBlock(channels, filters, options.strides[i], options));
    channels = options.channels_behind(channels, filters);
  }
  register_module("blocks", blocks);
  fc = register_module("fc", nn::Linear(channels, options.num_classes));
  initialise(*this, options);
}

torch::Tensor ConvNetImpl::forward_features(const torch::Tensor& images) {
  return blocks->forward(images);
}

torch::Tensor ConvNetImpl::forward_head(const torch::Tensor& maps) {
  return fc(torch::adaptive_avg_pool2d(maps, {1, 1}).flatten(1));
}

torch::Tensor ConvNetImpl::forward(const torch::Tensor& images) {
  return forward_head(forward_features(images));
}

void ConvNetImpl::reset_head(int64_t num_classes) {
  fc = replace_module("fc", linear_like(fc, num_classes));
  initialise_glorot(*fc);
}

std::vector<std::string> ConvNetImpl::block_names() const {
  return names_of_modules<ConvBlock>(*this);
}

}  // namespace skipzoo
