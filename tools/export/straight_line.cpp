#include "tools/export/straight_line.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/types.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include "tools/error.h"
#include "tools/export/aten_operators.h"

namespace skipzoo {

namespace {

[[noreturn]] void refuse(const std::filesystem::path& path,
                         const std::string& what) {
  throw FileError(path, "a TorchScript archive that " + what +
                            ", which no export of skipzoo does: it is not run");
}

/// LibTorch's interpreter calls itself for each operator whose output the next
/// one alone takes: 20,000 in a row fill the stack. ResNet-1202 has some 4,300.
constexpr int64_t kMostOperators = 10'000;
/// Lines and calls of the code: what LibTorch's parser takes seconds for.
constexpr int64_t kMostSteps = 100'000;

/// Looks at the words of code whose nesting check_program() has bounded.
class CodeCheck {
 public:
  explicit CodeCheck(const std::filesystem::path& path) : path_(path) {}

  void look_at(std::string_view code) {
    for (size_t at = 0; at < code.size();) {
      size_t end = at;
      while (end < code.size() && is_of_a_word(code[end])) ++end;
      if ((code[at] == '(' || code[at] == '\n') && ++steps_ > kMostSteps) {
        refuse(path_, "has more than " + std::to_string(kMostSteps) +
                          " lines and calls");
      }
      if (end > at) word(code.substr(at, end - at));
      at = std::max(end, at + 1);
    }
  }
  int methods() const { return methods_; }

 private:
  static bool is_of_a_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  }

  void word(std::string_view text) {
    static const std::set<std::string_view> refused = {
        "while", "for", "if", "with", "lambda", "import", "try", "raise"};
    if (refused.contains(text)) {
      refuse(path_, "says '" + std::string(text) + "'");
    }
    if (last_ == "def") {
      ++methods_;
      if (text != "forward") {
        refuse(path_, "has a method '" + std::string(text.substr(0, 40)) + "'");
      }
    }
    last_ = text;
  }

  const std::filesystem::path& path_;
  std::string_view last_;
  int methods_ = 0;
  int64_t steps_ = 0;
};

void check_code(const std::filesystem::path& path) {
  constexpr size_t kMost = size_t{16} << 20;
  caffe2::serialize::PyTorchStreamReader reader(path.string());
  CodeCheck check(path);
  for (const auto& name : reader.getAllRecords()) {
    if (!name.starts_with("code/") || name.ends_with(".debug_pkl")) continue;
    if (reader.getRecordSize(name) > kMost) {
      refuse(path, "has more than 16 MiB of code");
    }
    const auto [data, size] = reader.getRecord(name);
    check.look_at({static_cast<const char*>(data.get()), size});
  }
  if (check.methods() != 1) {
    refuse(path, "has " + std::to_string(check.methods()) + " methods");
  }
}

/// What a network of the zoo is traced to.
void check_operators(const torch::jit::Graph& graph,
                     const std::filesystem::path& path) {
  int64_t operators = 0;
  for (const auto* node : graph.nodes()) {
    if (node->kind().is_aten() && ++operators > kMostOperators) {
      refuse(path, "has more than " + std::to_string(kMostOperators) +
                       " operators in a row");
    }
    const std::string name = node->kind().toQualString();
    if (find_aten_operator(name) == nullptr) refuse(path, "uses " + name);
  }
}

}  // namespace

torch::jit::Module load_straight_line(const std::filesystem::path& path) {
  check_code(path);
  auto module = torch::jit::load(path.string(), torch::kCPU,
                                 /*load_debug_files=*/false);
  check_operators(*module.get_method("forward").graph(), path);
  return module;
}

}  // namespace skipzoo
