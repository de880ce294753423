// A device whose kernels run on the CPU, thread by thread, for tests of what uses devices: products of the formats in the list `Formats`.
#pragma once

#include "core/error.h"
#include "kernels/cuda/int8_matmul_kernel.h"
#include "kernels/cuda/matmul_kernel.h"
#include "kernels/cuda/matvec_kernel.h"
#include "kernels/cuda/product_device.h"
#include "kernels/cuda/testing/emulated_grid.h"
#include "kernels/cuda/testing/padded_tensor.h"
#include "quantizers/formats/all.h"

namespace quantbench::gpu {

/// y = x w', of weights in padded memory.
struct EmulatedProduct {
  const Tensor& weights;
  MatrixView x;
  std::span<float> y;
  bool descending = false;  // threads
};

template <unsigned batch, class F>
void emulated_matvec_of(const EmulatedProduct& product, std::size_t first_row) {
  using Matvec = MatvecKernel<F, batch>;
  const Tensor& weights = product.weights;
  const MatvecArguments<F> arguments{packed_matrix<F>(weights, weights.bytes.data()),
                                     product.x.values.data() + first_row * weights.cols, weights.cols,
                                     product.y.data() + first_row * weights.rows, weights.rows};
  run_emulated({Matvec::blocks(arguments.weights), Matvec::threads, Matvec::shared_bytes, product.descending},
               [&](const EmulatedThread& thread) { Matvec::run(thread, arguments); });
}

template <class F>
void emulated_matvec(const EmulatedProduct& product) {
  for (std::size_t row = 0; row < product.x.rows; ++row) emulated_matvec_of<1, F>(product, row);
}

template <class F>
void emulated_matmul_bf16(const EmulatedProduct& product) {
  const auto matrix = packed_matrix<F>(product.weights, product.weights.bytes.data());
  std::vector<FourWords> rounded(product.x.rows * padded_runs_of<F>(matrix.shape) * run_weights / 8);
  const RoundArguments<F> rounding{matrix.shape, product.x.values.data(), product.x.cols, product.x.rows,
                                   reinterpret_cast<std::uint16_t*>(rounded.data())};
  run_emulated({RoundKernel::blocks(rounding), RoundKernel::threads, 0, product.descending},
               [&](const EmulatedThread& thread) { RoundKernel::run(thread, rounding); });
  const MatmulArguments<F> arguments{matrix, rounding.rounded, product.y.data(), matrix.rows, product.x.rows};
  run_emulated(
      {MatmulKernel::blocks(arguments), MatmulKernel::threads, MatmulKernel::shared_bytes<F>, product.descending},
      [&](const EmulatedThread& thread) { MatmulKernel::run(thread, arguments); });
}

template <class F>
void emulated_matmul_int8(const EmulatedProduct& product) {
  if constexpr (!has_integer_levels<F>) {
    fail("{} has no integer levels", product.weights.format->id);
  } else {
    Int8Workspace workspace{product.x.cols, product.x.rows};
    std::vector<FourWords> memory(workspace.bytes() / sizeof(FourWords));
    workspace.memory = reinterpret_cast<std::byte*>(memory.data());
    const RoundInt8Arguments rounding{workspace, product.x.values.data(), product.x.cols};
    run_emulated({RoundInt8Kernel::blocks(rounding), RoundInt8Kernel::threads, 0, product.descending},
                 [&](const EmulatedThread& thread) { RoundInt8Kernel::run(thread, rounding); });
    const Int8MatmulArguments<F> arguments{packed_matrix<F>(product.weights, product.weights.bytes.data()), workspace,
                                           product.y.data(), product.weights.rows};
    run_emulated({Int8MatmulKernel::blocks(arguments), Int8MatmulKernel::threads, Int8MatmulKernel::shared_bytes<F>,
                  product.descending},
                 [&](const EmulatedThread& thread) { Int8MatmulKernel::run(thread, arguments); });
  }
}

template <class F>
void emulated_multiply(Op op, const EmulatedProduct& product) {
  switch (op) {
    case Op::matvec:
      return emulated_matvec<F>(product);
    case Op::matmul_bf16:
      return emulated_matmul_bf16<F>(product);
    case Op::matmul_int8:
      return emulated_matmul_int8<F>(product);
    default:
      fail("there is no emulated {}", to_string(op));
  }
}

template <class Formats>
class EmulatedProductDevice : public ProductDevice {
 public:
  const GpuDevice& device() const override { return device_; }
  std::size_t free_bytes() const override { return std::size_t{1} << 30; }

  std::unique_ptr<DeviceWeights> upload(const Tensor& weights) override { return std::make_unique<Uploaded>(weights); }

  std::size_t working_bytes(Op, const Tensor& weights, std::size_t rows) const override {
    return rows * (2 * weights.cols + weights.rows) * sizeof(float);
  }

  void multiply(Op op, const DeviceWeights& weights, MatrixView x, std::span<float> y) override {
    const Tensor& matrix = static_cast<const Uploaded&>(weights).padded.view();
    bool found = false;
    formats::for_each_format([&]<class F>(std::size_t layout) {
      if constexpr (is_listed<F>(Formats{}))
        if (layout == matrix.format->layout) {
          emulated_multiply<F>(op, {matrix, x, y});
          found = true;
        }
    });
    if (!found) fail("the emulated device is compiled without {}", matrix.format->id);
  }

 private:
  struct Uploaded : DeviceWeights {
    explicit Uploaded(const Tensor& weights) : padded(weights) {}
    PaddedTensor padded;
  };

  template <class F, class... Listed>
  static constexpr bool is_listed(formats::List<Listed...>) {
    return (std::is_same_v<F, Listed> || ...);
  }

  GpuDevice device_{.name = "emulated"};
};

}  // namespace quantbench::gpu
