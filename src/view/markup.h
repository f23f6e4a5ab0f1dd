// view/markup.h — text and numbers as SVG and HTML want them. No locale is consulted anywhere.
#pragma once
#include <string>
#include <string_view>

namespace pipit {

/// Safe inside an element or a quoted attribute: < > & " ' become entities, bytes that are not UTF-8 become U+FFFD,
/// control characters (which XML forbids) disappear.
std::string escape(std::string_view text);

/// For people: `significant` digits, decimal point, a true minus sign, powers as in 1.5·10⁻⁷ below 1e-4 and from 1e7
/// on, where digits before the point are never cut (14575, not 1.457·10⁴). NaN is an en dash, infinity is ∞. Needs 1 <=
/// significant <= 17.
std::string format_number(double value, int significant = 4);

/// Fixed number of decimals, for columns whose points should stand below each other; from 1e15 on as format_number.
/// Needs 0 <= decimals <= 17.
std::string format_fixed(double value, int decimals);

/// "10⁻³" for -3.
std::string power_of_ten(int exponent);

/// Characters, not bytes, of a UTF-8 text.
int num_characters(std::string_view text);

}  // namespace pipit
