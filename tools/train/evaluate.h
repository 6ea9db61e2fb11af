#pragma once

#include <functional>
#include <memory>

#include "tools/data/loader.h"
#include "tools/train/collective.h"
#include "tools/train/metrics.h"
#include "tools/train/options.h"
#include "tools/train/preprocessing.h"

namespace skipzoo {

struct Classifier;

/// A network as it is evaluated: normalised images (N, C, H, W) on its device
/// -> logits (N, classes). Not by two threads at once.
using Forward = std::function<torch::Tensor(const torch::Tensor& images)>;

/// What the convolutions of an Engine compute in.
at::ScalarType type_of(Amp amp);

/// That of a network of ours, in the arithmetic of `amp` (on the CPU Amp::kFp16
/// is none): by an Engine, unless its own kernels are the reference. The model
/// must outlive it; its weights and device are those of now, and its mode is
/// left as it is.
Forward forward_of(Classifier& model, Amp amp);

/// What decides which epoch is the best.
double value_of(EvalMetric metric, const Evaluation& evaluation);
/// Whether `a` is better than `b` by it: of losses the smaller one.
bool is_better(EvalMetric metric, double a, double b);

/// Runs every picture of `loader` through a network, each counted once. stop:
/// asked after each batch; where it says true, the result is of the batches so
/// far. Of several processes each takes the batches of its loader; the result
/// is of all. by_class: with one label a picture too, how each class by itself
/// is told from the others (Evaluation::labels), which keeps all probabilities.
Evaluation evaluate(
    const Forward& forward, Loader& loader, const Preprocessing& preprocess,
    const std::function<bool()>& stop = {},
    const std::shared_ptr<Collective>& collective = single_process(),
    bool by_class = false);

}  // namespace skipzoo
