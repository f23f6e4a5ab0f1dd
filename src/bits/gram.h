// bits/gram.h — blocks of J^T J and pieces of J^T r, summed from the rows of a block-sparse Jacobian.
// Source: Higham 2002, sec. 3.1 (bound).   Legend: R scalar rows of a block of J, B scalar columns.
#pragma once
#include <cstdint>
#include <span>

namespace pipit {

/// How the numbers of one R x B block of J follow each other. Products with J want columns, J^T J wants rows.
enum class BlockOrder : std::uint8_t { Columns, Rows };

/// One product A^T C that falls on a block of J^T J. R may differ from term to term.
template <class J>
struct GramTerm {
  const J* a;
  const J* c;
  const double* r;  ///< [R] residual for A^T r, or null
  int R;
};

/// out [B, B] = sum of A^T C (column-major), g [B] = sum of A^T r in fp64 (not touched where g is null).
///
/// J, H      float, double: J is widened to H before it is multiplied, so that H = double sums products of floats
///           without rounding them.
/// |error|   <= gamma_n(u_H) * sum |A|^T |C| per element, n = all rows of all terms. Order: that of the terms.
/// Fast      by rows, J no wider than H, for (R, B) = (6, 6), (3, 3) and (2, 3); any other by the definition
/// (gram_ref.h). B, R >= 1. Needs     by rows: 8 numbers behind the last block of J may be read.
template <class J, class H>
void gram(int B, BlockOrder order, std::span<const GramTerm<J>> terms, H* out, double* g);

/// One block column: for each k in [0, begin.size() - 1) block k of `out` = sum over terms [begin[k], begin[k + 1]);
/// the first one, which is the diagonal block, yields g as well.
template <class J, class H>
void gram_column(
    int B, BlockOrder order, std::span<const std::int64_t> begin, const GramTerm<J>* terms, H* out, double* g);

}  // namespace pipit
