#include "quantizers/method.h"
