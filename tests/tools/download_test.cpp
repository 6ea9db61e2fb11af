// Files from a server on this machine that does what networks do: cuts, stalls,
// points elsewhere, sends something else.

#include "tools/weights/download.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/downloads.h"
#include "tests/support/expect_words.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

TEST_F(Downloads, BringAFileOnceAndTellHowFarItIs) {
  HttpServer server(
      [&](const auto& request) { return file_reply(request, content); });
  auto watched = options();
  std::string name;
  std::vector<std::pair<int64_t, int64_t>> seen;
  watched.progress = [&](const std::string& file) -> Progress {
    name = file;
    return [&](int64_t done, int64_t all) { seen.emplace_back(done, all); };
  };
  download(from(server), watched);
  expect_whole();
  EXPECT_EQ(name, "net.pth");
  EXPECT_EQ(seen.back(), std::make_pair(int64_t{300'000}, int64_t{300'000}));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  download(from(server), watched);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Downloads, GoOnWhereTheyWereCut) {
  HttpServer server([&](const auto& request) {
    auto reply = file_reply(request, content);
    reply.cut_after = 120'000;
    return reply;
  });
  // 120,000 bytes, 120,000 and the rest.
  download(from(server), options());
  expect_whole();
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].header("range"), "");
  EXPECT_EQ(requests[1].header("range"), "bytes=120000-");
  EXPECT_EQ(requests[1].header("if-range"), "\"one\"");
  EXPECT_EQ(requests[2].header("range"), "bytes=240000-");
}

TEST_F(Downloads, GoOnInAnotherProcess) {
  std::atomic<bool> is_up = false;
  HttpServer server([&](const auto& request) {
    auto reply = file_reply(request, content);
    if (!is_up) reply = {.status = "404 Not Found"};
    if (!is_up && request.from() == 0) {
      reply = file_reply(request, content);
      reply.cut_after = 100'000;
    }
    return reply;
  });
  expect_words(error_of(server),
               "net.pth: cannot be fetched from " + server.address("net.pth") +
                   ": the server answers with HTTP status 404; 0.1 MB of it "
                   "are kept, to go on from");
  EXPECT_TRUE(read_text(part) == content.substr(0, 100'000));
  EXPECT_FALSE(fs::exists(to));
  is_up = true;
  download(from(server), options());
  expect_whole();
  EXPECT_EQ(server.requests().back().from(), 100'000u);
}

TEST_F(Downloads, TakeWhatIsWholeAlready) {
  folder.write("hub/net.pth.part", content);
  HttpServer server([](const auto&) { return HttpReply(); });
  download(from(server), options());
  expect_whole();
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Downloads, BeginAnewWhereAServerHasNoRanges) {
  HttpServer server([&](const auto&) {
    HttpReply reply = {.headers = {"Content-Length: 300000"}, .body = content};
    return reply;
  });
  folder.write("hub/net.pth.part", content.substr(0, 5000));
  download(from(server), options());
  expect_whole();
  EXPECT_EQ(server.requests().size(), 1u);  // That answer was taken.
}

// What an earlier process left, longer than the file or of another one.
TEST_F(Downloads, BeginAnewWhereThePartIsNoneOfTheFile) {
  HttpServer server(
      [&](const auto& request) { return file_reply(request, content); });
  for (const size_t size : {5'000u, 300'000u, 400'000u}) {
    folder.write("hub/net.pth.part", std::string(size, 'x'));
    download(from(server), options());
    expect_whole();
    fs::remove(to);
  }
}

TEST_F(Downloads, BeginAnewWhereTheServersFileHasChanged) {
  bool is_first = true;
  HttpServer server([&](const auto& request) {
    // With another ETag than that of If-Range, the whole.
    HttpReply reply = file_reply({}, content);
    if (is_first) {
      reply.body.assign(content.size(), 'x');
      reply.cut_after = 100'000;
    } else {
      EXPECT_EQ(request.header("if-range"), "\"one\"");
    }
    is_first = false;
    return reply;
  });
  download(from(server), options());
  expect_whole();
}

TEST_F(Downloads, KeepNothingThatIsAnotherFile) {
  HttpServer server([&](const auto& request) {
    return file_reply(request, std::string(1000, 'x'));
  });
  const auto error = error_of(server);
  expect_words(error, "hub/net.pth: what came from " +
                          server.address("net.pth") + " has the SHA-256 " +
                          sha256(std::string(1000, 'x')) + ", expected " +
                          sha256(content).substr(0, 8));
  EXPECT_EQ(entries(), 0);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Downloads, SayWhatTheServerAnswers) {
  std::string status = "404 Not Found";
  HttpServer server([&](const auto&) {
    HttpReply reply = {.status = status, .body = "<html>sorry</html>"};
    return reply;
  });
  expect_words(error_of(server), "the server answers with HTTP status 404");
  EXPECT_EQ(server.requests().size(), 1u);
  status = "503 Service Unavailable";
  expect_words(error_of(server), "HTTP status 503");
  EXPECT_EQ(server.requests().size(), 4u);  // It may pass.
  EXPECT_EQ(entries(), 0);
}

TEST_F(Downloads, FollowRedirectsToAllowedProtocolsAlone) {
  HttpServer server([&](const auto& request) {
    if (request.line.starts_with("GET /there ")) {
      return file_reply(request, content);
    }
    HttpReply reply = {.status = "302 Found",
                       .headers = {"Location: /there", "ETag: \"other\"",
                                   "Content-Length: 0"}};
    return reply;
  });
  auto strict = options();
  strict.http.redirect_protocols = "https";
  expect_words(error_of(server, strict),
               "the server points on to an address that is not https");
  EXPECT_EQ(server.requests().size(), 1u);
  download(from(server), options());
  expect_whole();
}

TEST_F(Downloads, AskNothingByHttpUnlessATestAllowsIt) {
  HttpServer server(
      [&](const auto& request) { return file_reply(request, content); });
  auto usual = DownloadOptions();
  usual.pause = 1ms;
  expect_words(error_of(server, usual), "the address is not https");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Downloads, GiveUpADeadConnection) {
  HttpServer server([&](const auto& request) {
    auto reply = file_reply(request, content);
    reply.cut_after = 0;
    reply.hangs = true;
    return reply;
  });
  folder.write("hub/net.pth.part", content.substr(0, 100'000));
  auto once = options();
  once.tries = 1;
  expect_words(error_of(server, once), "too slow");
  EXPECT_EQ(fs::file_size(part), 100'000u);
}

TEST_F(Downloads, SayThatNobodyIsThere) {
  std::string address;
  {
    HttpServer gone([](const auto&) { return HttpReply(); });
    address = gone.address("net.pth");
  }
  const auto error = words_of_error([&] {
    download({.address = address, .to = to, .sha256 = "00"}, options());
  });
  expect_words(error, "net.pth: cannot be fetched from " + address + ": ");
  EXPECT_EQ(entries(), 0);
}

}  // namespace
}  // namespace skipzoo
