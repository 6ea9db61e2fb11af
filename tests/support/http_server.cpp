#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace skipzoo {

namespace {

/// To the blank line that ends it; less where the client goes.
std::string request_text(int connection) {
  std::string text;
  std::array<char, 4096> piece;
  while (text.find("\r\n\r\n") == std::string::npos) {
    const auto count = ::recv(connection, piece.data(), piece.size(), 0);
    if (count <= 0) break;
    text.append(piece.data(), static_cast<size_t>(count));
  }
  return text;
}

HttpRequest parsed(const std::string& text) {
  HttpRequest request;
  size_t start = 0;
  for (size_t end = text.find("\r\n"); end != std::string::npos && end > start;
       start = end + 2, end = text.find("\r\n", start)) {
    const auto line = text.substr(start, end - start);
    const auto colon = line.find(": ");
    if (start == 0) {
      request.line = line;
    } else if (colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      request.headers[name] = line.substr(colon + 2);
    }
  }
  return request;
}

void send_all(int connection, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto count =
        ::send(connection, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (count <= 0) return;
    at += static_cast<size_t>(count);
  }
}

}  // namespace

std::string HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

size_t HttpRequest::from() const {
  const auto range = header("range");
  const std::string start = "bytes=";
  return range.starts_with(start) ? std::stoul(range.substr(start.size())) : 0;
}

HttpServer::HttpServer(Answer answer) : answer_(std::move(answer)) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(place);
  if (::bind(socket_, reinterpret_cast<sockaddr*>(&place), size) != 0 ||
      ::listen(socket_, 16) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&place), &size) != 0) {
    throw std::runtime_error("no server on 127.0.0.1 here");
  }
  port_ = ntohs(place.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ends_ = true;
  ::shutdown(socket_, SHUT_RDWR);
  thread_.join();
  ::close(socket_);
  for (const int connection : hanging_) ::close(connection);
}

std::string HttpServer::address(const std::string& rest) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + rest;
}

std::vector<HttpRequest> HttpServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void HttpServer::serve() {
  while (!ends_) {
    const int connection = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) answer_one(connection);
  }
}

void HttpServer::answer_one(int connection) {
  const auto request = parsed(request_text(connection));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(request);
  }
  const HttpReply reply = answer_(request);
  std::string head = "HTTP/1.1 " + reply.status + "\r\nConnection: close\r\n";
  for (const auto& header : reply.headers) head += header + "\r\n";
  send_all(connection, head + "\r\n" + reply.body.substr(0, reply.cut_after));
  if (reply.hangs) {
    hanging_.push_back(connection);
  } else {
    ::close(connection);
  }
}

HttpReply file_reply(const HttpRequest& request, const std::string& content) {
  const size_t from = request.from();
  HttpReply reply = {.headers = {"ETag: \"one\""}, .body = content};
  if (from >= content.size()) {
    return {.status = "416 Range Not Satisfiable",
            .headers = {"Content-Range: bytes */" +
                        std::to_string(content.size())}};
  }
  if (!request.header("range").empty()) {
    reply.status = "206 Partial Content";
    reply.body = content.substr(from);
    reply.headers.push_back("Content-Range: bytes " + std::to_string(from) +
                            "-" + std::to_string(content.size() - 1) + "/" +
                            std::to_string(content.size()));
  }
  reply.headers.push_back("Content-Length: " +
                          std::to_string(reply.body.size()));
  return reply;
}

}  // namespace skipzoo
