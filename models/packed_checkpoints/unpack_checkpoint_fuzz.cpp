#include "core/error.h"
#include "models/checkpoints/safetensors_reader.h"
#include "models/checkpoints/strict_json.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"

namespace {

using namespace quantbench;

constexpr std::uint64_t most_weights = 1u << 20;

/// The configuration up to the first NUL, then a safetensors file.
void unpack(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = std::min(text.find('\0'), text.size());
  const QuantizationFacts facts =
      parse_quantization_facts(parse_strict_json(text.substr(0, end), "fuzz.json"), "fuzz.json");
  const SafetensorsFile file = parse_safetensors(bytes.subspan(std::min(end + 1, bytes.size())), "fuzz.safetensors");
  const Checkpoint raw(Metadata("fuzz"), file.tensors, "fuzz.safetensors", {}, nullptr);
  const Checkpoint checkpoint = unpack_checkpoint(raw, facts);
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (!tensor.make || tensor.row_count() * tensor.row_length() > most_weights) continue;
    const Tensor made = tensor.tensor();
    if (made.rows != tensor.row_count() || made.cols != tensor.row_length()) __builtin_trap();
  }
}

}  // namespace

// Any bytes must give a checkpoint whose tensors can be made, or an Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    unpack(std::as_bytes(std::span(data, size)));
  } catch (const quantbench::Error&) {
  }
  return 0;
}
