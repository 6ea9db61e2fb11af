#include <memory>

#include "tools/cli/commands.h"
#include "tools/cli/progress_bar.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

void add_fetch_options(CLI::App& command, FetchOptions& fetch) {
  command.add_flag("--offline", fetch.offline,
                   "Fetch no published weights; also SKIPZOO_OFFLINE=1");
  show_fetching(fetch);
}

void show_fetching(FetchOptions& fetch) {
  fetch.download.progress = [](const std::string& file) -> Progress {
    auto bar = std::make_shared<ProgressBar>();
    return [bar, file](int64_t done, int64_t all) {
      bar->update_bytes(file, done, all);
    };
  };
}

}  // namespace skipzoo
