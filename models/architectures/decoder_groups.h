// Which linear layers of a decoder's block read one input, and which inputs can be rescaled without changing the model.
#pragma once

#include <cstddef>
#include <vector>

#include "models/architectures/decoder_parameters.h"
#include "models/model.h"

namespace quantbench {

/// Places in Model::input_groups.
enum DecoderGroup : std::size_t {
  attention_inputs,
  attention_mix,
  feed_forward_input,
  feed_forward_inner,
  decoder_group_count
};

std::vector<InputGroup> decoder_input_groups(const DecoderParameters& parameters, std::size_t block);

}  // namespace quantbench
