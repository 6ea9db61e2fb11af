#include <string_view>

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
.plots>figure:only-child{max-width:680px}.over{fill:transparent}.tip{visibility:hidden;pointer-events:none}
.spot:focus{outline:none}.spot:hover>.over,.spot:focus>.over{fill:rgba(128,140,160,.22)}
.spot:hover>.tip,.spot:focus>.tip{visibility:visible}svg{overflow:visible}
.tip rect{fill:var(--card);stroke:var(--soft)}.tip text{fill:var(--text)}
.scroll{overflow:auto;max-height:80vh;margin-top:10px}
caption{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%);white-space:nowrap}table{border-collapse:collapse;font-variant-numeric:tabular-nums;
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
.beside p,.beside h2,.beside summary{width:0;min-width:100%}summary{cursor:pointer}
.thumbs{display:flex;flex-wrap:wrap;gap:4px;margin-top:8px}
.thumbs img{display:block;border-radius:4px}
h3{font-size:15px;font-weight:600;margin:14px 0 0}.examples{display:grid;
gap:14px;margin-top:8px;grid-template-columns:repeat(auto-fill,128px)}
.example{font-size:13px;overflow-wrap:anywhere}.example p{margin:2px 0 0}
.example p:not(.soft){color:var(--text)}.example label{display:block;
position:relative;cursor:pointer}.example input{position:absolute;opacity:0}
.example img{display:block;width:100%;image-rendering:pixelated}
.example .heat{position:absolute;inset:0;height:100%;opacity:0;
image-rendering:auto}.example input:checked~.heat{opacity:.5}
.example input:focus-visible~img{outline:2px solid var(--val)}
pre{overflow:auto;font-size:13px;line-height:1.45;margin:12px 0 0}
.map thead th.name{text-align:left;white-space:normal}
a{color:var(--val)}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;
--soft:#333}body{padding:0;font-size:12px;max-width:none;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
html{background:#fff}th{position:static!important}
th,td{font-size:10px;padding:2px 4px}thead th{white-space:normal}
.tip,.over{display:none}
.card.fact,figure,.beside>*,tr,.example,.thumbs img{break-inside:avoid}
h2,h3,summary,figcaption{break-after:avoid}thead{display:table-header-group}
a{color:#000;text-decoration:underline}.scroll{max-height:none;
overflow:visible}pre{white-space:pre-wrap;columns:2}details::details-content{
content-visibility:visible;block-size:auto}}</style>
)html";

}  // namespace

std::string page(std::string_view title, std::string_view below,
                 std::string_view content) {
  const auto text = escaped(title);
  return cat({kHead, "<title>", text, "</title></head>\n<body><header><h1>",
              text, "</h1><p>", escaped(below), "</p></header>\n<main>",
              content, "</main></body></html>\n"});
}

}  // namespace skipzoo
