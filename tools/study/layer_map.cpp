#include "tools/study/layer_map.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/report/html.h"
#include "tools/report/plot.h"

namespace skipzoo {

namespace {

constexpr size_t kMostLayers = 60, kMostEpochs = 30, kMostColumns = 8;

/// Cividis (Nuñez et al. 2018), whose lightness rises, whoever looks and on
/// whatever paper.
constexpr int kColours[][3] = {
    {0, 32, 76},     {0, 58, 112},    {73, 83, 109}, {109, 108, 113},
    {145, 133, 116}, {187, 163, 105}, {255, 233, 69}};

std::string colour_of(double share) {
  const double last = static_cast<double>(std::size(kColours) - 1);
  const double place = std::clamp(share, 0., 1.) * last;
  const auto below =
      std::min(static_cast<size_t>(place), std::size(kColours) - 2);
  const double part = place - static_cast<double>(below);
  char text[8];
  int mixed[3];
  for (int i = 0; i < 3; ++i) {
    mixed[i] = static_cast<int>(std::lround(kColours[below][i] * (1 - part) +
                                            kColours[below + 1][i] * part));
  }
  std::snprintf(text, sizeof text, "#%02x%02x%02x", mixed[0] & 255,
                mixed[1] & 255, mixed[2] & 255);
  return text;
}

/// `most` numbers from 0 to count - 1, both of these among them.
std::vector<size_t> evenly(size_t count, size_t most) {
  std::vector<size_t> picked;
  const size_t wanted = std::min(count, most);
  for (size_t i = 0; i < wanted; ++i) {
    picked.push_back(wanted == 1 ? 0 : i * (count - 1) / (wanted - 1));
  }
  return picked;
}

/// Rows by epoch, those of an epoch in the order of its layers.
std::vector<std::vector<LayerRow>> by_epoch(const std::vector<LayerRow>& rows) {
  std::vector<std::vector<LayerRow>> epochs;
  for (const auto& row : rows) {
    if (epochs.empty() || epochs.back().front().epoch != row.epoch) {
      epochs.emplace_back();
    }
    epochs.back().push_back(row);
  }
  return epochs;
}

std::string gradient_table(const std::vector<std::vector<LayerRow>>& epochs) {
  const auto columns = evenly(epochs.size(), kMostColumns);
  std::string head = "<th scope=\"col\" class=\"name\">layer</th>";
  for (const size_t column : columns) {
    head += cat({"<th scope=\"col\">epoch ",
                 std::to_string(epochs[column].front().epoch), "</th>"});
  }
  std::string body;
  for (size_t layer = 0; layer < epochs.front().size(); ++layer) {
    body += cat({"<tr><th scope=\"row\">", std::to_string(layer + 1), " ",
                 escaped(epochs.front()[layer].layer), "</th>"});
    for (const size_t column : columns) {
      if (layer >= epochs[column].size()) continue;
      body += cell(number(epochs[column][layer].gradient_norm));
    }
    body += "</tr>\n";
  }
  return cat({"<details><summary>as numbers</summary>",
              table("rows", "Gradient norms by layer", head, body),
              "</details>"});
}

std::string square(double x, double y, double width, double height,
                   const LayerRow& row, const LogRange& range) {
  const double share = range.share(row.gradient_norm);
  const auto fill = std::isnan(share) ? std::string("none") : colour_of(share);
  return cat({"<rect x=\"", number(x, 2), "\" y=\"", number(y, 2),
              "\" width=\"", number(width, 2), "\" height=\"",
              number(height, 2), "\" fill=\"", fill, "\"><title>epoch ",
              std::to_string(row.epoch), ", ", escaped(row.layer), ": ",
              number(row.gradient_norm), "</title></rect>\n"});
}

}  // namespace

double LogRange::share(double value) const {
  if (!(value > 0) || !std::isfinite(value)) return std::nan("");
  if (!(high > low)) return 1;
  return std::log(value / low) / std::log(high / low);
}

LogRange gradient_range(const std::vector<StudyRun>& runs) {
  LogRange range{.low = INFINITY, .high = 0};
  for (const auto& run : runs) {
    for (const auto& row : run.layers) {
      if (!(row.gradient_norm > 0) || !std::isfinite(row.gradient_norm)) {
        continue;
      }
      range.low = std::min(range.low, row.gradient_norm);
      range.high = std::max(range.high, row.gradient_norm);
    }
  }
  return range.high > 0 ? range : LogRange();
}

std::string layer_map(const StudyRun& run, const LogRange& range) {
  const auto epochs = by_epoch(run.layers);
  if (epochs.empty()) return "";
  const auto columns = evenly(epochs.size(), kMostEpochs);
  const auto layers = evenly(epochs.front().size(), kMostLayers);
  const double width =
      (Canvas::kRight - Canvas::kLeft) / static_cast<double>(columns.size());
  const double height =
      (Canvas::kBottom - Canvas::kTop) / static_cast<double>(layers.size());
  const double middle = (Canvas::kLeft + Canvas::kRight) / 2;
  // Without seams between the squares.
  std::string squares = "<g shape-rendering=\"crispEdges\">\n", svg;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& epoch = epochs[columns[i]];
    const double x = Canvas::kLeft + width * static_cast<double>(i);
    for (size_t j = 0; j < layers.size(); ++j) {
      if (layers[j] >= epoch.size()) continue;
      squares += square(x, Canvas::kTop + height * static_cast<double>(j),
                        width, height, epoch[layers[j]], range);
    }
    const bool is_end = i == 0 || i + 1 == columns.size();
    if (is_end || (columns.size() > 8 && i == columns.size() / 2)) {
      svg += Canvas::text(x + width / 2, Canvas::kBottom + 19, "middle",
                          std::to_string(epoch.front().epoch));
    }
  }
  svg = squares + "</g>\n" + svg;
  svg += Canvas::text(middle, Canvas::kBottom + 35, "middle", "epoch");
  svg += Canvas::text(Canvas::kLeft - 7, Canvas::kTop + 10, "end", "1");
  svg += Canvas::text(Canvas::kLeft - 7, Canvas::kBottom, "end",
                      std::to_string(epochs.front().size()));
  svg += Canvas::text(Canvas::kLeft - 7,
                      (Canvas::kTop + Canvas::kBottom) / 2 + 4, "end", "layer");
  const auto& result = run.result;
  const auto title = cat(
      {escaped(result.skip), ", ", std::to_string(result.depth), " layers"});
  const auto label =
      cat({"Gradient norm of ", title,
           " by layer and epoch; first over last convolution ",
           number(result.gradient_ratio_at_start), " before training, ",
           number(result.gradient_ratio_in_training), " while training"});
  auto html = figure(title, "", "", label, svg);
  // The numbers belong to the card.
  html.insert(html.rfind("</figure>"), gradient_table(epochs));
  return html;
}

std::string layer_map_legend(const LogRange& range) {
  constexpr int kSteps = 7;
  std::string svg;
  for (int i = 0; i < kSteps; ++i) {
    const double share = static_cast<double>(i) / (kSteps - 1);
    const double x = 10 + 56.0 * i;
    svg += cat({"<rect x=\"", number(x, 0),
                "\" y=\"2\" width=\"56\" height=\"16\" fill=\"",
                colour_of(share), "\"/>",
                Canvas::text(x + 28, 34, "middle",
                             number(range.low *
                                    std::pow(range.high / range.low, share)))});
  }
  return cat(
      {"<svg viewBox=\"0 0 420 40\" role=\"img\" style=\"max-width:"
       "560px\" aria-label=\"Gradient norms from ",
       number(range.low), ", dark, to ", number(range.high),
       ", light, by their logarithms\">", svg, "</svg>"});
}

}  // namespace skipzoo
