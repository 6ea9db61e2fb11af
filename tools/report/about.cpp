#include "tools/report/about.h"

#include "tools/number_text.h"
#include "tools/report/html.h"

namespace skipzoo {

namespace {

std::string row_of(const std::string& name,
                   const std::vector<std::string>& cells) {
  auto row = cat({"<tr><th scope=\"row\">", escaped(name), "</th>"});
  for (const auto& each : cells) row += cell(escaped(each));
  return row + "</tr>\n";
}

std::string layers_html(const std::vector<LayerLine>& layers) {
  if (layers.empty()) return "";
  std::string body;
  int64_t parameters = 0, macs = 0;
  for (const auto& layer : layers) {
    body += row_of(layer.name, {layer.output, with_commas(layer.parameters),
                                with_commas(layer.macs)});
    parameters += layer.parameters;
    macs += layer.macs;
  }
  body += row_of("total", {"", with_commas(parameters), with_commas(macs)});
  return folded("Network, layer by layer", false,
                table("rows", "Network, layer by layer",
                      header_cells({"Layer", "Output", "Parameters",
                                    "Multiply-accumulates"}),
                      body));
}

}  // namespace

std::string about_html(const RunAbout& about) {
  std::string html = layers_html(about.layers);
  if (about.environment.empty()) return html;
  std::string body;
  for (const auto& [name, value] : about.environment) {
    body += row_of(name, {value});
  }
  return html + folded("Environment", false,
                       table("rows", "Environment",
                             header_cells({"What", "Value"}), body));
}

}  // namespace skipzoo
