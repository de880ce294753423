#include "eval/evaluation_device.h"

#include "core/error.h"
#include "kernels/cuda/resident_products.h"

namespace quantbench {
namespace {

Op op_of(Compute compute) {
  switch (compute) {
    case Compute::exact:
      return Op::matvec;
    case Compute::native:
      return Op::matmul_int8;
    case Compute::bf16:
      return Op::matmul_bf16;
  }
  fail("no such way to compute products");
}

bool is_cuda(std::string_view device) { return parse_evaluation_device(device) == "cuda"; }

}  // namespace

std::string parse_evaluation_device(std::string_view text) {
  if (text != "cpu" && text != "cuda") fail("device: found '{}'; expected cpu or cuda", text);
  return std::string(text);
}

std::string evaluation_device_key(std::string_view device) {
  return is_cuda(device) ? fmt::format("device=cuda, {}\n", find_gpu_device(0).name) : "";
}

std::unique_ptr<ProductDevice> open_evaluation_device(std::string_view device) {
  return is_cuda(device) ? open_product_device() : nullptr;
}

std::unique_ptr<WeightProducts> products_on(ProductDevice* device, Compute compute) {
  if (device == nullptr) return nullptr;
  return std::make_unique<ResidentProducts>(*device, op_of(compute));
}

}  // namespace quantbench
