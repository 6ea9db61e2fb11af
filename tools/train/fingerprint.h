#pragma once

#include <string>

#include "tools/data/dataset.h"

namespace skipzoo {

/// What a run trains and validates on in short, as JSON: how many pictures each
/// class has and a hash of their names below the folder they share. It says
/// nothing of what is in them.
std::string fingerprint(const TrainingData& data);

/// Where two of these first differ, in words: "training: 90 pictures now, 80
/// then; class 'cat' has 20 pictures now, it had 10". Empty: nowhere, or one of
/// them cannot be read.
std::string first_difference(const std::string& then, const std::string& now);

}  // namespace skipzoo
