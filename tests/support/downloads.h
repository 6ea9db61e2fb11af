#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/http_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/sha256.h"
#include "tools/weights/download.h"

namespace skipzoo {

/// No two pieces of it are alike, and it takes several writes.
inline std::string some_bytes() {
  std::string bytes(300'000, '\0');
  uint32_t state = 1;
  for (auto& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

/// A file that a server here has, and a folder to fetch it into.
class Downloads : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_fetch()) GTEST_SKIP() << "built without libcurl";
  }
  /// HTTP is allowed, and nothing takes long.
  static DownloadOptions options() {
    return {.http = {.protocols = "http",
                     .redirect_protocols = "http",
                     .connect_within = std::chrono::seconds(5),
                     .stalled_after = std::chrono::seconds(1)},
            .tries = 3,
            .pause = std::chrono::milliseconds(1)};
  }
  Download from(const HttpServer& server) const {
    return {.address = server.address("net.pth"),
            .to = to,
            .sha256 = sha256(content).substr(0, 8)};
  }
  std::string error_of(const HttpServer& server,
                       const DownloadOptions& chosen = options()) const {
    return words_of_error([&] { download(from(server), chosen); });
  }
  /// The file, and nothing beside it.
  void expect_whole() const {
    EXPECT_TRUE(read_text(to) == content);
    EXPECT_EQ(entries(), 1);
  }
  int64_t entries() const {
    return std::distance(std::filesystem::directory_iterator(to.parent_path()),
                         std::filesystem::directory_iterator());
  }

  const std::string content = some_bytes();
  TemporaryFolder folder;
  const std::filesystem::path to = folder / "hub/net.pth";
  const std::filesystem::path part = folder / "hub/net.pth.part";
};

}  // namespace skipzoo
