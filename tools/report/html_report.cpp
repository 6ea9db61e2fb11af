#include "tools/report/html_report.h"

#include <algorithm>
#include <string_view>

#include "tools/report/confusion.h"
#include "tools/report/curves.h"
#include "tools/report/html.h"

namespace skipzoo {
namespace {

constexpr std::string_view kHead = R"html(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<style>:root{--page:#f5f6f8;--card:#fff;--text:#1b2430;--soft:#596575;
--line:#dde2e8;--train:#c25e00;--val:#1c62d1;--hit:20,86,190;--miss:196,60,30}
@media screen and (prefers-color-scheme:dark){:root{--page:#0e1217;
--card:#171d25;--text:#e5eaf0;--soft:#98a5b5;--line:#2c3541;--train:#f0a040;
--val:#6eabff;--hit:40,100,220;--miss:214,78,48}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1240px;padding:32px 20px;
font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif;color:var(--text)}
html{background:var(--page)}h1{font-size:27px;line-height:1.2;margin:0;
overflow-wrap:anywhere}h2,summary{font-size:17px;font-weight:650;margin:0}
p,.soft{color:var(--soft);margin:4px 0 0}.grid{display:grid;gap:16px;
margin-top:20px;grid-template-columns:repeat(auto-fit,minmax(165px,1fr))}
.plots{grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:16px 18px;margin:0;min-width:0}section.card{margin-top:16px}
.fact b{display:block;font-size:28px;line-height:1.25;font-weight:650}
figcaption{display:flex;flex-wrap:wrap;gap:2px 16px;align-items:baseline}
figcaption h2{margin-right:auto}.key{font-size:13px;color:var(--soft)}
.key::before{content:"";display:inline-block;width:20px;margin-right:6px;
vertical-align:4px;border-top:2.5px solid var(--val)}
.key.train::before{border-top:2.5px dashed var(--train)}
.key.best::before{width:0;height:13px;vertical-align:-2px;border-top:0;
border-left:2px dotted var(--soft)}
svg{display:block;width:100%;margin-top:8px}svg line{stroke:var(--line)}
svg text{fill:var(--soft);font-size:12px}polyline{fill:none;stroke:var(--val);
stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
polyline.train{stroke:var(--train);stroke-dasharray:5 4.5}
svg .best{stroke:var(--soft);stroke-dasharray:2 4}polyline.dot{stroke-width:8}
.over{fill:transparent}.over:hover{fill:rgba(128,140,160,.22)}
.scroll{overflow:auto;max-height:80vh;margin-top:10px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;
font-size:13.5px}th,td{padding:4px 10px;text-align:right;white-space:nowrap}
.rows{width:100%}.rows td,.rows th{border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600;position:sticky;top:0;z-index:2;
background:var(--card)}th.name,tbody th{text-align:left;font-weight:500}
tr.best>*{background:rgba(var(--hit),.16);font-weight:650}
.map thead th{vertical-align:bottom;font-weight:500}.map span{
writing-mode:vertical-rl;transform:rotate(180deg)}.map tbody th{position:sticky;
left:0;background:var(--card)}.map td{min-width:40px;padding:6px 5px;
text-align:center;border:1px solid var(--card);
background:rgba(var(--miss),var(--s,0))}.map td.hit{
background:rgba(var(--hit),var(--s,0))}.map td.zero{color:var(--soft);
opacity:.5}
.map td.strong{color:#fff}.bar{min-width:120px;background:
linear-gradient(90deg,rgba(var(--hit),.22) var(--s),rgba(128,140,160,.1) 0)
no-repeat 8px center/calc(100% - 8px) 76%}.beside{display:flex;flex-wrap:wrap;
gap:0 16px;align-items:flex-start}.beside>*{flex:1 1 auto;max-width:100%}
.beside p{width:0;min-width:100%}summary{cursor:pointer}
pre{overflow:auto;font-size:13px;line-height:1.45;margin:12px 0 0}
@media print{body{padding:0;font-size:12px;print-color-adjust:exact;
-webkit-print-color-adjust:exact}html{background:none}th{position:static
!important}.card.fact,figure,.beside>*,tr{
break-inside:avoid}.scroll{max-height:none;
overflow:visible}pre{white-space:pre-wrap}details::details-content{
content-visibility:visible;block-size:auto}}</style>
)html";

std::string duration(double seconds) {
  if (!(seconds >= 60 && seconds < 1e9)) {
    return number(seconds, 1) + " s";
  }
  const auto whole = static_cast<int64_t>(seconds);
  const bool hours = whole >= 3600;
  const int64_t small = hours ? 60 : 1;
  return cat({std::to_string(whole / small / 60), hours ? " h " : " min ",
              std::to_string(whole / small % 60), hours ? " min" : " s"});
}

std::string facts(const RunReport& report) {
  const auto fact = [](std::string_view name, const std::string& value,
                       const std::string& note) {
    return cat({"<div class=\"card fact\"><span class=\"soft\">", name,
                "</span><b>", value, "</b><span class=\"soft\">", note,
                "</span></div>\n"});
  };
  const auto top1 = [&](std::string_view name, const EpochRow& row) {
    return fact(
        name, percent(row.val_top1),
        cat({"epoch ", std::to_string(row.epoch), ", loss ",
             number(row.val_loss, 4), "<br>top-5 ", percent(row.val_top5)}));
  };
  const auto& rows = report.rows;
  std::string html = "<div class=\"grid\">\n";
  const auto best =
      std::ranges::find(rows, report.best_epoch, &EpochRow::epoch);
  if (best != rows.end()) {
    html += top1("Best top-1", *best);
  }
  double seconds = 0;
  for (const auto& row : rows) {
    seconds += row.seconds;
  }
  const auto count = static_cast<double>(rows.size());
  html += top1("Last top-1", rows.back());
  html += fact("Time", duration(seconds),
               cat({"epochs: ", std::to_string(rows.size()), "<br>",
                    duration(seconds / count), " each"}));
  html += fact("Speed", number(rows.back().images_per_s, 0),
               "images a second<br>in the last epoch");
  return html + "</div>\n";
}

std::string text_of(double value, Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return number(value);
    case Unit::kLoss:
      return number(value, 4);
    case Unit::kPercent:
      return percent(value);
    case Unit::kPerSecond:
      return number(value, 0);
    case Unit::kSeconds:
      return number(value, 1);
  }
  return "";
}

/// Those that some epoch has.
std::vector<EpochScalar> scalars_of(const RunReport& report) {
  std::vector<EpochScalar> shown;
  for (const auto& scalar : epoch_scalars()) {
    const bool is_there = !std::ranges::all_of(
        report.rows,
        [&](const EpochRow& row) { return is_absent(row, scalar); });
    if (is_there) shown.push_back(scalar);
  }
  return shown;
}

std::string epoch_table(const RunReport& report) {
  std::vector<std::string_view> titles = {"Epoch"};
  const auto scalars = scalars_of(report);
  for (const auto& scalar : scalars) titles.push_back(scalar.title);
  std::string body;
  for (const auto& row : report.rows) {
    body +=
        cat({row.epoch == report.best_epoch ? "<tr class=\"best\">" : "<tr>",
             "<th scope=\"row\">", std::to_string(row.epoch), "</th>"});
    for (const auto& scalar : scalars) {
      body += cell(text_of(row.*scalar.value, scalar.unit));
    }
    body += "</tr>\n";
  }
  constexpr size_t kLong = 20;
  return folded("Epochs", report.rows.size() <= kLong,
                table("rows", header_cells(titles), body));
}

}  // namespace

std::string html_report(const RunReport& report) {
  const auto title = escaped(report.title);
  std::string html = cat(
      {kHead, "<title>", title, "</title></head>\n<body><header><h1>", title,
       "</h1><p>", escaped(report.network), "</p></header>\n<main>"});
  html += report.rows.empty() ? "<p>No epoch has been finished.</p>\n"
                              : facts(report) + curves(report);
  html += confusions(report);
  if (!report.rows.empty()) {
    html += epoch_table(report);
  }
  html += folded("Configuration", false,
                 cat({"<pre>", escaped(report.config_yaml), "</pre>"}));
  return html + "</main></body></html>\n";
}

}  // namespace skipzoo
