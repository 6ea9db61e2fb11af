#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/cli/commands.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

void print_json(const WeightFile& file) {
  ordered_json tensors = ordered_json::array();
  for (const auto& [name, tensor] : file.tensors) {
    tensors.push_back({{"name", name},
                       {"shape", tensor.sizes().vec()},
                       {"type", c10::toString(tensor.scalar_type())},
                       {"bytes", tensor.nbytes()}});
  }
  std::cout << ordered_json{{"kind", kind_text(file.kind)},
                            {"wrapper", file.wrapper},
                            {"tensors", tensors}}
                   .dump(2, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

void print_text(const WeightFile& file) {
  size_t bytes = 0;
  for (const auto& entry : file.tensors) bytes += entry.second.nbytes();
  std::cout << kind_text(file.kind)
            << (file.wrapper.empty() ? "" : ", weights under " + file.wrapper)
            << ", " << file.tensors.size() << " tensors, " << bytes
            << " bytes\n\n";
  for (const auto& [name, tensor] : file.tensors) {
    std::cout << std::left << std::setw(48) << name << std::setw(10)
              << c10::toString(tensor.scalar_type()) << tensor.sizes() << '\n';
  }
}

}  // namespace

void add_inspect(CLI::App& app) {
  struct Arguments {
    std::filesystem::path file;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "inspect", "What is in a weight file: names, shapes, types");
  command
      ->add_option("file", args->file, "A .pth, .th, .safetensors, .pt or .skz")
      ->required();
  command->add_flag("--json", args->json, "Print JSON");
  command->footer("Example:\n  skipzoo inspect resnet50.pth");
  command->callback([args] {
    const WeightFile file = read_weight_file(args->file);
    args->json ? print_json(file) : print_text(file);
  });
}

}  // namespace skipzoo
