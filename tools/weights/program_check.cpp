#include "tools/weights/program_check.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <new>
#include <set>
#include <span>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
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
      refuse_what_hides_code(code.substr(at));
      if (quote_ != '\0') {
        if (c == '\\') {
          ++at;
        } else if (c == quote_ || c == '\n') {
          quote_ = '\0';
        }
      } else if (c == '"' || c == '\'') {
        quote_ = c;
        take(c);  // What joins texts needs no blank: ""and""and"".
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
  static constexpr size_t kMostEmptyLines = 1000;

  /// What LibTorch reads on behind, where the text looks over: quotes of three,
  /// types in comments, lines that go on. PyTorch writes none of them.
  void refuse_what_hides_code(std::string_view rest) const {
    const char c = rest.front();
    const bool is_quote = c == '"' || c == '\'';
    if (quote_ == '\0' &&
        (c == '\\' || rest.starts_with("# type:") ||
         (is_quote && rest.substr(0, 3) == std::string(3, c)))) {
      throw std::runtime_error("its code has '" +
                               std::string(rest.substr(0, 7)) +
                               "', which PyTorch does not write");
    }
  }

  void take(char c) {
    constexpr std::string_view kOpen = "([{", kClose = ")]}",
                               kOperators = "+-*/%@~&|^<>=!.:\"'";
    if (c == '\n' && chains_.size() == 1) chains_ = {0};
    const bool is_blank =
        c != '\n' && std::isspace(static_cast<unsigned char>(c)) != 0;
    // To find the next word, a lexer descends once for each line without any.
    if (c == '\n' && ++empty_lines_ > kMostEmptyLines) {
      throw std::runtime_error("its code has too many empty lines");
    }
    if (c != '\n' && !is_blank) empty_lines_ = 0;
    starts_line_ = c == '\n' || (starts_line_ && is_blank);
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
    } else if (is_blank && !starts_line_) {
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
  size_t empty_lines_ = 0;
};

/// All code and words of an archive are less than this together.
constexpr uint64_t kMostText = uint64_t{64} << 20;

/// A walk over all paths, as one over a module's parts goes.
void check_visits(const Pickle& root) {
  Budget visits(10'000'000);
  std::vector<const Pickle*> stack = {&root};
  while (!stack.empty()) {
    const Pickle& value = *stack.back();
    stack.pop_back();
    visits.spend(1 + value.items.size());
    stack.insert(stack.end(), value.items.begin(), value.items.end());
  }
}

/// Values in values, as an unpickler that makes and frees objects of them
/// descends, also in those that are in no use.
class DepthCheck {
 public:
  void check(const std::deque<Pickle>& values) {
    for (const Pickle& value : values) measure(value, 0);
  }

 private:
  static constexpr size_t kDeepest = 500;

  size_t measure(const Pickle& value, size_t above) {
    if (value.items.empty()) return 0;
    const auto [place, is_new] = heights_.emplace(&value, kDeepest);
    size_t& height = place->second;  // Until it is known, too high: a circle.
    if (is_new && above < kDeepest) {
      size_t most = 0;
      for (const auto* item : value.items) {
        most = std::max(most, measure(*item, above + 1));
      }
      height = most + 1;
    }
    if (height >= kDeepest) {
      throw std::runtime_error("values nested too deeply");
    }
    return height;
  }

  std::unordered_map<const Pickle*, size_t> heights_;
};

PickleReader read_program(std::span<const uint8_t> bytes) {
  PickleReader reader(bytes);
  reader.expect_program();
  check_visits(reader.read());
  DepthCheck().check(reader.values());
  // Names of types are parsed as code is: List[List[…]].
  for (const auto* type : reader.types()) NestingCheck().check(type->text);
  return reader;
}

/// LibTorch's table of the storages' types has those alone.
void check_type(const Pickle& storage) {
  const auto& name = storage.layout->type_name;
  if (storage.layout->type && name.starts_with("torch.") &&
      name.rfind('.') == name.find('.')) {
    return;
  }
  throw std::runtime_error("a storage of type " + name +
                           ", which TorchScript has not");
}

void check_pickle(const ZipFile& zip, const std::string& name) {
  if (!zip.has(name + ".pkl")) {
    throw std::runtime_error("lacks its record " + name +
                             ".pkl, so is no TorchScript archive");
  }
  const auto bytes = read_zip_pickle(zip, name + ".pkl");
  const auto reader = read_program(bytes);
  for (const auto* storage : reader.storages()) {
    check_type(*storage);
    require_stored(*storage, zip.at(name + "/" + storage->text).size);
  }
  for (const auto* tensor : reader.tensors()) {
    require_within(*tensor,
                   zip.at(name + "/" + tensor->items.front()->text).size);
  }
}

/// LibTorch finds records whatever the case of their names.
std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return name;
}

void check_records(const ZipFile& zip) {
  std::set<std::string> names;
  uint64_t total = 0;
  for (const auto& record : zip.records()) {
    const auto name = lower(record.name);
    if (!names.insert(name).second) {
      throw std::runtime_error("holds " + record.name + " twice");
    }
    if (name.ends_with("/model.json")) {
      throw std::runtime_error(
          "of PyTorch 1.0; load it in Python, and save it with today's");
    }
    // Where its lines come from, for LibTorch's error messages.
    const bool is_origin = name.ends_with(".debug_pkl");
    if (!is_origin && !name.ends_with(".py")) continue;
    total = checked_add(total, record.size);
    if (total > kMostText) throw std::runtime_error("its code is too long");
    const auto bytes = zip.text(record, kMostText);
    if (is_origin) {
      read_program(bytes);
    } else {
      NestingCheck().check(
          {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
  }
}

}  // namespace

void check_program(const std::filesystem::path& path) {
  try {
    const auto file = InputFile::open(path);
    const ZipFile zip(file);
    require_memory(file->size());
    zip.check(kMostText);
    check_records(zip);
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
