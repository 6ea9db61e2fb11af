// Runs a network that was written by
//   skipzoo export runs/RUN --format torchscript --normalize uint8 --softmax
// on a picture of one colour, and prints the likeliest class.

#include <torch/script.h>

#include <iostream>
#include <sstream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: load_torchscript MODEL.pt\n";
    return 2;
  }
  torch::jit::ExtraFilesMap extra = {{"classes.txt", ""}};
  auto module = torch::jit::load(argv[1], torch::kCPU, extra);

  const torch::NoGradGuard no_grad;
  const auto picture = torch::full({1, 3, 32, 32}, 127, torch::kByte);
  const auto probabilities = module.forward({picture}).toTensor();
  const auto best = probabilities.argmax(1).item<int64_t>();

  std::istringstream classes(extra.at("classes.txt"));
  std::string name;
  for (int64_t i = 0; i <= best; ++i) std::getline(classes, name);
  std::cout << name << ": " << probabilities[0][best].item<float>() << '\n';
}
