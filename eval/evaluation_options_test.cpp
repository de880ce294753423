#include "eval/evaluation_options.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/isa.h"

namespace quantbench {
namespace {

TEST(Compute, ParsingAndPrintingAreInverses) {
  for (const Compute compute : {Compute::exact, Compute::native, Compute::bf16})
    EXPECT_EQ(parse_compute(to_string(compute)), compute);
  EXPECT_THROW(parse_compute("fast"), Error);
}

TEST(MachineKey, IsOfProductsThatDependOnTheMachineOnly) {
  EXPECT_EQ(machine_key(parse_method("rtn:q4_0")), "");
  EXPECT_EQ(machine_key(parse_method("rtn:q4_0:compute=exact")), "");
  for (const char* method : {"rtn:q4_0:compute=native", "rtn:q4_0:compute=bf16"})
    EXPECT_THAT(machine_key(parse_method(method)), testing::HasSubstr(to_string(best_isa())));
}

}  // namespace
}  // namespace quantbench
