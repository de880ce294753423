#include "quantizers/solvers/search/codebook_scan_impl.h"

namespace quantbench {

const CodebookKernels& codebook_kernels_avx2() { return kernels_of_this_file; }

}  // namespace quantbench
