#include "core/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "core/error.h"
#include "core/isa_limit.h"

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

TEST(Isa, NamesAreParsed) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon}) EXPECT_EQ(parse_isa(to_string(isa)), isa);
  EXPECT_THAT(
      [] { parse_isa("AVX2"); },
      testing::ThrowsMessage<Error>("unknown instruction set 'AVX2': expected one of scalar, avx2, avx512, neon"));
}

TEST(Isa, ALimitAfterTheFirstQuestionIsRefused) {
  const Isa used = best_isa();
  EXPECT_THAT([] { limit_isas(Isa::scalar); }, testing::ThrowsMessage<Error>(testing::HasSubstr("too late")));
  EXPECT_EQ(best_isa(), used);
}

TEST(Isa, ALimitThatTheMachineCannotRunIsRefused) {
  const Isa foreign = testing::Value(machine_isas(), testing::Contains(Isa::neon)) ? Isa::avx2 : Isa::neon;
  EXPECT_THAT([=] { limit_isas(foreign); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("this machine cannot run")));
}

TEST(Isa, ByteProductsBelongToAvx512) {
  EXPECT_LE(has_avx512_byte_products(), best_isa() == Isa::avx512);
  EXPECT_LE(has_amx_byte_products(), has_avx512_byte_products());
}

}  // namespace
}  // namespace quantbench
