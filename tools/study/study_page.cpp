#include "tools/study/study_page.h"

#include <algorithm>

#include "tools/report/html.h"
#include "tools/study/claims.h"
#include "tools/study/contours.h"
#include "tools/study/layer_map.h"
#include "tools/study/study_curves.h"
#include "tools/study/study_table.h"

namespace skipzoo {

namespace {

std::vector<CellResult> results_of(const StudyReport& report) {
  std::vector<CellResult> results;
  for (const auto& run : report.runs) results.push_back(run.result);
  return results;
}

std::string study_facts(const StudyReport& report) {
  const auto results = results_of(report);
  int64_t epochs = 0, failed = 0;
  for (const auto& result : results) {
    epochs = std::max(epochs, result.epochs);
    failed += result.failure.empty() ? 0 : 1;
  }
  return cat({"<div class=\"grid\">\n",
              fact("Networks trained", std::to_string(results.size()),
                   cat({"of ", std::to_string(report.cells),
                        failed > 0 ? ", " + std::to_string(failed) +
                                         " with a loss that was not finite"
                                   : std::string()})),
              fact("Kinds", std::to_string(groups_of(results).size()),
                   "what goes past a block, and how many layers"),
              fact("Epochs", std::to_string(epochs), "of each"), "</div>\n"});
}

std::string findings_of(const Claim& claim) {
  std::string body;
  for (const auto& [where, outcome, numbers] : claim.findings) {
    const char* sign = outcome == Outcome::kHolds         ? "✓ "
                       : outcome == Outcome::kDoesNotHold ? "✗ "
                                                          : "? ";
    body +=
        cat({"<tr><td><b>", sign, name_of(outcome), "</b></td><td>",
             escaped(where), "</td><td>", escaped(numbers), "</td></tr>\n"});
  }
  if (claim.findings.empty()) {
    body =
        "<tr><td><b>? cannot be told</b></td><td>nothing to compare</td>"
        "<td></td></tr>\n";
  }
  return cat(
      {"<h3>", escaped(claim.title), "</h3><p>", escaped(claim.criterion),
       "</p>",
       table("rows findings", escaped(claim.title),
             "<th scope=\"col\" class=\"name\">outcome</th>"
             "<th scope=\"col\">where</th><th scope=\"col\">numbers</th>",
             body)});
}

std::string claims_of(const std::vector<CellResult>& results) {
  std::string html =
      "<section class=\"card\"><h2>What these networks say of skip "
      "connections</h2>";
  for (const auto& claim : study_claims(results)) html += findings_of(claim);
  return html + "</section>\n";
}

std::string comparison_of(const std::vector<CellResult>& results) {
  std::string head =
      "<th scope=\"col\" class=\"name\">skip, layers</th>"
      "<th scope=\"col\">seeds</th>";
  std::string notes;
  for (const auto& column : study_columns()) {
    head += cat({"<th scope=\"col\">", column.title, "</th>"});
    notes += cat({notes.empty() ? "" : "; ", "<b>", column.title, "</b> ",
                  column.meaning});
  }
  std::string body;
  for (const auto& group : groups_of(results)) {
    body += cat({"<tr><th scope=\"row\">", escaped(group.name()), "</th>",
                 cell(std::to_string(group.cells.size()) +
                      (group.failed > 0
                           ? ", " + std::to_string(group.failed) + " failed"
                           : std::string()))});
    for (const auto& column : study_columns()) body += cell(column.text(group));
    body += "</tr>\n";
  }
  return cat(
      {"<section class=\"card\"><h2>Comparison, mean ± deviation over "
       "the seeds</h2>",
       table("rows", "Comparison of the networks", head, body), "<p>", notes,
       "</p></section>\n"});
}

std::string maps_of(const StudyReport& report, int64_t depth,
                    const LogRange& range) {
  std::string html;
  for (const auto& run : report.runs) {
    if (run.result.depth != depth || run.result.seed != report.seed) continue;
    html += layer_map(run, range);
  }
  if (html.empty()) return "";
  return cat({"<h3>Gradient norm by layer and epoch, seed ",
              std::to_string(report.seed), "; epoch 0 is before training</h3>",
              layer_map_legend(range), "<div class=\"grid plots\">\n", html,
              "</div>\n"});
}

std::string surfaces_of(const StudyReport& report, int64_t depth) {
  std::string html;
  for (const auto& run : report.runs) {
    if (run.result.depth != depth || run.surface.points == 0) continue;
    html += contour_figure(
        run.result.skip + ", " + std::to_string(depth) + " layers",
        run.surface);
  }
  if (html.empty()) return "";
  return cat(
      {"<h3>Loss around the trained weights, along two random "
       "filter-normalised directions (Li et al. 2018)</h3>",
       "<div class=\"grid plots\">\n", html, "</div>\n"});
}

}  // namespace

std::string study_page(const StudyReport& report) {
  const auto results = results_of(report);
  std::string content = study_curve_styles() + study_facts(report) +
                        claims_of(results) + comparison_of(results);
  std::vector<int64_t> depths;
  for (const auto& result : results) {
    if (!std::ranges::count(depths, result.depth)) {
      depths.push_back(result.depth);
    }
  }
  std::ranges::sort(depths);
  const auto range = gradient_range(report.runs);
  for (const int64_t depth : depths) {
    content += cat({"<section class=\"card\"><h2>", std::to_string(depth),
                    " layers</h2>", study_curves(report, depth),
                    maps_of(report, depth, range), surfaces_of(report, depth),
                    "</section>\n"});
  }
  return page(report.title,
              "the same network with and without skip connections",
              content + configuration(report.config_yaml));
}

}  // namespace skipzoo
