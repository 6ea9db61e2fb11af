#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/pickle_file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Reads one object; the weights in it are recognised by their number.
class StateDict : public testing::Test {
 protected:
  PickleFile::Value weights(double number = 1) {
    return pickle.state_dict(
        {{"conv.weight", torch::full({4, 3, 3, 3}, number)},
         {"fc.weight", torch::full({5, 4}, number)}});
  }
  WeightFile read(const PickleFile::Value& value,
                  const ReadOptions& options = {}) {
    pickle.write(folder / "file.pth", value);
    return read_weight_file(folder / "file.pth", options);
  }
  /// Expects the weights of that number, found under that key.
  void expect_weights(const PickleFile::Value& value,
                      const std::string& wrapper, double number = 1,
                      const ReadOptions& options = {}) {
    SCOPED_TRACE(wrapper);
    const auto file = read(value, options);
    EXPECT_EQ(file.wrapper, wrapper);
    ASSERT_EQ(file.tensors.size(), 2u);
    EXPECT_EQ(file.tensors[1].first, "fc.weight");
    EXPECT_EQ(file.tensors[1].second.max().item<double>(), number);
  }
  std::string error_of(const PickleFile::Value& value,
                       const ReadOptions& options = {}) {
    return words_of_error([&] { read(value, options); });
  }
  static std::string left_out(const WeightFile& file) {
    return text_of(file.left_out);
  }

  PickleFile pickle;
  TemporaryFolder folder;
};

}  // namespace skipzoo
