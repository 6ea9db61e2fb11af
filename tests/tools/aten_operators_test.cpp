// Operators that an export may hold though no network of today has them, as
// programs in the formats with code.

#include "tools/export/aten_operators.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/types.h>

#include <functional>

#include "models/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/export/onnx.h"
#include "tools/export/onnx_model.h"
#include "tools/export/straight_line.h"
#include "tools/export/torchscript.h"
#include "tools/write_whole.h"

namespace skipzoo {
namespace {

using Forward = std::function<torch::Tensor(const torch::Tensor&)>;

/// Of pictures of three channels.
Program program_of(const NamedTensors& tensors, const Forward& forward,
                   at::ScalarType type = at::kFloat) {
  return trace(tensors, forward, torch::randn({2, 3, 6, 6}).to(type));
}

std::string onnx_of(const Program& program) {
  return to_onnx(program, /*any_size=*/true, /*softmax=*/false, {});
}

/// Squeeze-and-excitation: Hu et al. 2018, section 3, with 1x1 convolutions.
TEST(AtenOperators, OfAGateOverChannelsAreExported) {
  torch::manual_seed(0);
  const NamedTensors tensors = {{"fc1.weight", torch::randn({2, 3, 1, 1})},
                                {"fc1.bias", torch::randn(2)},
                                {"fc2.weight", torch::randn({3, 2, 1, 1})},
                                {"fc2.bias", torch::randn(3)}};
  const auto convolve = [&](const torch::Tensor& x, size_t first) {
    return at::conv2d(x, tensors[first].second, tensors[first + 1].second);
  };
  const Forward forward = [&](const torch::Tensor& x) {
    const auto squeezed = x.mean({2, 3}, /*keepdim=*/true);
    const auto gate = convolve(convolve(squeezed, 0).relu(), 2).sigmoid();
    return (x * gate * 0.5).mean({-2, -1});
  };
  const auto program = program_of(tensors, forward);
  const auto bytes = onnx_of(program);
  const OnnxModel onnx(bytes);
  TemporaryFolder folder;
  const auto path = folder / "net.pt";
  write_output(path,
               [&](OutputFile& file) { write_torchscript(file, program, {}); });
  auto scripted = load_straight_line(path);
  for (const auto& shape : {std::vector<int64_t>{1, 3, 6, 6}, {4, 3, 9, 5}}) {
    const auto x = torch::randn(shape);
    const auto expected = forward(x);
    EXPECT_LE((onnx.run(x) - expected).norm().item<double>(), 1e-6);
    const auto found = scripted.forward({x}).toTensor();
    EXPECT_LE((found - expected).norm().item<double>(), 1e-6);
  }
}

// A float32 constant beside it is refused by ONNX Runtime.
TEST(AtenOperators, GiveANumberTheTypeOfItsTensor) {
  const auto half = [](const torch::Tensor& x) {
    return (x * 0.5).mean({2, 3}).to(torch::kFloat);
  };
  const auto bytes = onnx_of(program_of({}, half, at::kHalf));
  // TensorProto of type 10, float16, whose two bytes are those of 0.5.
  EXPECT_NE(bytes.find(std::string("\x10\x0a\x4a\x02\x00\x38", 6)),
            std::string::npos);
}

TEST(AtenOperators, ThatOnnxIsNotGivenAreNamed) {
  const auto words = [](const Forward& forward) {
    return words_of_error([&] { onnx_of(program_of({}, forward)); });
  };
  EXPECT_EQ(words([](const auto& x) { return x.flatten(1).digamma(); }),
            "ONNX: no rule for the operator aten::digamma");
  EXPECT_EQ(words([](const auto& x) { return x.flatten(1) + x.mean(); }),
            "ONNX: a mean over given dimensions only");
  EXPECT_EQ(find_aten_operator("aten::digamma"), nullptr);
}

}  // namespace
}  // namespace skipzoo
