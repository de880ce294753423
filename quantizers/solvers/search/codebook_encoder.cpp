#include "quantizers/solvers/search/codebook_encoder.h"

#include "quantizers/solvers/search/codebook_search.h"

namespace quantbench {
namespace {

const Register<RowEncoder> registered{
    "codebooks",
    {"iq1, iq2, iq3: all codewords at several scales of each group, then d and integer scales jointly",
     [](const Format& format) { return format.codebook != nullptr; },
     [](const Format& format, const SearchRow& row, MutableRowBytes out) {
       encode_codebook_row(format, row, out, best_isa());
     }}};

}  // namespace

void encode_codebook_row(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa) {
  const CodebookFormat codebook = codebook_format(format);
  const CodebookKernels& kernels = codebook_kernels(isa);
  const std::size_t block_bytes = format.row_bytes(format, format.block);
  for (std::size_t begin = 0; begin < row.weights.size(); begin += format.block, out.row += block_bytes)
    format.codebook->pack_block(
        search_codebook_block(codebook, row.weights.data() + begin, row.importance.data() + begin, row.effort, kernels),
        out.row);
}

}  // namespace quantbench
