#include <spdlog/spdlog.h>

namespace {

/// Before the first test: runs of the trainer log, and a test's output is for
/// what fails.
const bool quiet = [] {
  spdlog::set_level(spdlog::level::err);
  return true;
}();

}  // namespace
