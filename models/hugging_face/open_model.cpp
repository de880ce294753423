#include "models/hugging_face/open_model.h"

#include "models/hugging_face/family.h"

namespace quantbench {

Checkpoint open_model(const std::filesystem::path& path) {
  Checkpoint checkpoint = open_checkpoint(path);
  return checkpoint.config() ? translated(checkpoint) : checkpoint;
}

}  // namespace quantbench
