#include "tools/train/run_lock.h"

#include <string>

#include "tools/error.h"

namespace skipzoo {

RunLock::RunLock(const std::filesystem::path& folder)
    : file_(folder / ".skipzoo-lock", [&](const std::string& holder) {
        throw FileError(folder, "is being written by " + holder +
                                    "; let that end first, or choose another "
                                    "folder by -o");
      }) {}

}  // namespace skipzoo
