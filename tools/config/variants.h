#pragma once

#include <string>

#include "models/model_options.h"
#include "tools/weights/fit.h"

namespace skipzoo {

/// Says which other network the weights would fit, as the keys of a config:
/// "with model.shortcut: B everything fits". Tries the words and switches of
/// the family, one key and then two, and what the shapes in the file tell.
/// Empty where nothing fits, or not within 2 s.
std::string variant_that_fits(const NamedTensors& file,
                              const ModelOptions& model, Head head);

}  // namespace skipzoo
