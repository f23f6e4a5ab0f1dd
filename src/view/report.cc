#include "view/report.h"

#include <algorithm>
#include <cstdint>

#include "base/contract.h"
#include "view/markup.h"

namespace pipit {
namespace {

constexpr int kPageWidth = 912;  // px: what the style sheet leaves for content

constexpr std::string_view kCss = R"(
:root{color-scheme:light dark;--paper:#fff;--text:#2d343c;--strong:#1b2128;--soft:#6b7580;--line:#e3e7ec;--band:#f7f8fa}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 24px 64px}
h1,h2{color:var(--strong);line-height:1.2;letter-spacing:-.01em}
h1{font-size:30px;margin:0 0 6px}
h2{font-size:20px;margin:40px 0 10px}
.sub{color:var(--soft);margin:0 0 28px}
p{max-width:72ch}
.scroll{overflow-x:auto;margin:18px 0}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
caption{caption-side:bottom;text-align:left;color:var(--soft);padding-top:8px}
th{color:var(--soft);font-weight:600;vertical-align:bottom;border-bottom:1.5px solid var(--soft)}
th,td{padding:6px 14px;text-align:left;white-space:nowrap}
th small{display:block;font-weight:400}
td{border-bottom:1px solid var(--line)}
.n{text-align:right}
tbody tr:hover{background:var(--band)}
figure{margin:20px 0}
.row{display:flex;flex-wrap:wrap;gap:16px}
figure svg.pp{max-width:100%;height:auto}
figcaption{color:var(--soft);font-size:14px;margin-top:6px}
pre{background:var(--band);border:1px solid var(--line);border-radius:6px;padding:12px 14px;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12161c;--text:#c9d0d8;--strong:#eef1f5;--soft:#8a939e;--line:#262d36;--band:#191f27}}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}.scroll{overflow:visible}}
)";

// RFC 4648, sec. 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (k + i < bytes.size() ? static_cast<unsigned char>(bytes[k + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += k + i <= bytes.size() ? kLetters[three >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string shown(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return escape(*text);
  if (const auto* whole = std::get_if<long long>(&cell)) {
    const std::string digits = std::to_string(*whole);
    return *whole < 0 ? "\u2212" + digits.substr(1) : digits;
  }
  const double v = std::get<double>(cell);
  return column.decimals >= 0 ? format_fixed(v, column.decimals) : format_number(v, column.significant);
}

}  // namespace

Report::Report(std::string_view title, std::string_view subtitle) : title_(escape(title)) {
  body_ = "<h1>" + title_ + "</h1>\n";
  if (!subtitle.empty()) body_ += "<p class=\"sub\">" + escape(subtitle) + "</p>\n";
}

Report& Report::heading(std::string_view text) {
  body_ += "<h2>" + escape(text) + "</h2>\n";
  return *this;
}

Report& Report::paragraph(std::string_view text) {
  body_ += "<p>" + escape(text) + "</p>\n";
  return *this;
}

Report& Report::code(std::string_view text) {
  body_ += "<pre>" + escape(text) + "</pre>\n";
  return *this;
}

Report& Report::table(const Table& table) {
  std::vector<bool> numeric(table.columns.size(), true);
  for (const auto& row : table.rows) {
    expects(row.size() == table.columns.size(), "Report::table: row and columns differ in length");
    for (std::size_t c = 0; c < row.size(); ++c)
      if (std::holds_alternative<std::string>(row[c])) numeric[c] = false;
  }
  body_ += "<div class=\"scroll\"><table>\n";
  if (!table.caption.empty()) body_ += "<caption>" + escape(table.caption) + "</caption>\n";
  body_ += "<thead><tr>";
  for (std::size_t c = 0; c < numeric.size(); ++c) {
    body_ += numeric[c] ? "<th class=\"n\">" : "<th>";
    body_ += escape(table.columns[c].name);
    if (!table.columns[c].unit.empty()) body_ += "<small>" + escape(table.columns[c].unit) + "</small>";
    body_ += "</th>";
  }
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    body_ += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      body_ += std::holds_alternative<std::string>(row[c]) ? "<td>" : "<td class=\"n\">";
      body_ += shown(row[c], table.columns[c]) + "</td>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
  return *this;
}

Report& Report::figure(const Figure& figure, std::string_view caption) {
  body_ += "<figure>\n" + figure.svg();
  if (!caption.empty()) body_ += "<figcaption>" + escape(caption) + "</figcaption>";
  body_ += "</figure>\n";
  return *this;
}

Report& Report::drawing(std::string_view svg, std::string_view caption) {
  body_.append("<figure>\n").append(svg);
  if (!caption.empty()) body_ += "<figcaption>" + escape(caption) + "</figcaption>";
  body_ += "</figure>\n";
  return *this;
}

Report& Report::sound(std::string_view wav, std::string_view caption) {
  body_ += "<figure>\n<audio controls=\"controls\" src=\"data:audio/wav;base64," + base64(wav) + "\"></audio>";
  if (!caption.empty()) body_ += "<figcaption>" + escape(caption) + "</figcaption>";
  body_ += "</figure>\n";
  return *this;
}

Report& Report::figures(const std::vector<Figure>& figures, std::string_view caption) {
  body_ += "<figure>\n<div class=\"row\">";
  const int share =
      (kPageWidth - 16 * (static_cast<int>(figures.size()) - 1)) / std::max(1, static_cast<int>(figures.size()));
  for (const Figure& figure : figures) {
    const int width = std::clamp(share, 300, std::max(300, figure.width_px()));
    body_ += figure.svg(width, std::max(220, figure.height_px() * width / figure.width_px()));
  }
  body_ += "</div>\n";
  if (!caption.empty()) body_ += "<figcaption>" + escape(caption) + "</figcaption>";
  body_ += "</figure>\n";
  return *this;
}

std::string Report::html() const {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n<title>" +
         title_ + "</title>\n<style>" + std::string(kCss) + "</style>\n</head>\n<body>\n<main>\n" + body_ +
         "</main>\n</body>\n</html>\n";
}

}  // namespace pipit
