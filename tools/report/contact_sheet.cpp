#include "tools/report/contact_sheet.h"

#include "tools/report/html.h"

namespace skipzoo {

namespace {

std::string facts_on(const ContactSheet& sheet) {
  std::string html = "<div class=\"grid\">\n";
  for (const auto& [name, value] : sheet.facts) html += fact(name, value, "");
  return html + "</div>\n";
}

std::string counts_on(const ContactSheet& sheet) {
  std::vector<std::string_view> head = {"Class"};
  head.insert(head.end(), sheet.splits.begin(), sheet.splits.end());
  std::string body;
  for (const auto& one : sheet.classes) {
    body += cat({"<tr><th scope=\"row\">", escaped(one.name), "</th>"});
    for (const int64_t count : one.counts) body += cell(std::to_string(count));
    body += "</tr>\n";
  }
  return folded(
      "Pictures of each class", sheet.classes.size() <= 20,
      table("rows", "Pictures of each class", header_cells(head), body));
}

std::string pictures_on(const ContactSheet& sheet) {
  std::string html;
  for (const auto& one : sheet.classes) {
    if (one.pictures.empty()) continue;
    std::string row;
    for (const auto& picture : one.pictures) {
      const auto name = escaped(picture.name);
      row += cat({"<img alt=\"", name, "\" title=\"", name, "\" src=\"",
                  data_uri("image/jpeg", picture.jpeg), "\">\n"});
    }
    html += cat({"<section class=\"card\"><h2>", escaped(one.name),
                 "</h2><div class=\"thumbs\">", row, "</div></section>\n"});
  }
  return html;
}

std::string remarks_on(std::string_view title,
                       const std::vector<Remark>& remarks) {
  if (remarks.empty()) return "";
  std::string body;
  for (const auto& one : remarks) {
    body += cat({"<tr><th scope=\"row\">", escaped(one.name), "</th><td>",
                 escaped(one.text), "</td></tr>\n"});
  }
  return folded(
      cat({title, ": ", std::to_string(remarks.size())}), true,
      table("rows", title, header_cells({"Picture", "What it is"}), body));
}

}  // namespace

std::string contact_sheet_page(const ContactSheet& sheet) {
  return page(
      sheet.title, sheet.summary,
      cat({facts_on(sheet), remarks_on("Unreadable", sheet.unreadable),
           remarks_on("Copies", sheet.copies), remarks_on("Odd", sheet.odd),
           counts_on(sheet), pictures_on(sheet)}));
}

}  // namespace skipzoo
