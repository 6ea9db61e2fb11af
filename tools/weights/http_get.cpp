#include "tools/weights/http_get.h"

#ifdef SKIPZOO_HAS_CURL

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>

namespace skipzoo {

namespace {

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

template <typename Value>
void set(CURL* curl, CURLoption option, Value value) {
  const auto code = curl_easy_setopt(curl, option, value);
  if (code != CURLE_OK) {
    throw std::runtime_error(std::string("libcurl: ") +
                             curl_easy_strerror(code));
  }
}

template <typename Value>
Value told(CURL* curl, CURLINFO what) {
  Value value{};
  curl_easy_getinfo(curl, what, &value);
  return value;
}

long status_of(CURL* curl) { return told<long>(curl, CURLINFO_RESPONSE_CODE); }

/// Whether what follows is the file, or the part that was asked for.
bool is_of_file(long status) { return status == 200 || status == 206; }

std::string_view trimmed_header(std::string_view text) {
  const auto is_blank = [](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The value of a header's line where it is of that name, in small letters.
std::optional<std::string_view> header_value(std::string_view line,
                                             std::string_view name) {
  const auto colon = line.find(':');
  if (colon != name.size()) return std::nullopt;
  const bool same = std::equal(
      name.begin(), name.end(), line.begin(), [](char wanted, char given) {
        return std::tolower(static_cast<unsigned char>(given)) == wanted;
      });
  if (!same) return std::nullopt;
  return trimmed_header(line.substr(colon + 1));
}

/// One answer, as libcurl hands it over.
struct Answer {
  const HttpGet& what;
  CURL* curl;
  bool has_begun = false;
  bool is_bad_range = false;
  std::string validator = {};
  std::string range = {};
  std::exception_ptr thrown = {};

  void take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // Of a redirect there is one for each.
      validator.clear();
      range.clear();
    } else if (const auto tag = header_value(line, "etag")) {
      // A weak one (W/"…") does not promise the same bytes.
      if (tag->starts_with('"')) validator = *tag;
    } else if (const auto part = header_value(line, "content-range")) {
      range = *part;
    }
  }

  /// False: nothing of this is wanted.
  bool begin() {
    has_begun = true;
    const auto length =
        told<curl_off_t>(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    if (!is_of_file(status_of(curl))) return false;
    if (status_of(curl) == 200) {
      what.begin(0, std::max<int64_t>(length, 0));
      return true;
    }
    long long start = -1, size = 0;  // Of "bytes 100-199/200".
    std::sscanf(range.c_str(), "bytes %lld-%*d/%lld", &start, &size);
    is_bad_range = start != what.from;
    if (!is_bad_range) what.begin(start, size);
    return !is_bad_range;
  }

  /// How much was taken; less than all ends the request.
  size_t take_body(std::string_view bytes) noexcept {
    try {
      if (!has_begun && !begin()) return 0;
      what.write(bytes);
      return bytes.size();
    } catch (...) {
      thrown = std::current_exception();
      return 0;
    }
  }
};

size_t on_header(char* text, size_t one, size_t count, void* answer) {
  try {
    static_cast<Answer*>(answer)->take_header({text, one * count});
  } catch (...) {
    static_cast<Answer*>(answer)->thrown = std::current_exception();
    return 0;
  }
  return one * count;
}

size_t on_body(char* bytes, size_t one, size_t count, void* answer) {
  return bytes == nullptr
             ? 0
             : static_cast<Answer*>(answer)->take_body({bytes, one * count});
}

#if LIBCURL_VERSION_NUM < 0x075500  // 7.85 took to words.
long bits_of(const std::string& protocols) {
  long bits = 0;
  if (protocols.find("https") != std::string::npos) bits |= CURLPROTO_HTTPS;
  if (protocols.starts_with("http,") || protocols == "http") {
    bits |= CURLPROTO_HTTP;
  }
  return bits;
}
#endif

void set_protocols(CURL* curl, const HttpOptions& options) {
#if LIBCURL_VERSION_NUM < 0x075500
  set(curl, CURLOPT_PROTOCOLS, bits_of(options.protocols));
  set(curl, CURLOPT_REDIR_PROTOCOLS, bits_of(options.redirect_protocols));
#else
  set(curl, CURLOPT_PROTOCOLS_STR, options.protocols.c_str());
  set(curl, CURLOPT_REDIR_PROTOCOLS_STR, options.redirect_protocols.c_str());
#endif
}

/// The library itself reads the variables of proxies, but not these.
void set_certificates(CURL* curl) {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(name);
    if (file == nullptr || *file == '\0') continue;
    set(curl, CURLOPT_CAINFO, file);
    return;
  }
}

CurlList headers_of(const HttpGet& what) {
  CurlList list(nullptr, &curl_slist_free_all);
  if (what.from > 0 && !what.validator.empty()) {
    list.reset(
        curl_slist_append(nullptr, ("If-Range: " + what.validator).c_str()));
  }
  return list;
}

void set_request(CURL* curl, const HttpGet& what, const HttpOptions& options) {
  set(curl, CURLOPT_URL, what.address.c_str());
  set_protocols(curl, options);
  set_certificates(curl);
  set(curl, CURLOPT_USERAGENT, "skipzoo");
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_FOLLOWLOCATION, 1L);
  set(curl, CURLOPT_MAXREDIRS, 10L);
  set(curl, CURLOPT_FAILONERROR, 1L);
  set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(curl, CURLOPT_CONNECTTIMEOUT,
      static_cast<long>(options.connect_within.count()));
  set(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(curl, CURLOPT_LOW_SPEED_TIME,
      static_cast<long>(options.stalled_after.count()));
  if (what.from > 0) {
    set(curl, CURLOPT_RANGE, (std::to_string(what.from) + "-").c_str());
  }
}

void set_answer(CURL* curl, Answer& answer) {
  set(curl, CURLOPT_HEADERFUNCTION, &on_header);
  set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&answer));
  set(curl, CURLOPT_WRITEFUNCTION, &on_body);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&answer));
}

bool is_among(long one, std::initializer_list<long> all) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool may_pass(CURLcode code, long status) {
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    return status == 408 || status == 429 || status >= 500;
  }
  return is_among(code,
                  {CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
                   CURLE_GOT_NOTHING, CURLE_OPERATION_TIMEDOUT, CURLE_HTTP2,
                   CURLE_HTTP2_STREAM, CURLE_COULDNT_CONNECT,
                   CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY});
}

std::string words_of_status(long status) {
  return "the server answers with HTTP status " + std::to_string(status);
}

std::string words_of_curl(CURL* curl, CURLcode code, const char* details,
                          const HttpOptions& options) {
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    return words_of_status(status_of(curl));
  }
  if (code == CURLE_UNSUPPORTED_PROTOCOL) {
    return told<long>(curl, CURLINFO_REDIRECT_COUNT) > 0
               ? "the server points on to an address that is not " +
                     options.redirect_protocols
               : "the address is not " + options.protocols;
  }
  return *details != '\0' ? details : curl_easy_strerror(code);
}

/// Its first use in a process is no matter of several threads then.
void start_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    throw std::runtime_error(std::string("libcurl: ") +
                             curl_easy_strerror(code));
  }
}

}  // namespace

bool can_fetch() { return true; }

HttpResult http_get(const HttpGet& what, const HttpOptions& options) {
  start_curl();
  const Curl curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw std::runtime_error("libcurl cannot be started");
  Answer answer{.what = what, .curl = curl.get()};
  std::array<char, CURL_ERROR_SIZE> details{};
  const CurlList headers = headers_of(what);
  set_request(curl.get(), what, options);
  set_answer(curl.get(), answer);
  set(curl.get(), CURLOPT_ERRORBUFFER, details.data());
  if (headers) set(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl.get());
  if (answer.thrown) std::rethrow_exception(answer.thrown);
  const long status = status_of(curl.get());
  HttpResult result = {
      .error = code == CURLE_OK
                   ? ""
                   : words_of_curl(curl.get(), code, details.data(), options),
      .reached = told<curl_off_t>(curl.get(), CURLINFO_PRETRANSFER_TIME_T) > 0,
      .may_pass = may_pass(code, status),
      .is_bad_range = answer.is_bad_range || status == 416,
      .validator = is_of_file(status) ? answer.validator : ""};
  const bool has_answered = code == CURLE_OK || code == CURLE_WRITE_ERROR;
  if (has_answered && !is_of_file(status)) {
    result.error = words_of_status(status);
  } else if (answer.is_bad_range) {
    result.error = "the server sends another part than it was asked for";
  }
  return result;
}

}  // namespace skipzoo

#else

namespace skipzoo {

bool can_fetch() { return false; }

HttpResult http_get(const HttpGet&, const HttpOptions&) {
  return {.error = "this skipzoo was built without libcurl"};
}

}  // namespace skipzoo

#endif
