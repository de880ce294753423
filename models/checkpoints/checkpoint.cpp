#include "models/checkpoints/checkpoint.h"
