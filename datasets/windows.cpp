#include "datasets/windows.h"
