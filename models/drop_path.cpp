#include "models/drop_path.h"

#include <vector>

namespace skipzoo {

torch::Tensor DropPathImpl::factors(const torch::Tensor& branch) const {
  if (rate == 0 || !is_training()) return {};
  const double kept = 1 - rate;
  return torch::empty({branch.size(0), 1, 1, 1}, branch.options())
      .bernoulli_(kept)
      .div_(kept);
}

void set_drop_path(torch::nn::Module& network, double rate) {
  std::vector<DropPathImpl*> blocks;
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* block = module->as<DropPath>()) blocks.push_back(block);
  }
  TORCH_CHECK(rate == 0 || !blocks.empty(),
              "this network has no branches that could be dropped");
  const auto last = static_cast<double>(blocks.size()) - 1;
  for (size_t l = 1; l < blocks.size(); ++l) {
    blocks[l]->rate = rate * static_cast<double>(l) / last;
  }
}

}  // namespace skipzoo
