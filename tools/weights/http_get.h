#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace skipzoo {

/// What a request over HTTP keeps to.
struct HttpOptions {
  /// Which protocols an address may have, and those a server points on to, in
  /// libcurl's words ("https", "http,https"). Anything but https is for tests.
  std::string protocols = "https";
  std::string redirect_protocols = "https";
  std::chrono::seconds connect_within{30};
  /// Without a byte for so long a connection is given up.
  std::chrono::seconds stalled_after{30};
};

/// A file that is asked for.
struct HttpGet {
  std::string address;
  /// Asks for the bytes from here on.
  int64_t from = 0;
  /// What those before were of, as HttpResult::validator: of anything else the
  /// whole comes. Empty: not known.
  std::string validator = {};
  /// Called once, before any byte: whether they begin at `from` or at 0, and
  /// the size of the whole file, 0 where the server does not say. It may throw,
  /// as `write` may: that ends the request, and is thrown on.
  std::function<void(int64_t start, int64_t size)> begin = {};
  std::function<void(std::string_view bytes)> write = {};
};

/// How that ended.
struct HttpResult {
  std::string error =
      {};  ///< In words; empty: all that was asked for has come.
  /// Whether the server was reached at all.
  bool reached = false;
  /// Whether the same request may do better in a moment: the connection was
  /// cut, or the server is busy.
  bool may_pass = false;
  /// There is nothing from there on, or the server said something else than it
  /// was asked for: the whole has to be asked for.
  bool is_bad_range = false;
  /// Of the file that the server has (its ETag); empty where it says none.
  std::string validator = {};
};

/// Whether this build has libcurl. Without it http_get() is refused.
bool can_fetch();

/// GET by libcurl, with redirects followed and the proxies and certificates
/// that the environment names (https_proxy, no_proxy, CURL_CA_BUNDLE,
/// SSL_CERT_FILE, as curl itself reads them). Throws what `begin` and `write`
/// throw; all else is told by the result.
HttpResult http_get(const HttpGet& what, const HttpOptions& options = {});

}  // namespace skipzoo
