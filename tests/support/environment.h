#pragma once

#include <stdlib.h>

#include <optional>
#include <string>

namespace skipzoo {

/// A variable of this process, and of those it starts, while this stands.
class Variable {
 public:
  /// Without a value it is not set.
  Variable(const char* name, const std::optional<std::string>& value)
      : name_(name) {
    if (const char* old = ::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    if (value) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace skipzoo
