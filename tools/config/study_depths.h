#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/model_options.h"

namespace skipzoo {

// Which networks a study makes of one: see StudyOptions.

/// The word for the DenseNet that a residual network is compared with.
inline constexpr std::string_view kDense = "dense";
/// The word for the plain network, of every family.
inline constexpr std::string_view kPlain = "none";

/// What study.skips may name for a network: the words of its model.shortcut
/// and, of a residual one, kDense. None: a family without a choice.
std::vector<std::string> study_skips(const ModelOptions& network);

/// Whether a word is one of model.shortcut's, and not of another network.
bool is_shortcut_of(const ModelOptions& network, std::string_view word);

/// Why a network of this family and these stages cannot have so many layers,
/// and which numbers it can have; empty: it can.
std::string depth_problem(const ModelOptions& network, int64_t depth);

/// The network with that shortcut and as many blocks in each stage as give it
/// that depth; a stage of a conv_net is one of its filters. Both must be right
/// by the functions above, the word not kDense.
ModelOptions with_depth(const ModelOptions& network, std::string_view shortcut,
                        int64_t depth);

}  // namespace skipzoo
