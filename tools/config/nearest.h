#pragma once

#include <string>
#include <vector>

namespace skipzoo {

/// The word of `known` that `word` is most likely a misspelling of; empty where
/// none is near.
std::string nearest(const std::string& word,
                    const std::vector<std::string>& known);

}  // namespace skipzoo
