#pragma once

#include <vector>

#include "tools/data/loader.h"
#include "tools/report/mistakes.h"
#include "tools/train/judged.h"
#include "tools/train/preprocessing.h"

namespace skipzoo {

struct Classifier;

/// What a page shows of an evaluation: the twelve most confident mistakes and
/// the twelve least confident hits as the network saw them, each with the heat
/// map of the class it predicted (grad_cam()), and the accuracy by probability.
/// model: null for what is no single network of ours, and no heat maps.
///
/// judged: by this network's weights of now, of the pictures of `loader`; none
/// leaves all of it empty. A picture that cannot be read again is left out, and
/// a heat map that the network cannot give.
Mistakes look_at_mistakes(Classifier* model, const Loader& loader,
                          const Preprocessing& preprocess,
                          const std::vector<JudgedPicture>& judged);

}  // namespace skipzoo
