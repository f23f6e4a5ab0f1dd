// Fields of a line and of a file: what they are, and the first that is wrong.
#include "base/line_scan.h"

#include <gtest/gtest.h>

namespace pipit {
namespace {

TEST(LineScan, NamesTheFieldThatIsWrong) {
  const auto number = [](std::string_view line, const char* name = nullptr) {
    LineScan scan(line);
    scan.word();
    scan.number(name);
    const bool good = scan.ok();
    return good ? std::string() : scan.error();
  };
  EXPECT_EQ(number("E +1.5e3 "), "");
  EXPECT_EQ(number("E 1x"), "field 1 is '1x', wanted a number");
  EXPECT_EQ(number("E nan"), "field 1 is 'nan', wanted a finite number of at most 1e100");
  EXPECT_EQ(number("E -2e100", "fx"), "fx is '-2e100', wanted a finite number of at most 1e100");
  EXPECT_EQ(number("E 1e999", "fx"), "fx is '1e999', out of range, wanted a number");
  EXPECT_EQ(number("E"), "the line ends after 0 fields, wanted a number");
  EXPECT_EQ(number("E", "fx"), "the line ends after 0 fields, wanted fx");
  EXPECT_EQ(number("E 1 2"), "extra field '2' after 1 field");
}

TEST(LineScan, WholeNumbersStayInTheirBounds) {
  LineScan scan("0 9 10");
  EXPECT_EQ(scan.whole("a", 0, 9), 0);
  EXPECT_EQ(scan.whole("b", 0, 9), 9);
  EXPECT_EQ(scan.rest(), " 10");
  EXPECT_EQ(scan.whole("c", 0, 9), 0);
  EXPECT_EQ(scan.error(), "c is '10', wanted a whole number from 0 to 9");
  scan.fail("something else");
  EXPECT_EQ(scan.error(), "c is '10', wanted a whole number from 0 to 9") << "the first reason stays";
}

TEST(FieldScan, WalksOverEndsOfLines) {
  LineReader lines("1\r\n\n  2 3\n\t4", "f");
  FieldScan scan(lines);
  for (const int k : {1, 2, 3, 4}) EXPECT_EQ(scan.whole("k", 0, 9), k);
  scan.end();
  EXPECT_TRUE(scan.ok());
  EXPECT_EQ(scan.whole("k", 0, 9), 0);
  EXPECT_EQ(scan.error().message, "f:4: the file ends, wanted k");
}

TEST(FieldScan, NamesTheLine) {
  const auto message = [](std::string_view text) {
    LineReader lines(text, "f");
    FieldScan scan(lines);
    scan.number("x");
    scan.number("y");
    scan.end();
    return scan.ok() ? std::string() : scan.error().message;
  };
  EXPECT_EQ(message("1 2\n \n"), "");
  EXPECT_EQ(message(""), "f:1: the file ends, wanted x");
  EXPECT_EQ(message("\n1\n\nb 3"), "f:4: y is 'b', wanted a number");
  EXPECT_EQ(message("1 2\n\n3"), "f:3: '3' behind the end");
  EXPECT_EQ(message("1 " + std::string(kLongestLine, ' ') + "2"),
            "f:1: the line is longer than 1048576 bytes, wanted lines of text");
}

}  // namespace
}  // namespace pipit
