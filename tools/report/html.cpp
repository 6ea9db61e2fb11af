#include "tools/report/html.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>

namespace skipzoo {

std::string cat(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const auto part : parts) {
    text.append(part);
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string number(double value, int digits) {
  const bool decimals = digits >= 0 && !(std::abs(value) >= 1e9);
  const auto format =
      decimals ? std::chars_format::fixed : std::chars_format::general;
  char text[64];
  return {text, std::to_chars(text, std::end(text), value, format,
                              decimals ? digits : 4)
                    .ptr};
}

std::string percent(double value) {
  return number(value, 2) + (std::isfinite(value) ? "%" : "");
}

std::string folded(std::string_view name, bool open, std::string_view content) {
  return cat({"<section class=\"card\"><details", open ? " open" : "",
              "><summary>", name, "</summary>", content,
              "</details></section>\n"});
}

std::string table(std::string_view style, std::string_view caption,
                  std::string_view head, std::string_view body) {
  return cat({"<div class=\"scroll\" tabindex=\"0\"><table class=\"", style,
              "\"><caption>", caption, "</caption><thead><tr>", head,
              "</tr></thead>\n<tbody>", body, "</tbody></table></div>\n"});
}

std::string header_cells(const std::vector<std::string_view>& names) {
  std::string html;
  for (const auto name : names) {
    html += cat({"<th scope=\"col\"", html.empty() ? " class=\"name\">" : ">",
                 name, "</th>"});
  }
  return html;
}

std::string cell(const std::string& text) {
  return cat({"<td>", text, "</td>"});
}

std::string fact(std::string_view name, std::string_view value,
                 std::string_view note) {
  return cat({"<div class=\"card fact\"><span class=\"soft\">", name,
              "</span><b>", value, "</b><span class=\"soft\">", note,
              "</span></div>\n"});
}

std::string data_uri(std::string_view type, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string uri = cat({"data:", type, ";base64,"});
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const auto three = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits <<= 8;
      if (i < three.size()) bits |= static_cast<uint8_t>(three[i]);
    }
    for (size_t i = 0; i < 4; ++i) {
      uri += i <= three.size() ? kDigits[(bits >> (18 - 6 * i)) & 63] : '=';
    }
  }
  return uri;
}

std::string configuration(std::string_view yaml) {
  return folded("Configuration", false,
                cat({"<pre>", escaped(yaml), "</pre>"}));
}

}  // namespace skipzoo
