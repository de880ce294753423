#include <cublas_v2.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "core/checked.h"
#include "core/half.h"
#include "kernels/cuda/device/cuda_error.h"
#include "kernels/cuda/device/device_memory.h"
#include "kernels/cuda/device/packed_kernels.h"
#include "kernels/cuda/gpu_session.h"
#include "kernels/cuda/w4_repack.h"

namespace quantbench::gpu {
namespace {

/// The op, which is checked before memory is taken for it.
Op checked_op(Op op, const Format& format) {
  if (!runs_on_gpu(op, format)) fail("there is no kernel {} of {} for CUDA devices", to_string(op), format.id);
  return op;
}

std::size_t outputs_of(Op op, const Tensor& weights, const MatrixView& activations) {
  return is_product(op) ? checked_multiply(activations.rows, weights.rows)
                        : checked_multiply(weights.rows, weights.cols);
}

/// Bytes of weights as the op reads them, in memory of the host.
class StoredWeights {
 public:
  StoredWeights(Op op, const Tensor& weights) : bytes_(weights.bytes) {
    if (op != Op::matmul_w4a16) return;
    repacked_.resize(w4_layout(*weights.format, weights.rows, weights.cols).bytes());
    repack_w4(weights, repacked_, static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    bytes_ = repacked_;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> repacked_;
  std::span<const std::byte> bytes_;
};

/// Weights, activations and outputs on the device.
class Operands {
 public:
  Operands(Op op, const Tensor& weights, const MatrixView& activations, std::size_t rotation_bytes)
      : Operands(op, weights, StoredWeights(checked_op(op, *weights.format), weights).bytes(), activations,
                 rotation_bytes) {}

  /// On the next copy of the weights.
  void launch(const Stream& stream) {
    Tensor weights = weights_;
    turn_ = (turn_ + 1) % copies_;
    weights.bytes = {packed_.data() + turn_ * stride_, weights_.bytes.size()};
    const PackedKernels& kernels = packed_kernels(*weights.format);
    if (op_ == Op::decode)
      kernels.decode(weights, out_.as<float>(), stream.get());
    else
      kernels.multiply(op_, weights, product_, stream.get());
  }

  std::vector<float> results() const {
    std::vector<float> values(out_.size() / sizeof(float));
    out_.read(std::as_writable_bytes(std::span(values)));
    return values;
  }

 private:
  Operands(Op op, const Tensor& weights, std::span<const std::byte> stored, const MatrixView& activations,
           std::size_t rotation_bytes)
      : op_(op),
        weights_(weights),
        stride_(checked_align_up(std::max<std::size_t>(1, stored.size()), alignment)),
        copies_(rotation_bytes == 0 ? 1 : std::max<std::size_t>(2, divide_up(rotation_bytes, stride_))),
        packed_(checked_multiply(copies_, stride_)),
        activations_(std::as_bytes(activations.values)),
        out_(checked_multiply(outputs_of(op, weights, activations), sizeof(float))),
        workspace_(packed_kernels(*weights.format).workspace_bytes(op, weights, activations.rows)),
        product_{activations_.as<float>(), activations.cols, out_.as<float>(), weights.rows,
                 activations.rows,         workspace_.data()} {
    if (is_product(op) && activations.cols != weights.cols)
      fail("activations of {} columns do not fit weights of {}", activations.cols, weights.cols);
    for (std::size_t copy = 0; copy < copies_; ++copy) packed_.write(copy * stride_, stored);
  }

  static constexpr std::size_t alignment = 256;
  Op op_;
  Tensor weights_;
  std::size_t stride_, copies_;
  DeviceMemory packed_, activations_, out_, workspace_;
  DeviceProduct product_;
  std::size_t turn_ = 0;
};

class DeviceRun : public GpuRun {
 public:
  DeviceRun(Op op, const Tensor& weights, const MatrixView& activations, std::size_t rotation_bytes,
            const GpuClockReader& clock_reader)
      : operands_(op, weights, activations, rotation_bytes), clock_reader_(clock_reader) {}

  double seconds_of_call(int count) override {
    begin_.record(stream_);
    for (int i = 0; i < count; ++i) operands_.launch(stream_);
    end_.record(stream_);
    clocks_ = clock_reader_.read();  // calls return at once: the device still works
    return end_.seconds_since(begin_) / count;
  }

  std::optional<GpuClocks> clocks() const override { return clocks_; }

 private:
  Operands operands_;
  const GpuClockReader& clock_reader_;
  std::optional<GpuClocks> clocks_;
  Stream stream_;
  Event begin_, end_;
};

/// The median time of one call of work(stream), after one that is not timed.
template <class Work>
double median_seconds(int samples, const Work& work) {
  const Stream stream;
  const Event begin, end;
  work(stream);
  std::vector<double> seconds;
  for (int sample = 0; sample < std::max(1, samples); ++sample) {
    begin.record(stream);
    work(stream);
    end.record(stream);
    seconds.push_back(end.seconds_since(begin));
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

void check_cublas(cublasStatus_t status, const std::string& asked) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cuBLAS: {}: {}", asked, cublasGetStatusString(status));
}

class Cublas {
 public:
  Cublas() { check_cublas(cublasCreate(&handle_), "cublasCreate"); }
  ~Cublas() { cublasDestroy(handle_); }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;
  cublasHandle_t get() const { return handle_; }

 private:
  cublasHandle_t handle_ = nullptr;
};

/// y (batch, outputs) = x (batch, inputs) w' (outputs, inputs), all by rows: by columns, as cuBLAS has it, y' = (w')' x'.
void multiply_bf16(const Cublas& cublas, const KernelShape& shape, const DeviceMemory& w, const DeviceMemory& x,
                   const DeviceMemory& y) {
  const int outputs = checked_cast<int>(shape.outputs, "outputs"), inputs = checked_cast<int>(shape.inputs, "inputs"),
            batch = checked_cast<int>(shape.batch, "batch");
  const float one = 1, zero = 0;
  check_cublas(cublasGemmEx(cublas.get(), CUBLAS_OP_T, CUBLAS_OP_N, outputs, batch, inputs, &one, w.data(), CUDA_R_16BF,
                            inputs, x.data(), CUDA_R_16BF, inputs, &zero, y.data(), CUDA_R_32F, outputs,
                            CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
               fmt::format("cublasGemmEx of bf16, {}", to_string(shape)));
}

/// Many different ones: zeros take less power to multiply, and so would look too fast.
DeviceMemory bf16_numbers(std::size_t count) {
  std::vector<std::uint16_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = f32_to_bf16(static_cast<float>(i * 2654435761u % 1024) / 512 - 1);
  return DeviceMemory(std::as_bytes(std::span(numbers)));
}

std::string pci_bus_id(int index) {
  char id[32] = {};
  check_cuda(cudaDeviceGetPCIBusId(id, sizeof id, index), fmt::format("cudaDeviceGetPCIBusId({})", index));
  return id;
}

class DeviceSession : public GpuSession {
 public:
  DeviceSession(GpuDevice device, int index)
      : device_(std::move(device)), clock_reader_(load_nvml(), pci_bus_id(index)) {
    check_cuda(cudaSetDevice(index), fmt::format("cudaSetDevice({})", index));
  }

  const GpuDevice& device() const override { return device_; }

  std::vector<float> run(Op op, const Tensor& weights, const MatrixView& activations) override {
    Operands operands(op, weights, activations, 0);
    const Stream stream;
    operands.launch(stream);
    stream.wait();
    return operands.results();
  }

  std::unique_ptr<GpuRun> prepare(Op op, const Tensor& weights, const MatrixView& activations,
                                  std::size_t rotation_bytes) override {
    return std::make_unique<DeviceRun>(op, weights, activations, rotation_bytes, clock_reader_);
  }

  double copy_bytes_per_second(std::size_t bytes, int samples) override {
    const DeviceMemory from(bytes), to(bytes);
    const double seconds = median_seconds(samples, [&](const Stream& stream) {
      check_cuda(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream.get()),
                 fmt::format("cudaMemcpyAsync of {} bytes on the device", bytes));
    });
    return 2 * static_cast<double>(bytes) / seconds;
  }

  double dense_bf16_flops_per_second(const KernelShape& shape, int samples) override {
    const DeviceMemory w = bf16_numbers(checked_multiply(shape.outputs, shape.inputs)),
                       x = bf16_numbers(checked_multiply(shape.batch, shape.inputs)),
                       y(checked_multiply(checked_multiply(shape.batch, shape.outputs), sizeof(float)));
    const Cublas cublas;
    const double seconds = median_seconds(samples, [&](const Stream& stream) {
      check_cublas(cublasSetStream(cublas.get(), stream.get()), "cublasSetStream");
      multiply_bf16(cublas, shape, w, x, y);
    });
    return 2 * static_cast<double>(shape.outputs) * static_cast<double>(shape.inputs) *
           static_cast<double>(shape.batch) / seconds;
  }

 private:
  GpuDevice device_;
  GpuClockReader clock_reader_;
};

}  // namespace
}  // namespace quantbench::gpu

namespace quantbench {

std::unique_ptr<GpuSession> open_gpu(std::size_t device) {
  return std::make_unique<gpu::DeviceSession>(find_gpu_device(device), checked_cast<int>(device, "device"));
}

}  // namespace quantbench
