// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/table.h"

#include <algorithm>

namespace turnpike::ctl {
namespace {

constexpr const char* kGap = "  ";

std::string pad(const std::string& text, size_t width, Align align) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return align == Align::kLeft ? text + space : space + text;
}

}  // namespace

size_t width_of(const std::string& text) {
  // The bytes 10xxxxxx continue a UTF-8 character.
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string printable(const std::string& text) {
  std::string clean;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    // U+0080 to U+009F are c2 80 to c2 9f.
    const bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    clean += byte < 0x20 || byte == 0x7f || c1 ? '?' : text[i];
    if (c1) ++i;
  }
  return clean;
}

Table::Table(std::vector<Column> columns, unsigned indent) : columns_(std::move(columns)), indent_(indent) {
  std::vector<std::string> headers;
  for (const Column& column : columns_)
    headers.push_back(column.header);
  rows_.push_back(std::move(headers));
}

Table Table::plain(size_t columns, unsigned indent) {
  Table table(std::vector<Column>(columns), indent);
  table.rows_.clear();
  return table;
}

void Table::add(std::vector<std::string> row) {
  row.resize(columns_.size());
  for (std::string& cell : row)
    cell = printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::to_string() const {
  std::vector<size_t> widths(columns_.size());
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent_, ' ');
    for (size_t i = 0; i < row.size(); ++i)
      line += (i == 0 ? "" : kGap) + pad(row[i], widths[i], columns_[i].align);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace turnpike::ctl
