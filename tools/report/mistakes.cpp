#include "tools/report/mistakes.h"

#include <algorithm>
#include <cmath>

#include "tools/report/html.h"

namespace skipzoo {
namespace {

constexpr std::string_view kEndOfMistakes = "<!-- end of mistakes -->\n";

/// No text of a page has it: there, < is escaped.
std::string beginning_of_mistakes(int64_t epoch) {
  return cat({"<!-- mistakes of epoch ", std::to_string(epoch), " -->\n"});
}

/// Under a switch that lays its heat map over it, where it has one.
std::string picture_of(const Example& example) {
  const auto picture = cat({"<img alt=\"", escaped(example.name), "\" src=\"",
                            data_uri("image/png", example.picture), "\"/>"});
  if (example.heat.empty()) return picture;
  return cat({"<label><input type=\"checkbox\" aria-label=\"heat map\"/>",
              picture, "<img class=\"heat\" alt=\"\" src=\"",
              data_uri("image/png", example.heat), "\"/></label>"});
}

std::string html_of(const Example& example, bool is_right) {
  return cat({"<div class=\"example\">", picture_of(example), "<p><b>",
              escaped(example.truth), "</b>",
              is_right
                  ? ""
                  : cat({" taken for <b>", escaped(example.predicted), "</b>"}),
              ", ", percent(100 * example.probability),
              "</p><p class=\"soft\">", escaped(example.name), "</p></div>\n"});
}

bool has_heat_map(const Example& example) { return !example.heat.empty(); }

std::string gallery(std::string_view title,
                    const std::vector<Example>& examples, bool are_right) {
  std::string html;
  for (const auto& example : examples) html += html_of(example, are_right);
  return cat({"<h3>", title, "</h3>",
              html.empty()
                  ? "<p>None.</p>\n"
                  : cat({"<div class=\"examples\">\n", html, "</div>\n"})});
}

std::string threshold_table(const std::vector<AtThreshold>& thresholds) {
  std::string body;
  for (const auto& row : thresholds) {
    const bool is_empty = std::isnan(row.accuracy);
    body += cat(
        {"<tr><th scope=\"row\">", number(row.threshold, 2), "</th>",
         cell(percent(row.coverage)),
         cell(is_empty ? "–" : percent(row.accuracy)),
         cell(is_empty ? "–"
                       : cat({number(row.low, 2), " to ", percent(row.high)})),
         "</tr>\n"});
  }
  return table("rows", "Accuracy by probability",
               header_cells({"Probability at least", "Coverage", "Accuracy",
                             "95% interval"}),
               body);
}

}  // namespace

std::string mistakes_cards(const Mistakes& mistakes, std::string_view whose) {
  if (mistakes.thresholds.empty()) return "";
  const bool has_heat =
      std::ranges::any_of(mistakes.confident_mistakes, has_heat_map) ||
      std::ranges::any_of(mistakes.doubtful_hits, has_heat_map);
  return cat(
      {"<section class=\"card\"><h2>Mistakes", whose,
       "</h2><p>With the probability of the predicted class.",
       has_heat ? " A click shows where in the picture that class was seen: "
                  "from blue, not at all, to red (Grad-CAM)."
                : "",
       "</p>\n",
       gallery("Most confident mistakes", mistakes.confident_mistakes, false),
       gallery("Least confident hits", mistakes.doubtful_hits, true),
       "</section>\n<section class=\"card\"><h2>Accuracy by probability", whose,
       "</h2><p>Coverage: the share of pictures whose predicted class has at "
       "least that probability; accuracy: how many of those are right.</p>",
       threshold_table(mistakes.thresholds), "</section>\n",
       reliability_diagram(mistakes.confidence)});
}

std::string mistakes_html(const Mistakes& mistakes, int64_t epoch) {
  const auto cards = mistakes_cards(
      mistakes,
      cat({" of epoch ", std::to_string(epoch), ", the best (best.skz)"}));
  if (cards.empty()) return "";
  return cat({beginning_of_mistakes(epoch), cards, kEndOfMistakes});
}

std::string mistakes_in(std::string_view page, int64_t epoch) {
  const auto begin = page.find(beginning_of_mistakes(epoch));
  if (begin == page.npos) return "";
  const auto end = page.find(kEndOfMistakes, begin);
  if (end == page.npos) return "";
  return std::string(page.substr(begin, end + kEndOfMistakes.size() - begin));
}

}  // namespace skipzoo
