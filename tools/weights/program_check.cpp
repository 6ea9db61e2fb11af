#include "tools/weights/program_check.h"

#include <algorithm>
#include <new>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/checked.h"
#include "tools/error.h"
#include "tools/memory.h"
#include "tools/printable.h"
#include "tools/weights/budget.h"
#include "tools/weights/tensor_builder.h"
#include "tools/weights/torch_file.h"

namespace skipzoo {

namespace {

/// A parser descends once for each bracket that is open, each block that is
/// indented, and each operator of a chain: a + b + c.
class NestingCheck {
 public:
  void check(std::string_view code) {
    for (size_t at = 0; at < code.size(); ++at) {
      const char c = code[at];
      if (quote_ != '\0') {
        if (c == '\\') {
          ++at;
        } else if (c == quote_ || c == '\n') {
          quote_ = '\0';
        }
      } else if (c == '"' || c == '\'') {
        quote_ = c;
      } else if (c == '#') {
        at = std::min(code.find('\n', at), code.size()) - 1;
      } else {
        take(c);
      }
    }
  }

 private:
  static constexpr size_t kDeepest = 200;
  static constexpr size_t kLongestChain = 1000;
  static constexpr size_t kWidestIndent = 400;

  void take(char c) {
    constexpr std::string_view kOpen = "([{", kClose = ")]}",
                               kOperators = "+-*/%@~&|^<>=!.:";
    if (c == '\n' && chains_.size() == 1) chains_ = {0};
    starts_line_ = c == '\n' || (starts_line_ && (c == ' ' || c == '\t'));
    indent_ = c != '\n' && starts_line_ ? indent_ + 1 : 0;
    if (kOpen.find(c) != std::string_view::npos) {
      ++chains_.back();  // Calls are a chain too: f(x)(y)(z).
      chains_.push_back(0);
    } else if (kClose.find(c) != std::string_view::npos) {
      if (chains_.size() > 1) chains_.pop_back();
    } else if (c == ',') {
      chains_.back() = 0;
    } else if (kOperators.find(c) != std::string_view::npos) {
      ++chains_.back();
    } else if (c == ' ' && !starts_line_) {
      ++chains_.back();  // What is an operator in words: not, and, if.
    }
    if (chains_.size() > kDeepest || chains_.back() > kLongestChain ||
        indent_ > kWidestIndent) {
      throw std::runtime_error(
          "its code is nested more deeply than any that "
          "skipzoo or PyTorch writes");
    }
  }

  std::vector<size_t> chains_ = {0};  ///< Operators, by open bracket.
  char quote_ = '\0';
  bool starts_line_ = true;
  size_t indent_ = 0;
};

/// All code and words of an archive are less than this together.
constexpr uint64_t kMostText = uint64_t{64} << 20;

void check_code(const ZipFile& zip) {
  uint64_t total = 0;
  for (const auto& record : zip.records()) {
    if (!record.name.ends_with(".py")) continue;
    total = checked_add(total, record.size);
    if (total > kMostText) throw std::runtime_error("its code is too long");
    const auto code = zip.text(record, kMostText);
    NestingCheck().check(
        {reinterpret_cast<const char*>(code.data()), code.size()});
  }
}

/// Values in values, as an unpickler that makes objects of them would descend.
void check_depth(const Pickle& root) {
  constexpr size_t kDeepest = 500;
  Budget visits(10'000'000);
  std::vector<std::pair<const Pickle*, size_t>> stack = {{&root, 0}};
  while (!stack.empty()) {
    const auto [value, depth] = stack.back();
    stack.pop_back();
    visits.spend(1 + value->items.size());
    if (depth > kDeepest) throw std::runtime_error("values nested too deeply");
    for (const auto* item : value->items) stack.emplace_back(item, depth + 1);
  }
}

void check_pickle(const ZipFile& zip, const std::string& name) {
  if (!zip.has(name + ".pkl")) {
    throw std::runtime_error("lacks its record " + name +
                             ".pkl, so is no TorchScript archive");
  }
  const auto bytes = read_zip_pickle(zip, name + ".pkl");
  PickleReader reader{std::span(bytes)};
  check_depth(reader.read());
  for (const auto* tensor : reader.tensors()) {
    require_within(*tensor,
                   zip.at(name + "/" + tensor->items.front()->text).size);
  }
  for (const auto* storage : reader.storages()) {
    require_stored(*storage, zip.at(name + "/" + storage->text).size);
  }
}

}  // namespace

void check_program(const std::filesystem::path& path) {
  try {
    const auto file = InputFile::open(path);
    const ZipFile zip(file);
    require_memory(file->size());
    zip.check(kMostText);
    check_code(zip);
    check_pickle(zip, "constants");
    check_pickle(zip, "data");
  } catch (const FileError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw FileError(path, "needs more memory than there is");
  } catch (const std::runtime_error& error) {
    throw FileError(path, "not a readable TorchScript archive: " +
                              printable_message(error.what()));
  }
}

}  // namespace skipzoo
