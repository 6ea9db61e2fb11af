#include "tools/export/torchscript.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/shape_analysis.h>
#include <torch/csrc/jit/serialization/export.h>

#include "tools/output_file.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

/// "layer1.0.conv1.weight" -> ("layer1.0.conv1", "weight")
std::pair<std::string, std::string> split(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

/// The tree of modules that the names of a program's tensors tell of.
class ModuleTree {
 public:
  explicit ModuleTree(const Program& program) {
    add("");
    for (const auto& [name, tensor] : program.tensors) {
      const auto [parent, own] = split(name);
      const bool is_buffer = own.starts_with("running_") ||
                             own == "num_batches_tracked" ||
                             parent == "normalize";
      module(parent).register_parameter(own, tensor.detach(), is_buffer);
    }
  }

  jit::Module& root() { return modules_.at(""); }

  /// The value of a module within a graph whose first input is the root.
  jit::Value* value(jit::Graph& graph, const std::string& path) {
    auto& found = values_[path];
    if (found != nullptr) return found;
    if (path.empty()) return found = graph.inputs().front();
    const auto [parent, own] = split(path);
    jit::Value* above = value(graph, parent);
    return found = graph.insertGetAttr(above, own);
  }

 private:
  jit::Module& module(const std::string& path) {
    const auto found = modules_.find(path);
    if (found != modules_.end()) return found->second;
    const auto [parent, own] = split(path);
    module(parent);  // It has to stand before what is in it.
    jit::Module& added = add(path);
    modules_.at(parent).register_module(own, added);
    return added;
  }

  jit::Module& add(const std::string& path) {
    std::string type = "__torch__.skipzoo.Network";
    if (!path.empty()) {
      // Numbers, as in layer1.0, are no identifiers.
      type += "_";
      for (const char c : path) type += c == '.' ? '_' : c;
    }
    jit::Module added(type, unit_);
    added.register_attribute("training", at::BoolType::get(), false);
    return modules_.emplace(path, added).first->second;
  }

  std::shared_ptr<jit::CompilationUnit> unit_ =
      std::make_shared<jit::CompilationUnit>();
  std::map<std::string, jit::Module> modules_;
  std::map<std::string, jit::Value*> values_;
};

/// A method of the tree's root: what were inputs are its attributes again.
void add_forward(ModuleTree& tree, const Program& program) {
  auto graph = program.graph->copy();
  jit::EraseShapeInformation(graph);  // It was traced at one size of many.
  jit::Value* self = graph->insertInput(0, "self");
  self->setType(tree.root().type());
  {
    const jit::WithInsertPoint at_start(*graph->nodes().begin());
    while (graph->inputs().size() > 2) {
      jit::Value* input = graph->inputs()[2];
      const auto [parent, own] = split(input->debugName());
      jit::Value* module = tree.value(*graph, parent);
      input->replaceAllUsesWith(graph->insertGetAttr(module, own));
      graph->eraseInput(2);
    }
  }
  const auto type = tree.root().type();
  auto* function = type->compilation_unit()->create_function(
      c10::QualifiedName(*type->name(), "forward"), graph);
  type->addMethod(function);
}

}  // namespace

void write_torchscript(OutputFile& file, const Program& program,
                       const ExtraFiles& extra) {
  ModuleTree tree(program);
  add_forward(tree, program);
  const jit::ExtraFilesMap files(extra.begin(), extra.end());
  write_by(file, [&](const WriteFunction& take) {
    jit::ExportModule(tree.root(), take, files);
  });
}

}  // namespace skipzoo
