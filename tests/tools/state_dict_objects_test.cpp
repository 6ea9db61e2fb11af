// Weight files with objects of a program's own classes in them, or with nothing
// else.

#include "tests/support/state_dict_file.h"
#include "tests/support/tensors.h"

namespace skipzoo {
namespace {

using P = PickleFile;

// torch.save(network) writes its class and, three values down, its tensors.
TEST_F(StateDict, NamesObjectsThatHoldTensors) {
  const auto part = P::object(
      "torch.nn.modules.linear", "Linear",
      P::dict({{P::text("_parameters"),
                P::dict({{P::text("weight"), pickle.zeros({2, 3})}})}}));
  const auto network = P::object(
      "nets", "Net",
      P::dict({{P::text("_modules"), P::dict({{P::text("fc"), part}})}}));
  const auto file =
      P::dict({{P::text("state_dict"), weights()},
               {P::text("teacher"), network},
               {P::text("optimizer"),
                P::object("torch.optim.sgd", "SGD",
                          P::dict({{P::text("w"), pickle.zeros({4})}}))},
               {P::text("args"),
                P::object("argparse", "Namespace",
                          P::dict({{P::text("lr"), P::integer(1)}}))}});
  expect_weights(file, "state_dict");
  EXPECT_EQ(left_out(read(file)),
            "left out: 2 (teacher: an object of type nets.Net, 1 tensor, 6 "
            "parameters, beside the weights; optimizer: 1 tensor of the "
            "training)");
  for (const auto& [alone, key] :
       {std::pair(P::dict({{P::text("epoch"), P::integer(1)},
                           {P::text("net"), network}}),
                  "net"),
        std::pair(P::list({network}), "0")}) {
    EXPECT_NE(error_of(alone).find("under '" + std::string(key) +
                                   "' an object of type nets.Net; save its "
                                   "state_dict() instead"),
              std::string::npos)
        << error_of(alone);
  }
}

TEST_F(StateDict, MayBeOfAClassDerivedFromDict) {
  const P::Pairs pairs = {
      {P::text("conv.weight"), pickle.tensor(torch::ones({4, 3, 3, 3}))},
      {P::text("fc.weight"), pickle.tensor(torch::ones({5, 4}))}};
  expect_weights(P::derived_dict("addict", "Dict", pairs), "");
  expect_weights(P::dict({{P::text("state_dict"),
                           P::derived_dict("their.config", "Dict", pairs)}}),
                 "state_dict");
}

TEST_F(StateDict, SaysWhatThereIsInsteadOfOne) {
  const auto object = P::call("models.resnet", "ResNet");
  EXPECT_NE(error_of(P::dict({{P::text("model"), object}}))
                .find("under 'model' an object of type models.resnet.ResNet; "
                      "save its state_dict() instead"),
            std::string::npos);
  EXPECT_NE(error_of(pickle.zeros({3})).find("a single tensor"),
            std::string::npos);
  EXPECT_NE(error_of(P::dict({})).find("holds an empty dict"),
            std::string::npos);
  const auto arrays =
      P::dict({{P::text("fc.weight"),
                P::call("numpy.core.multiarray", "_reconstruct")}});
  for (const auto& file : {arrays, P::dict({{P::text("params"), arrays}})}) {
    EXPECT_NE(error_of(file).find("holds arrays of numpy, no tensors"),
              std::string::npos)
        << error_of(file);
  }
  EXPECT_NE(error_of(P::dict({{P::text("epoch"), P::integer(1)}}))
                .find("a dict without weights; its keys are epoch"),
            std::string::npos);
}

}  // namespace
}  // namespace skipzoo
