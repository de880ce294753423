// The forward pass of every decoder-only transformer that DecoderParameters describes.
#pragma once

#include <memory>

#include "models/architectures/decoder_parameters.h"
#include "models/model.h"

namespace quantbench {

/// The parameters are complete (complete_from_tensors).
std::unique_ptr<const Model> make_decoder(DecoderParameters parameters);

}  // namespace quantbench
