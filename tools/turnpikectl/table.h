// SPDX-License-Identifier: Apache-2.0
//
// Table: rows of text in columns that line up.
#pragma once

#include <string>
#include <vector>

namespace turnpike::ctl {

enum class Align : uint8_t { kLeft, kRight };

struct Column {
  std::string header;
  Align align = Align::kLeft;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns, unsigned indent = 0);
  // Without a header line, all columns to the left.
  static Table plain(size_t columns, unsigned indent = 0);

  // As many cells as columns. Control characters come out as '?': names come from clients, and a terminal
  // would obey them.
  void add(std::vector<std::string> row);
  // Every line ends with a newline and no line with a space.
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  unsigned indent_;
};

// The text's columns on a terminal, one a character.
size_t width_of(const std::string& text);
// Without control characters, C1 included.
std::string printable(const std::string& text);

}  // namespace turnpike::ctl
