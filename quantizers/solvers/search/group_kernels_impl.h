// The kernels of row encoders, compiled once per instruction set; the rules of lanes16.h about inline functions hold here.
#pragma once

#include "quantizers/solvers/search/affine_search_impl.h"
#include "quantizers/solvers/search/block_affine_impl.h"
#include "quantizers/solvers/search/block_search_impl.h"
#include "quantizers/solvers/search/lane_layout_impl.h"
#include "quantizers/solvers/search/symmetric_impl.h"

namespace quantbench::search {
namespace {

constexpr GroupKernels group_kernel_table{lay_out, symmetric, affine, zero_point, block_symmetric, block_affine};

}  // namespace
}  // namespace quantbench::search
