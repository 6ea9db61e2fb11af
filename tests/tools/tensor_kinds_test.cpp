// Tensors of rarer kinds: some hold an ordinary one, which is taken; of the
// rest it is said what they are.

#include <gtest/gtest.h>

#include "tests/support/pickle_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/weight_files.h"
#include "tests/support/zip.h"

namespace skipzoo {
namespace {

using pickled::integer;
using pickled::integers;
using pickled::text;

std::string utils(const char* name, const std::vector<std::string>& given) {
  return pickled::call(pickled::type("torch._utils", name),
                       pickled::tuple(given));
}

std::string meta_tensor() {
  return utils("_rebuild_meta_tensor_no_storage",
               {pickled::type("torch", "float32"), integers({3}), integers({1}),
                "\x89"});
}

/// A subclass that looks like a tensor, with this state.
std::string wrapper(const std::string& state,
                    const std::vector<int64_t>& sizes = {4},
                    const std::string& type = "float32") {
  const auto own = pickled::type("__main__", "Wrapper");
  const auto layout =
      pickled::call(pickled::type("torch.serialization", "_get_layout"),
                    pickled::tuple({text("torch.strided")}));
  const auto device = pickled::call(pickled::type("torch", "device"),
                                    pickled::tuple({text("cpu")}));
  return pickled::call(
      pickled::type("torch._tensor", "_rebuild_from_type_v2"),
      pickled::tuple(
          {pickled::type("torch._utils", "_rebuild_wrapper_subclass"), own,
           pickled::tuple({own, pickled::type("torch", type), integers(sizes),
                           integers({1}), integer(0), layout, device, "\x89"}),
           state}));
}

class TensorKinds : public testing::Test {
 protected:
  /// A file of these, names and tensors in turn.
  std::filesystem::path write(const std::vector<std::string>& entries) {
    return folder_.write(
        "a.pth", zip_of({{.name = "a/data.pkl",
                          .data = pickled::whole(pickled::dict(entries))},
                         {.name = "a/data/0", .data = kOneToFour}}));
  }
  void expect_left_out(const std::string& tensor, const std::string& why) {
    const auto file = read_weight_file(
        write({text("fc.w"), pickled::tensor({}), text("fc.odd"), tensor}));
    EXPECT_EQ(file.tensors.size(), 1u);
    EXPECT_EQ(text_of(file.left_out), "left out: 1 (fc.odd: " + why + ")");
  }
  void expect_one_to_four(const std::string& tensor) {
    const auto file = read_weight_file(write({text("fc.w"), tensor}));
    EXPECT_TRUE(file.left_out.empty());
    ASSERT_EQ(file.tensors.size(), 1u);
    EXPECT_TRUE(torch::equal(file.tensors.front().second,
                             torch::tensor({1.f, 2.f, 3.f, 4.f})));
  }

  TemporaryFolder folder_;
};

TEST_F(TensorKinds, WithoutNumbersOfTheirOwnAreLeftOut) {
  expect_left_out(meta_tensor(), "a meta tensor, without numbers");
  const auto shape = pickled::tensor({.storage = "LongStorage",
                                      .key = "1",
                                      .length = 2,
                                      .sizes = {2, 1},
                                      .strides = {1, 1}});
  expect_left_out(
      utils("_rebuild_nested_tensor", {pickled::tensor({}), shape, shape, "N"}),
      "a nested tensor");
  expect_says(error_of(write({text("fc.w"), meta_tensor()})),
              "holds no tensor that can be read; left out: 1 (fc.w: a meta "
              "tensor, without numbers)");
}

TEST_F(TensorKinds, AWrapperOfOneLikeItselfIsThatOne) {
  const auto held = pickled::tensor({});
  expect_one_to_four(wrapper(pickled::dict({text("held"), held})));
  expect_one_to_four(wrapper(pickled::dict(
      {text("scale"), integer(2), text("held"), held, text("note"), "N"})));
  expect_one_to_four(
      utils("_rebuild_parameter",
            {wrapper(pickled::dict({text("held"), held})), "\x88", "}"}));
}

TEST_F(TensorKinds, AnyOtherWrapperIsLeftOut) {
  const auto held = pickled::dict({text("held"), pickled::tensor({})});
  const auto two = pickled::dict(
      {text("data"), pickled::tensor({}), text("scale"), pickled::tensor({})});
  for (const auto& odd :
       {wrapper(two), wrapper(held, {2, 2}), wrapper(held, {}),
        wrapper(held, {4}, "float16"), wrapper(held, {4}, "int4"),
        wrapper(pickled::dict({text("held"), meta_tensor()}), {3}),
        wrapper("}"), wrapper("N"),
        wrapper(pickled::tuple({pickled::tensor({})}))}) {
    expect_left_out(odd, "a tensor that wraps others");
  }
}

}  // namespace
}  // namespace skipzoo
