#include "tools/report/confusion.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tools/report/figures.h"
#include "tools/report/html.h"

namespace skipzoo {
namespace {

/// The confusion matrix as a square one, with its sums and escaped names.
struct Confusion {
  explicit Confusion(const RunReport& report);
  double share(size_t of, size_t as) const {
    return images[of] == 0 ? 0
                           : static_cast<double>(counts[of][as]) /
                                 static_cast<double>(images[of]);
  }

  std::vector<std::vector<int64_t>> counts;
  std::vector<int64_t> images;     ///< By true class.
  std::vector<int64_t> predicted;  ///< By predicted class.
  std::vector<std::string> names;
};

Confusion::Confusion(const RunReport& report) : counts(report.confusion) {
  size_t size = counts.size();
  for (const auto& row : counts) {
    size = std::max(size, row.size());
  }
  counts.resize(size);
  images.resize(size);
  predicted.resize(size);
  for (size_t of = 0; of < size; ++of) {
    counts[of].resize(size);
    names.push_back(of < report.classes.size() ? escaped(report.classes[of])
                                               : "class " + std::to_string(of));
    for (size_t as = 0; as < size; ++as) {
      images[of] += counts[of][as];
      predicted[as] += counts[of][as];
    }
  }
}

std::string matrix(const Confusion& confusion, const std::string& of_epoch) {
  const auto& names = confusion.names;
  std::string head = "<th scope=\"col\" class=\"name\">true \\ taken for</th>";
  std::string body;
  for (size_t of = 0; of < names.size(); ++of) {
    head += cat({"<th scope=\"col\"><span>", names[of], "</span></th>"});
    body += cat({"<tr><th scope=\"row\">", names[of], "</th>"});
    for (size_t as = 0; as < names.size(); ++as) {
      const auto count = std::to_string(confusion.counts[of][as]);
      if (confusion.counts[of][as] == 0) {
        body += "<td class=\"zero\">0</td>";
        continue;
      }
      // Mistakes are few: the root lets them be seen.
      const double share = confusion.share(of, as);
      const double shade = of == as ? share : std::sqrt(share);
      body += cat({"<td class=\"", of == as ? "hit" : "miss",
                   shade > 0.75 ? " strong" : "",
                   "\" style=\"--s:", number(shade, 2), "\" title=\"",
                   names[of], " taken for ", names[as], ": ",
                   percent(100 * share), "\">", count, "</td>"});
    }
    body += "</tr>\n";
  }
  return cat({"<section class=\"card\"><h2>Confusion matrix", of_epoch,
              "</h2><p>A row is a ",
              "true class, a column a prediction; the stronger its ",
              "colour, the larger its share of the row.</p>",
              table("map", cat({"Confusion matrix", of_epoch}), head, body),
              "</section>\n"});
}

std::string frequent_confusions(const Confusion& confusion,
                                const std::string& of_epoch) {
  const auto& names = confusion.names;
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t of = 0; of < names.size(); ++of) {
    for (size_t as = 0; as < names.size(); ++as) {
      if (of != as && confusion.counts[of][as] > 0) {
        pairs.emplace_back(of, as);
      }
    }
  }
  std::ranges::stable_sort(pairs, std::greater(), [&](const auto& pair) {
    return confusion.counts[pair.first][pair.second];
  });
  pairs.resize(std::min<size_t>(pairs.size(), 20));
  std::string body;
  for (const auto& [of, as] : pairs) {
    body += cat({"<tr><th scope=\"row\">", names[of], "</th>", cell(names[as]),
                 cell(std::to_string(confusion.counts[of][as])),
                 cell(percent(100 * confusion.share(of, as))), "</tr>\n"});
  }
  return folded(
      cat({"Most frequent confusions", of_epoch}), true,
      table("rows", "Most frequent confusions",
            header_cells({"True class", "Taken for", "Images", "Of the class"}),
            body));
}

std::string ratio_cell(int64_t part, int64_t whole) {
  if (whole == 0) {
    return "<td>–</td>";
  }
  const auto text =
      percent(100 * static_cast<double>(part) / static_cast<double>(whole));
  return cat({"<td class=\"bar\" style=\"--s:", text, "\">", text, "</td>"});
}

std::string per_class(const Confusion& confusion, const std::string& of_epoch) {
  std::string body;
  for (size_t i = 0; i < confusion.names.size(); ++i) {
    const auto hits = confusion.counts[i][i];
    body +=
        cat({"<tr><th scope=\"row\">", confusion.names[i], "</th>",
             cell(std::to_string(confusion.images[i])),
             ratio_cell(hits, confusion.predicted[i]),
             ratio_cell(hits, confusion.images[i]),
             ratio_cell(2 * hits, confusion.predicted[i] + confusion.images[i]),
             "</tr>\n"});
  }
  return folded(
      cat({"Precision, recall and F1 by class", of_epoch}),
      confusion.names.size() <= 20,
      table("rows", "Precision, recall and F1 by class",
            header_cells({"Class", "Images", "Precision", "Recall", "F1"}),
            body));
}

}  // namespace

std::string confusions(const RunReport& report) {
  const Confusion confusion(report);
  if (confusion.names.empty()) {
    return "";
  }
  const auto epoch = whose(report);
  return cat({"<div class=\"beside\">",
              confusion.names.size() <= 100
                  ? matrix(confusion, epoch)
                  : frequent_confusions(confusion, epoch),
              per_class(confusion, epoch), "</div>\n"});
}

}  // namespace skipzoo
