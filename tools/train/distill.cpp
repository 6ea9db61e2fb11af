#include "tools/train/distill.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "tools/sha256.h"

namespace skipzoo {

namespace {

using torch::Tensor;

/// Of an identity, for people.
constexpr size_t kFewDigits = 12;

std::string_view bytes_of(const Tensor& contiguous) {
  return {static_cast<const char*>(contiguous.const_data_ptr()),
          contiguous.nbytes()};
}

bool is_identity(const std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Tensor distilled_loss(const Tensor& loss, const Tensor& logits,
                      const Tensor& teacher, const DistillOptions& options) {
  namespace F = torch::nn::functional;
  const double t = options.temperature;
  // Probabilities, not their logarithms, of which one may be -inf.
  const auto target = (teacher.to(logits.scalar_type()) / t).softmax(1);
  const auto divergence =
      F::kl_div((logits / t).log_softmax(1), target,
                F::KLDivFuncOptions().reduction(torch::kBatchMean));
  return loss * (1 - options.weight) + divergence * (options.weight * t * t);
}

OtherView::OtherView(const Normaliser& given, const Preprocessing& own,
                     std::vector<int64_t> size)
    : given_(given),
      own_(own),
      size_(std::move(size)),
      is_normalised_(given.shift().equal(own.normalise.shift()) &&
                     given.scale().equal(own.normalise.scale())) {}

Tensor OtherView::operator()(const Tensor& images) const {
  auto view = images.to(torch::kFloat);
  if (!is_normalised_) view = view.mul(given_.scale()).add_(given_.shift());
  if (!size_.empty() && view.sizes().slice(2) != size_) {
    view = at::_upsample_bilinear2d_aa(view, at::IntArrayRef(size_),
                                       /*align_corners=*/false);
  }
  if (!is_normalised_) view = own_.normalise(view);
  return view.contiguous(own_.channels_last ? at::MemoryFormat::ChannelsLast
                                            : at::MemoryFormat::Contiguous);
}

std::string identity_of(const NamedTensors& weights) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : weights) {
    lines.push_back(c10::str(name, ' ', tensor.scalar_type(), tensor.sizes(),
                             ' ', sha256(bytes_of(tensor.contiguous())), '\n'));
  }
  std::ranges::sort(lines);
  std::string text;
  for (const auto& line : lines) text += line;
  return sha256(text);
}

StateSection teacher_section(const std::string& identity) {
  return {
      .name = "teacher",
      .save =
          [identity] {
            auto bytes = torch::empty({static_cast<int64_t>(identity.size())},
                                      torch::kByte);
            std::memcpy(bytes.mutable_data_ptr(), identity.data(),
                        identity.size());
            return NamedTensors{{"", bytes}};
          },
      .load =
          [identity](const NamedTensors& saved) {
            const auto bytes = saved.front().second.contiguous();
            const auto then = bytes_of(bytes);
            if (!is_identity(then)) {
              throw std::runtime_error("its teacher is no SHA-256 of weights");
            }
            if (then == identity) return;
            throw std::runtime_error(
                "the run learns from another teacher than "
                "train.distill.teacher: the SHA-256 of its weights begins "
                "with " +
                std::string(then.substr(0, kFewDigits)) + ", not " +
                identity.substr(0, kFewDigits) +
                "; give it by --set train.distill.teacher=PATH, or begin a new "
                "run");
          }};
}

}  // namespace skipzoo
