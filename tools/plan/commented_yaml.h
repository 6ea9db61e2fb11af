#pragma once

#include <algorithm>
#include <string>

#include "tools/config/fields.h"
#include "tools/printable.h"

namespace skipzoo {

/// Lines of YAML, each with a word behind it.
class CommentedYaml {
 public:
  void comment(const std::string& text) {
    text_ += "# " + printable(text) + "\n";
  }
  /// A section's name; the lines that follow are in it.
  void section(const std::string& name, const std::string& why = "") {
    indent_ = 0;
    line(name + ":", why);
    indent_ = 2;
  }
  void subsection(const std::string& name) {
    line(name + ":");
    indent_ = 4;
  }
  void end_subsection() { indent_ = 2; }

  template <typename T>
  void key(const std::string& name, const T& value,
           const std::string& why = "") {
    line(name + ": " + to_text(value), why);
  }
  void line(const std::string& yaml, const std::string& why = "") {
    constexpr size_t kColumn = 30;
    std::string line = std::string(indent_, ' ') + yaml;
    if (!why.empty()) {
      line.resize(std::max(line.size() + 2, kColumn), ' ');
      line += "# " + why;
    }
    text_ += line + "\n";
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  size_t indent_ = 0;
};

}  // namespace skipzoo
