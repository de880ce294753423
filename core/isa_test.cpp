#include "core/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "core/error.h"

namespace quantbench {
namespace {

TEST(Isa, ScalarIsAlwaysThereAndTheBestIsLast) {
  EXPECT_EQ(available_isas().front(), Isa::scalar);
  EXPECT_EQ(available_isas().back(), best_isa());
  std::cout << "best instruction set: " << to_string(best_isa()) << "\n";  // scripts/test_neon.sh looks for it
}

TEST(Isa, WhatTheMachineLacksIsRefused) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon}) {
    if (testing::Value(available_isas(), testing::Contains(isa)))
      EXPECT_NO_THROW(require_isa(isa));
    else
      EXPECT_THROW(require_isa(isa), Error) << to_string(isa);
  }
}

}  // namespace
}  // namespace quantbench
