#include "quantizers/formats/codebooks.h"

#include "quantizers/formats/codebook_values.h"
