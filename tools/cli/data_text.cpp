
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/cli/data_findings.h"
#include "tools/data/text.h"
#include "tools/printable.h"
#include "tools/report/contact_sheet.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

/// Of each list so many are named; the page and JSON name all.
constexpr size_t kMostNamed = 10;

std::string kinds_text(const DataFindings& found) {
  std::string text;
  for (const auto& [kind, count] : kinds_in(found.splits)) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  }
  return text;
}

void print_classes(const DataFindings& found, std::ostream& out) {
  const auto& classes = found.splits.front().data->classes();
  size_t widest = 5;
  for (const auto& name : classes) widest = std::max(widest, name.size());
  constexpr int kColumn = 12;
  out << std::left << std::setw(static_cast<int>(widest)) << "class"
      << std::right;
  for (const auto& split : found.splits)
    out << std::setw(kColumn) << split.name;
  out << '\n';
  for (size_t c = 0; c < classes.size(); ++c) {
    out << std::left << std::setw(static_cast<int>(widest))
        << printable(classes[c]) << std::right;
    for (const auto& split : found.splits) {
      out << std::setw(kColumn) << split.per_class[c];
    }
    out << '\n';
  }
  out << std::left << std::setw(static_cast<int>(widest)) << "all"
      << std::right;
  for (const auto& split : found.splits) {
    out << std::setw(kColumn) << split.data->size();
  }
  out << '\n';
}

void print_remarks(const std::string& title, const std::vector<Remark>& remarks,
                   std::ostream& out) {
  if (remarks.empty()) return;
  out << title << ": " << remarks.size() << '\n';
  for (size_t i = 0; i < std::min(remarks.size(), kMostNamed); ++i) {
    out << "  " << printable(remarks[i].name) << ": "
        << printable(remarks[i].text) << '\n';
  }
  if (remarks.size() > kMostNamed) {
    out << "  and " << remarks.size() - kMostNamed << " more\n";
  }
}

ordered_json json_of(const std::vector<Remark>& remarks, const char* key) {
  ordered_json list = ordered_json::array();
  for (const auto& one : remarks) {
    list.push_back({{"file", as_utf8(one.name)}, {key, as_utf8(one.text)}});
  }
  return list;
}

ordered_json json_of(const Spread& spread) {
  return {
      {"min", spread.least}, {"median", spread.median}, {"max", spread.most}};
}

ordered_json json_of(const SplitFacts& split) {
  ordered_json classes = ordered_json::object();
  for (size_t c = 0; c < split.per_class.size(); ++c) {
    classes[split.data->classes()[c]] = split.per_class[c];
  }
  return {{"name", split.name},
          {"pictures", split.data->size()},
          {"classes", classes},
          {"classes_without_readable", classes_without_readable(split)}};
}

}  // namespace

std::string data_text(const DataFindings& found) {
  std::ostringstream out;
  print_classes(found, out);
  out << "size: "
      << spread_text(widths_in(found.splits), heights_in(found.splits))
      << " pixels (width x height)\n";
  const auto kinds = kinds_text(found);
  if (!kinds.empty()) out << "kinds: " << kinds << '\n';
  out << "mean: " << numbers_text(found.statistics.mean)
      << ", std: " << numbers_text(found.statistics.std)
      << " of the training pictures\n";
  print_remarks("unreadable", remarks_of_unreadable(found), out);
  for (const auto& split : found.splits) {
    const auto without = classes_without_readable(split);
    if (without.empty()) continue;
    out << "no picture of " << split.name
        << " that can be read: " << printable(quoted_list(without)) << '\n';
  }
  print_remarks("copies", remarks_of_copies(found), out);
  print_remarks("odd", remarks_of_odd(found), out);
  out << (found.why_not.empty() ? "a run would start"
                                : "a run would not start: " + found.why_not)
      << '\n';
  return out.str();
}

std::string data_json(const DataFindings& found) {
  ordered_json json = {{"data", found.named}};
  for (const auto& split : found.splits) {
    json["splits"].push_back(json_of(split));
  }
  json["width"] = json_of(widths_in(found.splits));
  json["height"] = json_of(heights_in(found.splits));
  json["kinds"] = kinds_in(found.splits);
  json["mean"] = found.statistics.mean;
  json["std"] = found.statistics.std;
  json["unreadable"] = json_of(remarks_of_unreadable(found), "error");
  json["odd"] = json_of(remarks_of_odd(found), "why");
  json["copies"] = ordered_json::array();
  for (const auto& copies : found.copies) {
    ordered_json files = ordered_json::array();
    for (const auto& place : copies.pictures) {
      files.push_back({{"file", as_utf8(found.name(place))},
                       {"class", found.class_of(place)},
                       {"split", found.splits[place.split].name}});
    }
    json["copies"].push_back(files);
  }
  json["starts"] = found.why_not.empty();
  if (!found.why_not.empty()) json["why_not"] = as_utf8(found.why_not);
  return json.dump(2) + "\n";
}

}  // namespace skipzoo
