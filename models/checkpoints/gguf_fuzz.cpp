#include "models/checkpoints/gguf_reader.h"

#include "core/error.h"

// Any bytes must give a file or an Error; of a file, all that it describes must be readable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  try {
    const GgufFile file = parse_gguf(std::as_bytes(std::span(data, size)), "fuzz.gguf");
    unsigned sum = 0;
    for (const CheckpointTensor& tensor : file.tensors) {
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
      if (tensor.format && tensor.tensor().weights() > tensor.bytes.size() * 8) __builtin_trap();
    }
    volatile unsigned sink = sum;
    static_cast<void>(sink);
  } catch (const Error&) {
  }
  return 0;
}
