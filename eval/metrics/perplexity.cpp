#include "eval/metrics/perplexity.h"
