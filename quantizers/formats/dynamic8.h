// The dynamic eight-bit numbers of bitsandbytes: seven decades, of which each has twice as many numbers as the one below.
//
// T. Dettmers: 8-Bit Approximations for Parallelism in Deep Learning, ICLR 2016, arXiv 1511.04561; the signed map with seven exponent
// bits of bitsandbytes. Decade i = 0..6 is cut into 2^i equal parts from 10^(i-7) to 10^(i-6), whose middles are numbers, of both
// signs; 0 and 1 go with them. A code is the place among the 256 numbers in ascending order.
#pragma once

#include "core/host_device.h"

namespace quantbench::formats {

struct DynamicNumbers {
  float of_code[256];
};

constexpr int dynamic_zero = 127;  // the code of 0

constexpr DynamicNumbers make_dynamic_numbers() {
  DynamicNumbers numbers{};
  double decade = 1e-6;
  int next = dynamic_zero + 1;
  for (int parts = 1; parts <= 64; parts *= 2, decade *= 10)
    for (int part = 0; part < parts; ++part, ++next) {
      numbers.of_code[next] = static_cast<float>(decade * (0.1 + 0.9 * (part + 0.5) / parts));
      numbers.of_code[2 * dynamic_zero - next] = -numbers.of_code[next];
    }
  numbers.of_code[next] = 1;
  return numbers;
}

QUANTBENCH_DEVICE_TABLE constexpr DynamicNumbers dynamic_numbers = make_dynamic_numbers();

}  // namespace quantbench::formats
