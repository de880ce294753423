// Method ids: canonical forms by hand, parse and print as inverses over a generated set, and what is refused with which
// words.
#include "quantizers/method.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "quantizers/formats/registry.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

TEST(MethodId, CanonicalForms) {
  const std::vector<std::pair<const char*, const char*>> forms = {
      {"f32", "f32"},
      {"q4_0", "q4_0"},
      {"search:q4_0", "q4_0"},
      {"search:q4_k:effort=default", "q4_k"},
      {"search:q4_k:effort=best", "q4_k:effort=best"},
      {"rtn:q4_0", "rtn:q4_0"},
      {"q4_k_m", "q4_k_m"},
      {"mix:q4_k_m", "q4_k_m"},
      {"mix:q6_k", "mix:q6_k"},
      {"rtn:mix:iq2_xxs", "rtn:mix:iq2_xxs"},
      {"absmax:int8:tensor", "absmax:int8:tensor"},
      {"absmax:int4:g128:sym", "absmax:int4:g128"},
      {"rtn:int4:g128:sym", "absmax:int4:g128"},
      {"rtn:int4:g128", "zero_point:int4:g128"},
      {"zero_point:int3:scale=f32:g64:asym", "zero_point:int3:g64:scale=f32"},
      {"absmax:int3:scale=f32:g64", "absmax:int3:g64:scale=f32"},
      {"gptq:int4:g128:sym", "gptq:int4:g128:sym"},
      {"gptq:int3:g128:asym:static:actorder", "gptq:int3:g128:actorder:static"},
      {"gptq:int3:g128:asym:actorder:static:reference", "gptq:int3:g128:scale=f32:actorder:reference:static"},
      {"gptq:int3:g128:scale=f32:reference", "gptq:int3:g128:scale=f32:reference"},
      {"gptq:int3:g128:scale=f16:reference", "gptq:int3:g128:scale=f16:reference"},
      {"gptq:int3:g128:damp=0.010:block=128", "gptq:int3:g128"},
      {"gptq:int3:g128:damp=5e-2", "gptq:int3:g128:damp=0.05"},
      {"gptq:actorder", nullptr},
      {"gptq:q4_k", "gptq:q4_k"},
      {"awq:int3:g128", "awq:int3:g128"},
      {"awq+rtn:int3:g128:clip", "awq:int3:g128:clip"},
      {"awq+absmax:int3:g128", "awq:int3:g128:sym"},
      {"awq+gptq:int3:g128:alpha=0.50", "awq+gptq:int3:g128:alpha=0.5"},
      {"hadamard+awq+gptq:q4_0:actorder", "hadamard+awq+gptq:q4_0:actorder"},
      {"awq+search:q4_0", "awq+search:q4_0"},
      {"hadamard:f16", "hadamard:f16"},
      {"rtn:int3:g128:grid=zero", "zero_point:int3:g128"},
      {"rtn:int3:g128:grid=spread", "zero_point:int3:g128:grid=spread"},
      {"awq:int3:g128:grid=spread", "awq:int3:g128"},
      {"awq:int3:g128:grid=zero", "awq:int3:g128:grid=zero"},
      {"awq+gptq:int3:g128:clip=grid", "awq+gptq:int3:g128:clip=grid"},
      {"absmax:nf4:g64", "absmax:nf4:g64"},
      {"rtn:nf4:g64:scale=f32", "absmax:nf4:g64"},
      {"rtn:nf4:dq:g64", "absmax:nf4:g64:dq"},
      {"absmax:fp4:scale=f16:row", "absmax:fp4:row:scale=f16"},
      {"search:nf4:g64:dq:effort=best", "search:nf4:g64:dq:effort=best"},
      {"gptq:fp8_e4m3:row:actorder", "gptq:fp8_e4m3:row:actorder"},
      {"awq:nf4:g64", "awq:nf4:g64"},
      {"fp8_e5m2:tensor", nullptr},
  };
  for (const auto& [id, canonical] : forms) {
    if (canonical == nullptr) {
      EXPECT_THROW(parse_method(id), Error) << id;
    } else {
      EXPECT_EQ(to_string(parse_method(id)), canonical);
    }
  }
}

TEST(MethodId, PartsOfAMethod) {
  EXPECT_EQ(parse_method("awq+gptq:int3:g128:actorder:damp=0.1"),
            (Method{{"awq"}, "gptq", "int3:g128", {{"actorder", ""}, {"damp", "0.1"}}}));
  EXPECT_EQ(parse_method("absmax:int4:row"), (Method{{}, "rtn", "int4:row:sym", {}}));
  EXPECT_EQ(parse_method("q5_1"), (Method{{}, "search", "q5_1", {}}));
  EXPECT_EQ(parse_method("bf16"), (Method{{}, "", "bf16", {}}));
  EXPECT_EQ(parse_method("mix:q2_k"), (Method{{}, "search", "mix:q2_k", {}}));
}

std::vector<std::map<std::string, std::string>> option_sets(const std::vector<OptionSpec>& specs) {
  std::vector<std::map<std::string, std::string>> sets = {{}};
  for (const OptionSpec& spec : specs) {
    const std::size_t count = sets.size();
    for (std::size_t i = 0; i < count; ++i) {
      auto with = sets[i];
      with[std::string(spec.name)] = spec.kind == OptionSpec::Kind::flag   ? ""
                                     : spec.kind == OptionSpec::Kind::word ? std::string(spec.words.back())
                                                                           : "0.25";
      sets.push_back(with);
    }
  }
  return sets;
}

std::vector<std::string> all_targets() {
  std::vector<std::string> targets = format_ids();
  for (const std::string& word : method_words())
    if (is_gguf_type(word) || is_mix(word)) targets.push_back(word);
  for (const char* name : {"q2_k", "q6_k", "iq2_xxs"}) targets.push_back(mix_id(name));
  return targets;
}

TEST(MethodId, PrintingAndParsingAreInverses) {
  std::set<std::string> seen;
  std::size_t tried = 0;
  for (const std::string& target : all_targets())
    for (const StepSpec& solver : known_solvers())
      for (const std::vector<std::string>& transforms :
           {std::vector<std::string>{}, {"awq"}, {"hadamard"}, {"smoothquant", "hadamard"}}) {
        const bool plain = target == "f32" || target == "f16" || target == "bf16";
        std::vector<OptionSpec> specs = plain ? std::vector<OptionSpec>{} : solver.options;
        if (!transforms.empty()) {
          const auto& more = find_step(known_transforms(), transforms.front())->options;
          specs.insert(specs.end(), more.begin(), more.end());
        }
        for (const auto& options : option_sets(specs)) {
          if (++tried % 29 != 0 && options.size() > 1) continue;
          if (transforms.size() == 1 && transforms.front() == "awq" && options.contains("grid")) continue;  // a default
          const Method method{transforms, plain ? "" : std::string(solver.name), target, options};
          const std::string id = to_string(method);
          ASSERT_EQ(parse_method(id), method) << id;
          ASSERT_EQ(to_string(parse_method(id)), id);
          seen.insert(id);
        }
      }
  EXPECT_GT(seen.size(), 2000u);
}

struct Refused {
  const char* id;
  const char* words;
};

void expect_refused(const Refused& refused, void (*action)(const char*)) {
  try {
    action(refused.id);
    ADD_FAILURE() << refused.id << " was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(refused.words), std::string::npos)
        << refused.id << ": " << error.what() << "\nexpected: " << refused.words;
  }
}

TEST(MethodId, MalformedIdsAreRefused) {
  const std::vector<Refused> table = {
      {"", "empty part"},
      {":", "empty part"},
      {"rtn::q4_0", "empty part"},
      {"rtn", "names no format"},
      {"awq+:q4_0", "neither a transform nor a solver"},
      {"+", "neither a transform nor a solver"},
      {"Q4_0", "did you mean q4_0"},
      {"q4_9", "did you mean q4_0"},
      {"gtpq:int4:g128", "did you mean gptq"},
      {"awk+gptq:int4:g128", "'awk' is neither a transform nor a solver; did you mean awq"},
      {"gptq+awq:int4:g128", "the solver gptq comes last"},
      {"rtn+gptq:int4:g128", "the solver rtn comes last"},
      {"awq+awq:int4:g128", "applies awq twice"},
      {"int4:g128", "write absmax:int4:g128 (symmetric) or zero_point:int4:g128 (asymmetric)"},
      {"absmax:q4_0", "absmax takes an integer format"},
      {"zero_point:f16", "zero_point takes an integer format"},
      {"absmax:int4:g128:asym", "contradicts itself"},
      {"zero_point:int4:g128:sym", "contradicts itself"},
      {"absmax:int4", "add :tensor, :row or :gN"},
      {"absmax:int1:g128", "unknown format 'int1"},
      {"absmax:int4:g128:smy", "did you mean sym"},
      {"rtn:f16", "plain conversion"},
      {"gptq:f32", "plain conversion"},
      {"rtn:q4_0:mse", "kv_rotate, grid, rules"},
      {"nf4:g64", "write absmax:nf4:g64 (plain rounding) or search:nf4:g64"},
      {"absmax:nf4", "add :tensor, :row or :gN, as in nf4:g64"},
      {"absmax:fp8_e4m3", "as in fp8_e4m3:row"},
      {"absmax:nf5:g64", "or one of nf4, fp4, fp8_e4m3, fp8_e5m2, not 'nf5'"},
      {"zero_point:nf4:g64", "zero_point takes an integer format such as int4:g128, not 'nf4'"},
      {"search:nf4:g64:asym", "'asym' is none of tensor, row, gN (N weights per scale), dq, scale=f16, scale=f32"},
      {"absmax:fp8_e4m3:row:dq", "'dq' is none of tensor, row, gN (N weights per scale), scale=f32"},
      {"absmax:int4:g64:dq", "'dq' is none of"},
      {"absmax:nf4:tensor:dq", "dq is about the scales of many groups"},
      {"absmax:nf4:g64:dq:scale=f16", "dq says how scales are stored"},
      {"f16:mse", "known: activations, compute, kv_keys, kv_values, kv_rotate"},
      {"gptq:int4:g128:dmap=0.1", "did you mean damp"},
      {"gptq:int4:g128:damp", "damp is a number"},
      {"gptq:int4:g128:damp=", "options are name or name=value"},
      {"gptq:int4:g128:damp=-1", "damp is a number"},
      {"gptq:int4:g128:damp=inf", "damp is a number"},
      {"gptq:int4:g128:damp=0.1x", "damp is a number"},
      {"gptq:int4:g128:actorder=1", "takes no value"},
      {"gptq:int4:g128:damp=0.01:damp=0.02", "twice"},
      {"q4_k:effort=bset", "effort is one of fast, default, best"},
      {"mix", "name of a mix"},
      {"mix:q4", "name of a mix"},
      {"q4_0 ", "did you mean q4_0"},
  };
  for (const Refused& refused : table) expect_refused(refused, [](const char* id) { parse_method(id); });
}

TEST(MethodCheck, SaysWhatIsMissingAndWhatToUse) {
  const std::vector<Refused> table = {
      {"search:int4:tensor", "the solver search does not write int4:tensor"},
      {"rtn:q4_k", "the solver rtn does not write q4_k"},
      {"search:nf4:tensor", "the solver search does not write nf4:tensor"},
      {"gptq:fp8_e4m3:tensor", "the solver gptq does not write fp8_e4m3:tensor"},
      {"gptq:nf4:g64:dq", "stores those of a tensor together; use nf4:g64"},
      {"gptq:nf4:g64:minmax", "minmax is about integer formats, not nf4:g64"},
      {"obq:nf4:g64", "the solver obq does not write nf4:g64"},
      {"hqq:nf4:g64", "it writes q4_1 and q5_1, not nf4:g64"},
      {"absmax:nf4:g64:grid=spread", "has grid=spread only for integer formats with a zero point"},
      {"awq:nf4:g64:dq:clip", "a clip search needs groups with scales of their own, and nf4:g64:dq has none"},
      {"rtn:iq2_xxs", "the solver rtn does not write iq2_xxs"},
      {"awq:q4_k", "the solver rtn does not write q4_k"},
      {"awq:int3:g128:alpha=1.5", "alpha of awq is 0 to 1"},
      {"awq:int3:g128:clip=grid", "the solver rtn fits its grids to the weights alone"},
      {"awq+search:q4_k:clip", "a clip search needs groups with scales of their own, and q4_k has none"},
      {"awq:int8:tensor:clip", "a clip search needs groups"},
      {"zero_point:int8:tensor:grid=spread", "has grid=spread only for integer formats with a zero point"},
      {"salient:int3:g128:keep=0", "keep is more than 0"},
      {"salient:int3:g128:seed=3", "a seed is for by=random"},
      {"salient:f16", "f16 quantizes no columns"},
      {"salient+awq:int3:g128", "salient comes last of the transforms"},
      {"smoothquant:int8:row:alpha=2", "alpha of smoothquant is 0 to 1"},
      {"absmax:int8:g32:grid=spread", "has grid=spread only for integer formats with a zero point"},
      {"rtn:q4_1:grid=spread", "has grid=spread only for integer formats with a zero point"},
      {"hadamard:int4:g128:seed=0.5", "seed is a whole number"},
      {"awq+hadamard:int4:g128", "hadamard comes first of the transforms"},
  };
  for (const Refused& refused : table) expect_refused(refused, [](const char* id) { check_method(parse_method(id)); });
}

TEST(MethodCheck, TransformsAndTheirOptionsCanBeTakenOff) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"awq:int3:g128:clip:alpha=0.5", "zero_point:int3:g128:grid=spread"},
      {"awq:int3:g128:grid=zero", "zero_point:int3:g128"},
      {"awq:int3:g128:sym:duo", "absmax:int3:g128"},
      {"awq:int8:tensor", "zero_point:int8:tensor"},
      {"awq:q4_0", "rtn:q4_0"},
      {"awq+search:q4_k:effort=best:imatrix=off:duo", "q4_k:effort=best:imatrix=off"},
      {"awq+gptq:int3:g128:clip=grid:static", "gptq:int3:g128:static"},
      {"awq:f16", "f16"},
      {"hadamard+gptq:int4:g128:static:seed=3", "gptq:int4:g128:static"},
      {"hadamard+awq:int4:g128", "zero_point:int4:g128:grid=spread"},
      {"q4_k:effort=fast", "q4_k:effort=fast"},
  };
  for (const auto& [id, plain] : table) EXPECT_EQ(to_string(without_transforms(parse_method(id))), plain);
}

TEST(MethodCheck, ExamplesRunAndAreCanonical) {
  const auto examples = example_methods();
  for (const std::string& id : examples) {
    EXPECT_EQ(to_string(parse_method(id)), id);
    EXPECT_NO_THROW(check_method(parse_method(id))) << id;
  }
  for (const char* id :
       {"f32", "bf16", "rtn:q4_0", "awq:int4:g128", "awq+gptq:int4:g128", "salient:int4:g128", "hadamard:int4:g128",
        "hadamard+gptq:int4:g128", "rtn:q8_0", "absmax:int8:tensor", "absmax:int4:g128", "zero_point:int3:g64"})
    EXPECT_NE(std::ranges::find(examples, id), examples.end()) << id;
  EXPECT_EQ(std::set(examples.begin(), examples.end()).size(), examples.size());
}

TEST(MethodCheck, EveryKnownTypeThatIsAFormatHasItsId) {
  for (const std::string& id : format_ids()) {
    const auto format = find_format(id);
    if (!format->gguf_type || format->floating_point) continue;
    EXPECT_TRUE(is_gguf_type(id)) << id;
  }
}

}  // namespace
}  // namespace quantbench
