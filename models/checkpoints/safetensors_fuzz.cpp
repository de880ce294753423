#include "models/checkpoints/safetensors_reader.h"

#include "core/error.h"

// Any bytes must give a file (or an index) or an Error; the tensors of a file must cover its data exactly.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantbench;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const SafetensorsFile file = parse_safetensors(bytes, "fuzz.safetensors");
    const std::byte* next = file.tensors.empty() ? bytes.data() + bytes.size() : file.tensors.front().bytes.data();
    for (const CheckpointTensor& tensor : file.tensors) {
      if (tensor.bytes.data() != next) __builtin_trap();
      next += tensor.bytes.size();
      static_cast<void>(tensor.row_count());
    }
    if (next != bytes.data() + bytes.size()) __builtin_trap();
  } catch (const Error&) {
  }
  try {
    parse_safetensors_index({reinterpret_cast<const char*>(data), size}, "fuzz.safetensors.index.json");
  } catch (const Error&) {
  }
  return 0;
}
