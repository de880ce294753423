#include "eval/evaluation_options.h"

#include "core/error.h"
#include "eval/activations.h"
#include "eval/kv_cache.h"
#include "kernels/cpu/bf16_product.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

Compute compute_of(const Method& method) {
  const auto found = method.options.find(std::string(compute_option));
  return found == method.options.end() ? Compute::exact : parse_compute(found->second);
}

}  // namespace

Compute parse_compute(std::string_view text) {
  for (const Compute compute : {Compute::exact, Compute::native, Compute::bf16})
    if (text == to_string(compute)) return compute;
  fail("compute: found '{}'; expected exact, native or bf16", text);
}

std::string_view to_string(Compute compute) {
  constexpr std::string_view names[] = {"exact", "native", "bf16"};
  return names[static_cast<std::size_t>(compute)];
}

void apply_evaluation_options(const Method& method, std::set<std::string, std::less<>> layers,
                              EvaluateOptions& options) {
  options.compute = compute_of(method);
  options.cache = kv_cache_rounding(kv_cache_options(method), options.threads);
  options.input = activation_rounding(activations_of(method), std::move(layers), options.threads);
}

std::string machine_key(const Method& method) {
  const Compute compute = compute_of(method);
  if (compute == Compute::exact) return "";
  const std::string_view isa = to_string(best_isa());
  if (compute == Compute::bf16) return fmt::format("products={}, {}\n", isa, matmul_bf16_variant(best_isa()));
  return fmt::format("products={}{}\n", isa, has_avx512_byte_products() ? " with byte products" : "");
}

std::vector<std::string> describe_evaluation_options(const Method& method) {
  std::vector<std::string> notes;
  const KvCacheOptions cache = kv_cache_options(method);
  if (!cache.keys.empty()) notes.push_back("keys of the cache: " + cache.keys + (cache.rotate_keys ? ", rotated" : ""));
  if (!cache.values.empty()) notes.push_back("values of the cache: " + cache.values);
  if (const std::string kind = activations_of(method); !kind.empty())
    notes.push_back("inputs of the layers: " + describe_activations(kind));
  const Compute compute = compute_of(method);
  if (compute == Compute::native)
    notes.emplace_back("products in integers, activations rounded to 8 bits (docs/kernels.md)");
  if (compute == Compute::bf16)
    notes.emplace_back("products in bf16, weights and activations rounded (docs/kernels.md)");
  return notes;
}

}  // namespace quantbench
