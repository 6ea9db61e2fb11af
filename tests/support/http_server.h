#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace skipzoo {

/// What a client asks for.
struct HttpRequest {
  std::string line;                            ///< "GET /file HTTP/1.1".
  std::map<std::string, std::string> headers;  ///< Names in small letters.

  /// The header's value; empty where there is none.
  std::string header(const std::string& name) const;
  /// Where "bytes=100-" begins; 0 without it.
  size_t from() const;
};

/// What it gets.
struct HttpReply {
  std::string status = "200 OK";
  std::vector<std::string> headers = {};  ///< "ETag: \"a\"".
  std::string body = {};
  /// Bytes of the body after which the connection is closed; npos: all come.
  size_t cut_after = std::string::npos;
  /// Then nothing more comes, and the connection stays.
  bool hangs = false;
};

/// A server on 127.0.0.1 that answers by a function, one connection after the
/// other, from a thread of its own. Each request is one connection.
class HttpServer {
 public:
  using Answer = std::function<HttpReply(const HttpRequest&)>;

  explicit HttpServer(Answer answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:<port>/" and what follows.
  std::string address(const std::string& rest = "") const;
  /// Those that came so far.
  std::vector<HttpRequest> requests() const;

 private:
  void serve();
  void answer_one(int connection);

  Answer answer_;
  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> ends_{false};
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::vector<int> hanging_;  ///< Connections, closed at the end.
  std::thread thread_;
};

/// A reply with a file, or the part that was asked for, with its length and an
/// ETag.
HttpReply file_reply(const HttpRequest& request, const std::string& content);

}  // namespace skipzoo
