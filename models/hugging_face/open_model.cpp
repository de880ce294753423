#include "models/hugging_face/open_model.h"

#include "models/hugging_face/family.h"
#include "models/packed_checkpoints/unpack_checkpoint.h"

namespace quantbench {

Checkpoint open_model(const std::filesystem::path& path) {
  Checkpoint checkpoint = open_checkpoint(path);
  return checkpoint.config() ? translated(unpack_if_packed(checkpoint)) : checkpoint;
}

}  // namespace quantbench
