#include "kernels/kernel.h"

#include <charconv>

#include "core/parallel.h"
#include "kernels/cpu/bf16_product.h"
#include "kernels/cpu/decode.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/isa_kernels.h"
#include "kernels/cpu/packed_product.h"
#include "quantizers/formats/registry.h"
#include "quantizers/solver.h"

namespace quantbench {
namespace {

void run_encode(const Kernel& kernel, const KernelOperands& operands) {
  const std::map<std::string, std::string> no_options;
  if (kernel.format->encode_reference == nullptr) {
    const auto& rounding = Registry<SolverEntry>::instance().at("rtn");
    rounding.solver->quantize({operands.weights, {}, no_options, operands.threads}, *operands.encoded);
    return;
  }
  parallel_for(operands.threads, operands.weights.rows, [&](std::size_t row) {
    kernel.format->encode_reference(*kernel.format, operands.weights.row(row), operands.encoded->row(row));
  });
}

std::map<std::string, std::string> search_options(std::string_view effort) {
  if (effort == "default") return {};
  return {{"effort", std::string(effort)}};
}

void run_search(const Kernel& kernel, const KernelOperands& operands) {
  LayerCalibration calibration;
  calibration.mean_square = operands.importance;
  const auto options = search_options(kernel.effort);
  Registry<SolverEntry>::instance().at("search").solver->quantize(
      {operands.weights, calibration, options, operands.threads}, *operands.encoded);
}

bool search_writes(const Format& format) {
  try {
    Registry<SolverEntry>::instance().at("search").solver->check(format, {});
    return true;
  } catch (const Error&) {
    return false;
  }
}

void run_decode(const Kernel& kernel, const KernelOperands& operands) {
  decode_rows(*operands.packed, 0, operands.packed->rows, operands.out, operands.threads, kernel.isa);
}

PackedProduct product_of(const KernelOperands& operands) {
  const MatrixView& x = operands.activations;
  const std::size_t rows = operands.packed->rows;
  return {operands.packed, x.values.data(), x.cols, operands.out.data(), rows, x.rows};
}

void run_matvec(const Kernel& kernel, const KernelOperands& operands) {
  matvec(product_of(operands), operands.threads, kernel.isa);
}

void run_matmul(const Kernel& kernel, const KernelOperands& operands) {
  matmul(product_of(operands), operands.threads, kernel.isa);
}

void run_matvec_int8(const Kernel& kernel, const KernelOperands& operands) {
  matvec_int8(product_of(operands), operands.threads, kernel.isa);
}

void run_matvec_repacked(const Kernel& kernel, const KernelOperands& operands) {
  const MatrixView& x = operands.activations;
  const std::size_t rows = operands.repacked->rows;
  matvec_repacked({operands.repacked, x.values.data(), x.cols, operands.out.data(), rows, x.rows}, operands.threads,
                  kernel.isa);
}

void run_matmul_int8(const Kernel& kernel, const KernelOperands& operands) {
  matmul_int8(product_of(operands), operands.threads, kernel.isa);
}

void run_matmul_bf16(const Kernel& kernel, const KernelOperands& operands) {
  matmul_bf16(product_of(operands), operands.threads, kernel.isa);
}

/// Whether there is a plain rounding to this format.
bool rounds_plainly(const Format& format) {
  return format.encode_reference != nullptr || (format.pack != nullptr && format.level_values.empty());
}

using RunFunction = void (*)(const Kernel&, const KernelOperands&);

RunFunction run_function(Op op) {
  constexpr RunFunction functions[] = {run_encode,      run_decode,          run_matvec,      run_matmul,
                                       run_matvec_int8, run_matvec_repacked, run_matmul_int8, run_matmul_bf16};
  return functions[static_cast<std::size_t>(op)];
}

constexpr Op all_ops[] = {Op::encode,      Op::decode,          Op::matvec,      Op::matmul,
                          Op::matvec_int8, Op::matvec_repacked, Op::matmul_int8, Op::matmul_bf16};

bool exists(Op op, const Format& format, Isa isa) {
  if (op == Op::encode) return isa == Isa::scalar && rounds_plainly(format);
  if (op == Op::matvec_repacked) return is_repacked(format, isa);
  return !in_integers(op) || has_int8_kernels(format);
}

const char* variant_of(Op op, const Format& format, Isa isa) {
  if (op == Op::matvec_repacked) return "repacked";
  if (op == Op::decode) return decodes_by_units(format, isa) ? "tuned" : "generic";
  if (op == Op::matvec_int8) return int8_kernels(format, isa).variant;
  return op == Op::matmul_bf16 ? matmul_bf16_variant(isa) : "generic";
}

}  // namespace

bool is_matvec(Op op) { return op == Op::matvec || op == Op::matvec_int8 || op == Op::matvec_repacked; }

bool is_product(Op op) { return op != Op::encode && op != Op::decode; }

bool in_integers(Op op) { return op == Op::matvec_int8 || op == Op::matvec_repacked || op == Op::matmul_int8; }

std::string_view to_string(Op op) {
  constexpr std::string_view names[] = {"encode",          "decode",      "matvec",      "matmul",      "matvec_int8",
                                        "matvec_repacked", "matmul_int8", "matmul_bf16", "matmul_w4a16"};
  return names[static_cast<std::size_t>(op)];
}

std::string to_string(const KernelShape& shape) {
  return fmt::format("{}x{}x{}", shape.outputs, shape.inputs, shape.batch);
}

KernelShape parse_kernel_shape(std::string_view text) {
  std::vector<std::size_t> extents;
  const char* const end = text.data() + text.size();
  for (const char* next = text.data();; ++next) {
    const auto [stop, error] = std::from_chars(next, end, extents.emplace_back());
    const bool well_formed = error == std::errc{} && extents.back() > 0 && (stop == end || *stop == 'x');
    if (!well_formed || extents.size() > 3)
      fail("kernel shape '{}': expected OUTPUTSxINPUTS or OUTPUTSxINPUTSxBATCH, as in 4096x4096x1", text);
    if (stop == end) break;
    next = stop;
  }
  if (extents.size() == 1) fail("kernel shape '{}': expected OUTPUTSxINPUTS, as in 4096x4096", text);
  return {extents[0], extents[1], extents.size() == 3 ? extents[2] : 1};
}

std::string Kernel::id() const {
  const std::string encoder = effort.empty() ? "" : fmt::format("search-{}/", effort);
  return fmt::format("{}/{}/{}{}", to_string(op), format->id, encoder, to_string(isa));
}

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> all = [] {
    std::vector<Kernel> list;
    for (const Op op : all_ops)
      for (const std::string& format : format_ids())
        for (const Isa isa : available_isas())
          if (exists(op, *find_format(format), isa)) list.push_back(find_kernel(op, format, isa));
    for (const std::string& format : format_ids())
      if (search_writes(*find_format(format)))
        for (const char* effort : {"fast", "default", "best"}) list.push_back(find_search_encoder(format, effort));
    return list;
  }();
  return all;
}

Kernel find_kernel(Op op, std::string_view format, Isa isa) {
  require_isa(isa);
  if (op == Op::encode && isa != Isa::scalar)
    fail("encode kernels are scalar: packed bytes must not depend on the machine");
  if (op == Op::matmul_w4a16) fail("{} has kernels for CUDA devices only", to_string(op));
  auto stored = find_format(format);
  if (op == Op::encode && !rounds_plainly(*stored)) fail("there is no plain rounding to {}", stored->id);
  if (in_integers(op) && !has_int8_kernels(*stored)) fail("{}: there are no products in integers", stored->id);
  if (op == Op::matvec_repacked && !is_repacked(*stored, isa))
    fail("{}: weights are not repacked for {}", stored->id, to_string(isa));
  const char* const variant = variant_of(op, *stored, isa);
  return {op, std::move(stored), isa, "", variant, run_function(op)};
}

Kernel find_search_encoder(std::string_view format, std::string_view effort) {
  auto stored = find_format(format);
  Registry<SolverEntry>::instance().at("search").solver->check(*stored, search_options(effort));
  return {Op::encode, std::move(stored), best_isa(), std::string(effort), "generic", run_search};
}

}  // namespace quantbench
