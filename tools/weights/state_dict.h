#pragma once

#include <functional>

#include "tools/weights/pickle.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

// Which of the tensors in a pickle are the weights.

/// Makes a tensor of a pickled one.
using BuildTensor = std::function<torch::Tensor(const Pickle& tensor)>;

/// The state dict in what a program saved, wherever it is: the file itself, or
/// a dict in dicts and lists. Which one is taken: that of options.key; else the
/// one under a customary key (timm's order: state_dict, model, net,
/// model_state_dict, where averaged weights come first or last, as asked for);
/// else the only one whose names are those of a network's parts ("fc.weight").
/// States of optimizers are none. All other tensors are named in
/// result.left_out. Throws std::runtime_error where there is no state dict, or
/// several to choose from: their keys and sizes are listed.
void collect_state_dict(const Pickle& root, const BuildTensor& build,
                        const ReadOptions& options, WeightFile& result);

/// The tensors of a TorchScript module and its submodules.
void collect_module(const Pickle& root, const BuildTensor& build,
                    const ReadOptions& options, WeightFile& result);

/// Leaves in `file` the tensors whose names begin with `key`. Throws
/// std::runtime_error where there are none.
void keep_under(const std::string& key, WeightFile& file);

}  // namespace skipzoo
