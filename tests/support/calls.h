#pragma once

#include <ATen/record_function.h>

#include <memory>
#include <string_view>

namespace skipzoo {

/// How often an operator of this name begins on this thread.
class Calls {
 public:
  explicit Calls(std::string_view name) {
    count() = 0;
    wanted() = name;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function)
                                       -> std::unique_ptr<at::ObserverContext> {
          if (function.name() == wanted()) ++count();
          return nullptr;
        }));
  }
  ~Calls() { at::removeCallback(handle_); }
  static int& count() {
    thread_local int count = 0;
    return count;
  }

 private:
  static std::string_view& wanted() {
    thread_local std::string_view wanted;
    return wanted;
  }
  at::CallbackHandle handle_;
};

}  // namespace skipzoo
