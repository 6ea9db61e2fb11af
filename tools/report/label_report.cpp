#include "tools/report/label_report.h"

#include "tools/report/figures.h"
#include "tools/report/html.h"

namespace skipzoo {
namespace {

std::string share_cell(double share) {
  const auto text = percent(100 * share);
  return cat({"<td class=\"bar\" style=\"--s:", text, "\">", text, "</td>"});
}

}  // namespace

std::string labels_by_class(const RunReport& report) {
  if (report.labels.empty()) return "";
  std::string body;
  for (size_t c = 0; c < report.labels.size(); ++c) {
    const auto& one = report.labels[c];
    const auto name = c < report.classes.size() ? escaped(report.classes[c])
                                                : "class " + std::to_string(c);
    const bool is_there = one.images > 0;
    const auto figure = [&](double share) {
      return is_there ? share_cell(share) : std::string("<td>–</td>");
    };
    body +=
        cat({"<tr><th scope=\"row\">", name, "</th>",
             cell(std::to_string(one.images)), figure(one.average_precision),
             cell(number(one.threshold, 3)), figure(one.precision),
             figure(one.recall), figure(one.f1), "</tr>\n"});
  }
  const auto head = header_cells({"Class", "Images", "Average precision",
                                  "Threshold", "Precision", "Recall", "F1"});
  return cat({"<section class=\"card\"><h2>Labels by class", whose(report),
              "</h2><p>Several labels a picture: precision, recall and F1 are ",
              "of a threshold on the probability, for each class ",
              report.are_thresholds_of_network
                  ? "that of the network, from its validation"
                  : "the one where F1 is highest",
              ".</p>", table("rows", "Labels by class", head, body),
              "</section>\n"});
}

}  // namespace skipzoo
