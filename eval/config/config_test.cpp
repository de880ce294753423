#include "eval/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <ostream>

#include "core/error.h"
#include "core/hash.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

Config parse(const std::string& text, const std::vector<std::string>& overrides = {}, const Files& files = {}) {
  const ConfigReader read = [&files](const std::filesystem::path& path) {
    const auto found = files.find(path.string());
    if (found == files.end()) fail("cannot open {}", path.string());
    return found->second;
  };
  return parse_config(text, "dir/c.yaml", read, overrides);
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}, const Files& files = {}) {
  try {
    parse(text, overrides, files);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

// A config whose methods are `methods` and that measures the error of weights only.
std::string weights_only(const std::string& methods) { return "model: m.gguf\nmetrics: [rmse]\nmethods:\n" + methods; }

std::vector<std::string> ids(const Config& config) {
  std::vector<std::string> all;
  for (const Method& method : config.methods) all.push_back(to_string(method));
  return all;
}

std::vector<std::string> expanded(const std::string& methods) { return ids(parse(weights_only(methods))); }

TEST(Config, TextsMayHaveALoaderInFront) {
  const Config config = parse(
      "model: m.gguf\nmethods: [f32]\ndataset: {text: 'wikitext2:../data/wiki.test.raw'}\n"
      "calibration: c4_crops:/data/c4.json.gz\n");
  EXPECT_EQ(config.dataset->text.name, "wikitext2:wiki.test.raw");
  EXPECT_EQ(config.dataset->text.location, "wikitext2:dir/../data/wiki.test.raw");
  EXPECT_EQ(config.calibration->text.location, "c4_crops:/data/c4.json.gz");
  EXPECT_EQ(error_of("model: m.gguf\nmethods: [f32]\ndataset: {text: 'wikitext:t'}\n"),
            "dir/c.yaml:3:17: unknown dataset loader 'wikitext'; did you mean wikitext2?");
}

TEST(Config, ReadsImportanceRulesAndFallback) {
  const Config config = parse(weights_only("  - {method: rtn, format: q4_0, rules: [false, careful]}\n") +
                              "imatrix: sub/i.gguf\nfallback: allow\n"
                              "rules:\n"
                              "  careful: [{tensor: attn_v, format: q8_0}, {tensor: '^blk', format: keep}]\n");
  EXPECT_EQ(config.imatrix->location, "dir/sub/i.gguf");
  EXPECT_EQ(config.imatrix->name, "i.gguf");
  EXPECT_EQ(config.fallback, Fallback::allow);
  EXPECT_THAT(ids(config), ElementsAre("rtn:q4_0", "rtn:q4_0:rules=careful"));
  EXPECT_TRUE(config.rules_of(config.methods[0]).empty());
  EXPECT_EQ(to_string(config.rules_of(config.methods[1])), "attn_v -> q8_0\n^blk -> keep\n");
}

TEST(Config, RulesMustBeThereAndMakeSense) {
  const auto with = [](const std::string& method, const std::string& rules) {
    return error_of(weights_only("  - " + method + "\n") + "rules: " + rules + "\n");
  };
  EXPECT_THAT(with("rtn:q4_0:rules=carful", "{careful: [{tensor: a, format: q8_0}]}"),
              HasSubstr("the config has no rules 'carful'; did you mean careful"));
  EXPECT_THAT(with("rtn:q4_0", "{careful: [{tensor: a}]}"), HasSubstr("'format' is missing"));
  EXPECT_THAT(with("rtn:q4_0", "{careful: []}"), HasSubstr("the list of rules is empty"));
  EXPECT_THAT(with("rtn:q4_0", "{careful: [{tensor: a, format: q9_0}]}"), HasSubstr("unknown format 'q9_0'"));
  EXPECT_THAT(with("rtn:q4_0", "{careful: [{tensor: '(', format: q8_0}]}"), HasSubstr("dir/c.yaml:5:19"));
  EXPECT_THAT(with("rtn:q4_0:rules=r", "{r: [{tensor: a, format: q4_k}]}"), HasSubstr("the solver rtn does not write"));
  EXPECT_THAT(error_of(weights_only("  - rtn:q4_0\n") + "fallback: never\n"), HasSubstr("error, warn or allow"));
}

TEST(Config, ReadsEveryKey) {
  const Config config = parse(R"(
name: all_keys
model: models/m.gguf
dataset: {text: ../texts/t.txt, protocol: llamacpp-512, n_ctx: 128, chunks: 60}
calibration: embedded:stories/calibration
metrics: [rmse, perplexity, kld]
methods: [f32, rtn:q4_0]
device: cuda
seed: 7
threads: 2
limits: {cells: 10}
)");
  EXPECT_EQ(config.name, "all_keys");
  EXPECT_EQ(config.model->location, "dir/models/m.gguf") << "relative to the config file";
  EXPECT_EQ(config.model->name, "m.gguf") << "reports do not depend on where a file lies";
  EXPECT_EQ(config.dataset->text.location, "dir/../texts/t.txt");
  EXPECT_EQ(config.dataset->protocol.name, "llamacpp-128");
  EXPECT_EQ(config.dataset->chunks, 60u);
  EXPECT_EQ(config.calibration->text.location, "embedded:stories/calibration");
  EXPECT_EQ(config.calibration->protocol.name, "gptq-512");
  EXPECT_THAT(config.metrics, ElementsAre("kld", "perplexity", "rmse"));
  EXPECT_THAT(ids(config), ElementsAre("f32", "rtn:q4_0"));
  EXPECT_EQ(config.device, "cuda");
  EXPECT_EQ(config.seed, 7u);
  EXPECT_EQ(config.threads, 2);
  EXPECT_EQ(config.most_cells, 10u);
  EXPECT_TRUE(config.notes.empty());
}

TEST(Config, CalibrationSaysHowBlocksGetTheirInputs) {
  const auto flow = [](const std::string& keys) {
    return parse(weights_only("  - f32\n") + "calibration: {text: c.txt" + keys + "}\n").calibration_flow;
  };
  EXPECT_EQ(flow(""), (CalibrationFlow{.sequential = true, .true_sequential = false}));
  EXPECT_EQ(flow(", sequential: false"), (CalibrationFlow{.sequential = false, .true_sequential = false}));
  EXPECT_EQ(flow(", true_sequential: true"), (CalibrationFlow{.sequential = true, .true_sequential = true}));
  const auto refused = [](const std::string& keys) {
    return error_of(weights_only("  - f32\n") + "calibration: {text: c.txt, " + keys + "}\n");
  };
  EXPECT_THAT(refused("sequential: false, true_sequential: true"), HasSubstr("needs calibration.sequential"));
  EXPECT_THAT(refused("sequentail: true"), HasSubstr("sequential"));
  EXPECT_THAT(error_of("model: m.gguf\ndataset: {text: t.txt, sequential: true}\nmethods: [f32]\n"),
              HasSubstr("sequential"))
      << "only of the calibration";
}

TEST(Config, MethodsThatLookAtInputsNeedACalibrationText) {
  EXPECT_THAT(error_of(weights_only("  - test_witness:int4:g4:sym\n")),
              HasSubstr("no 'calibration', which method test_witness:int4:g4:sym needs"));
  EXPECT_EQ(parse(weights_only("  - hadamard:int4:g128\n  - hadamard+search:int4:g128:imatrix=off\n")).methods.size(),
            2u)
      << "rotations look at weights alone";
  EXPECT_THAT(error_of(weights_only("  - hadamard+search:int4:g128\n")), HasSubstr("no 'calibration'"));
}

TEST(Config, DefaultsAreTheUsualExperiment) {
  const Config config = parse("model: embedded:stories\ndataset: {text: embedded:stories/eval}\nmethods: [f32]\n");
  EXPECT_EQ(config.name, "c") << "the file's name";
  EXPECT_EQ(config.dataset->protocol.name, "llamacpp-512");
  EXPECT_EQ(config.dataset->chunks, 0u);
  EXPECT_THAT(config.metrics, ElementsAre("kld", "perplexity", "rmse"));
  EXPECT_FALSE(config.threads.has_value());
}

TEST(Config, AnAbsolutePathStays) {
  EXPECT_EQ(parse("model: /m.gguf\nmetrics: [rmse]\nmethods: [f32]\n").model->location, "/m.gguf");
}

TEST(Config, F32IsAddedWhenSomethingIsComparedWithIt) {
  const Config config = parse("model: m.gguf\ndataset: {text: t.txt}\nmethods: [rtn:q4_0]\n");
  EXPECT_THAT(ids(config), ElementsAre("f32", "rtn:q4_0"));
  EXPECT_THAT(config.notes, ElementsAre(HasSubstr("f32 is added")));
  EXPECT_THAT(expanded("  - rtn:q4_0\n"), ElementsAre("rtn:q4_0")) << "not for the error of weights";
}

TEST(Axes, ExpandToTheirProductTheLastFastest) {
  EXPECT_THAT(expanded("  - {method: absmax, bits: [8, 4], group: [32, row, tensor]}\n"),
              ElementsAre("absmax:int8:g32", "absmax:int8:row", "absmax:int8:tensor", "absmax:int4:g32",
                          "absmax:int4:row", "absmax:int4:tensor"));
  EXPECT_THAT(expanded("  - {group: [32, row], bits: [8, 4], method: zero_point}\n"),
              ElementsAre("zero_point:int8:g32", "zero_point:int4:g32", "zero_point:int8:row", "zero_point:int4:row"));
  EXPECT_THAT(expanded("  - {method: rtn, format: [q4_0, q4_1]}\n"), ElementsAre("rtn:q4_0", "rtn:q4_1"));
  EXPECT_THAT(expanded("  - {method: [absmax, zero_point], bits: 4, group: 64, scale: [f16, f32]}\n"),
              ElementsAre("absmax:int4:g64", "absmax:int4:g64:scale=f32", "zero_point:int4:g64",
                          "zero_point:int4:g64:scale=f32"));
  EXPECT_THAT(expanded("  - {method: [q4_k, rtn:q4_0], kv_keys: [q8_0, int4]}\n"),
              ElementsAre("q4_k:kv_keys=q8_0", "q4_k:kv_keys=int4", "rtn:q4_0:kv_keys=q8_0", "rtn:q4_0:kv_keys=int4"));
}

TEST(Axes, OneDefinitionOfEveryMethodRemains) {
  const Config config =
      parse(weights_only("  - absmax:int4:g32\n"
                         "  - {method: rtn, bits: 4, group: 32, symmetry: [sym, asym]}\n"));
  EXPECT_THAT(ids(config), ElementsAre("absmax:int4:g32", "zero_point:int4:g32"));
  EXPECT_THAT(config.notes, ElementsAre("dir/c.yaml:5:5: rtn:int4:g32:sym is absmax:int4:g32 and already listed at "
                                        "dir/c.yaml:4:5; kept once"));
}

struct BadConfig {
  std::string name;
  std::string text;
  std::string message;
};
void PrintTo(const BadConfig& value, std::ostream* out) { *out << value.name; }

class BadConfigs : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, AreRefusedWithThePlace) { EXPECT_THAT(error_of(GetParam().text), HasSubstr(GetParam().message)); }

const std::string start = "model: m.gguf\nmetrics: [rmse]\n";

INSTANTIATE_TEST_SUITE_P(
    Config, BadConfigs,
    testing::Values(
        BadConfig{"empty", "", "dir/c.yaml:1:1: a config is a map"},
        BadConfig{"a_list", "- f32\n", "a config is a map"},
        BadConfig{"unknown_key", start + "method: [f32]\n",
                  "dir/c.yaml:3:1: unknown key 'method' in the config; did you mean methods?"},
        BadConfig{"unknown_nested_key", "dataset: {txt: a}\n", "dir/c.yaml:1:11: unknown key 'txt' in dataset"},
        BadConfig{"duplicate_key", "seed: 1\nseed: 2\n", "dir/c.yaml:2:1: duplicate key 'seed'"},
        BadConfig{"wrong_type", start + "methods: f32\n", "dir/c.yaml:3:10: methods must be a list; found 'f32'"},
        BadConfig{"dataset_is_text", "dataset: t.txt\n", "dataset must be a map of keys and values; found 't.txt'"},
        BadConfig{"unknown_metric", "metrics: [perplexty]\n", "unknown metric 'perplexty'; did you mean perplexity?"},
        BadConfig{"metric_twice", "metrics: [rmse, rmse]\n", "metric 'rmse' is listed twice"},
        BadConfig{"no_metrics", "metrics: []\n", "metrics is empty"},
        BadConfig{"unknown_protocol", "dataset: {text: t, protocol: wikitext}\n", "dir/c.yaml:1:30: "},
        BadConfig{"one_token_window", "dataset: {text: t, n_ctx: 1}\n", "n_ctx must be a whole number from 2"},
        BadConfig{"unknown_embedded_model", "model: embedded:storys\n",
                  "unknown embedded model 'embedded:storys'; did you mean embedded:stories?"},
        BadConfig{"a_text_is_no_model", "model: embedded:stories/eval\n", "unknown embedded model"},
        BadConfig{"no_model", "metrics: [rmse]\nmethods: [f32]\n",
                  "the config has no 'model', which metric rmse needs"},
        BadConfig{"no_methods", start, "the config has no 'methods'"},
        BadConfig{"no_dataset", "model: m\nmethods: [f32]\n", "the config has no 'dataset', which metric kld needs"},
        BadConfig{"name_is_a_path", "name: ../x\n", "name '../x' also names a folder"},
        BadConfig{"hidden_name", "name: .x\n", "also names a folder"},
        BadConfig{"unknown_device", "device: gpu\n", "dir/c.yaml:1:9: device: found 'gpu'; expected cpu or cuda"},
        BadConfig{"negative_seed", "seed: -1\n", "seed must be a whole number"},
        BadConfig{"huge_seed", "seed: 9223372036854775808\n", "seed must be a whole number"},
        BadConfig{"no_threads", "threads: 0\n", "threads must be a whole number from 1"},
        BadConfig{"throughput_unused", start + "methods: [f32]\nthroughput: {threads: 1}\n",
                  "throughput is configured but not in metrics"},
        BadConfig{"shape_of_one", "throughput: {shapes: [[4096]]}\n", "a shape is [outputs, inputs]; found 1 numbers"},
        BadConfig{"throughput_device", "throughput: {device: [cpu, tpu]}\n",
                  "throughput.device is cpu or cuda; found 'tpu'"},
        BadConfig{"throughput_format", "throughput: {formats: [q4_9]}\n", "dir/c.yaml:1:24: "},
        BadConfig{"unknown_method", start + "methods: [q4_9]\n", "dir/c.yaml:3:11: "},
        BadConfig{"method_is_a_list", start + "methods: [[f32]]\n", "a method must be text; found a list of 1"},
        BadConfig{"axes_without_method", start + "methods: [{bits: 4, group: 32}]\n", "the method has no 'method'"},
        BadConfig{"axis_typo", start + "methods: [{method: absmax, bit: 4, group: 32}]\n",
                  "neither 'format' nor 'bits' and 'group'; is 'bit' meant to be bits?"},
        BadConfig{"group_missing", start + "methods: [{method: absmax, bits: 4, groups: 32}]\n",
                  "the method has no 'group'; is 'groups' meant to be group?"},
        BadConfig{"empty_axis", start + "methods: [{method: absmax, bits: [], group: 32}]\n",
                  "axis 'bits' has no values"},
        BadConfig{"group_zero", start + "methods: [{method: absmax, bits: 4, group: 0}]\n",
                  "axis 'group' (or row, or tensor) must be a whole number from 1"},
        BadConfig{"group_minus_one", start + "methods: [{method: absmax, bits: 4, group: -1}]\n", "for -1 write row"},
        BadConfig{"bits_out_of_range", start + "methods: [{method: absmax, bits: 9, group: 32}]\n",
                  "axis 'bits' must be a whole number from 2 to 8; found '9'"},
        BadConfig{"format_and_bits", start + "methods: [{method: rtn, format: q4_0, bits: 4}]\n",
                  "dir/c.yaml:3:39: give either 'format' or 'bits', not both"},
        BadConfig{"scale_does_not_apply", start + "methods: [{method: rtn, format: q4_0, scale: f16}]\n",
                  "dir/c.yaml:3:39: axis 'scale' does not apply to rtn:q4_0"},
        BadConfig{"symmetry_contradicts", start + "methods: [{method: absmax, bits: 4, group: 32, symmetry: asym}]\n",
                  "axis 'symmetry' does not apply to absmax:int4:g32"},
        BadConfig{"unknown_option", start + "methods: [{method: absmax, bits: 4, group: 32, scal: f16}]\n",
                  "axis 'scal' does not apply to absmax:int4:g32; did you mean scale?"}),
    [](const auto& test) { return test.param.name; });

TEST(Axes, TheNumberOfCellsIsLimited) {
  EXPECT_THAT(error_of("limits: {cells: 3}\n" + weights_only("  - {method: absmax, bits: [8, 4], group: [32, row]}\n")),
              HasSubstr("expand to more than 3 cells"));
  EXPECT_THAT(error_of("limits: {cells: 1}\n" + weights_only("  - rtn:q4_0\n  - rtn:q4_1\n")),
              HasSubstr("more than 1 cells"));
  std::string many = "  - {method: absmax, bits: 4, group: 32";
  for (int i = 0; i < 40; ++i) many += fmt::format(", k{}: [true, false, true, false]", i);
  EXPECT_THAT(error_of(weights_only(many + "}\n")), HasSubstr("more than 1000 cells")) << "4^40 is never built";
}

TEST(Overrides, ReplaceAndAddValues) {
  const std::string text = "model: m.gguf\ndataset: {text: t.txt, chunks: 60}\nmethods: [f32, rtn:q4_0]\n";
  const Config config = parse(text, {"dataset.chunks=10", "methods.1=rtn:q4_1", "seed=5", "limits.cells=7"});
  EXPECT_EQ(config.dataset->chunks, 10u);
  EXPECT_THAT(ids(config), ElementsAre("f32", "rtn:q4_1"));
  EXPECT_EQ(config.seed, 5u);
  EXPECT_EQ(config.most_cells, 7u);
  EXPECT_THAT(ids(parse(text, {"methods=[f32, {method: absmax, bits: 4, group: [32, 64]}]"})),
              ElementsAre("f32", "absmax:int4:g32", "absmax:int4:g64"));
  EXPECT_EQ(parse(text, {"model=other.gguf"}).model->location, "other.gguf") << "relative to the working directory";
}

TEST(Overrides, AreReadAsStrictlyAsTheFile) {
  const std::string text = "model: m.gguf\ndataset: {text: t.txt}\nmethods: [f32]\n";
  EXPECT_EQ(error_of(text, {"dataset.chunk=10"}),
            "--set dataset.chunk=10: unknown key 'chunk' in dataset; did you mean chunks?");
  EXPECT_EQ(error_of(text, {"seed"}), "--set seed: expected key=value");
  EXPECT_THAT(error_of(text, {"=1"}), HasSubstr("is not a path of keys"));
  EXPECT_THAT(error_of(text, {"dataset..chunks=1"}), HasSubstr("is not a path of keys"));
  EXPECT_THAT(error_of(text, {"model.file=x"}), HasSubstr("there is no key 'file' in dir/c.yaml:1:8"));
  EXPECT_THAT(error_of(text, {"methods.1=rtn:q4_0"}), HasSubstr("must be the number of one of the list's 1 items"));
  EXPECT_THAT(error_of(text, {"include=x.yaml"}), HasSubstr("include cannot be set"));
  EXPECT_THAT(error_of(text, {"seed=[1"}), HasSubstr("--set seed=[1"));
  EXPECT_THAT(error_of(text, {"seed=many"}), HasSubstr("--set seed=many: seed must be a whole number"));
}

TEST(Includes, LieUnderTheFile) {
  const Files files{
      {"dir/presets/stories.yaml", "model: ../m.gguf\ndataset: {text: t.txt, chunks: 60}\nmethods: [f32]\n"},
      {"dir/presets/q.yaml", "methods: [rtn:q4_0]\nseed: 3\n"}};
  const Config config =
      parse("include: [presets/stories.yaml, presets/q.yaml]\ndataset: {chunks: 10}\nmethods: [rtn:q4_1]\n", {}, files);
  EXPECT_EQ(config.model->location, "dir/presets/../m.gguf") << "relative to the file that says so";
  EXPECT_EQ(config.dataset->chunks, 10u) << "maps are merged";
  EXPECT_EQ(config.dataset->text.location, "dir/presets/t.txt");
  EXPECT_EQ(config.seed, 3u);
  EXPECT_THAT(ids(config), ElementsAre("f32", "rtn:q4_0", "rtn:q4_1")) << "methods are joined";
}

TEST(Includes, CannotLoopOrBeMissing) {
  EXPECT_THAT(error_of("include: c.yaml\n", {}, {{"dir/c.yaml", "include: c.yaml\n"}}),
              HasSubstr("dir/c.yaml:1:10: dir/c.yaml includes itself"));
  EXPECT_THAT(error_of("include: a.yaml\n", {}, {{"dir/a.yaml", "include: ../dir/c.yaml\n"}}),
              HasSubstr("dir/a.yaml:1:10: dir/c.yaml includes itself"));
  EXPECT_EQ(error_of("seed: 1\ninclude: gone.yaml\n"), "dir/c.yaml:2:10: cannot open dir/gone.yaml");
  EXPECT_THAT(error_of("include: a.yaml\n", {}, {{"dir/a.yaml", "sed: 1\n"}}),
              HasSubstr("dir/a.yaml:1:1: unknown key"));
  Files chain;
  for (int i = 0; i < 20; ++i) chain[fmt::format("dir/{}.yaml", i)] = fmt::format("include: {}.yaml\n", i + 1);
  EXPECT_THAT(error_of("include: 0.yaml\n", {}, chain), HasSubstr("nested more than 8 deep"));
}

TEST(Config, TheHashNamesTheExperimentNotItsLayout) {
  const std::string text = "model: m.gguf\ndataset: {text: t.txt, chunks: 60}\nmethods: [f32]\n";
  const std::string other = "methods:\n- f32\ndataset:\n  chunks: 60\n  text: t.txt\nmodel: m.gguf\nthreads: 2\n";
  EXPECT_EQ(parse(text).sha256, parse(other).sha256);
  EXPECT_EQ(parse(text).json, R"({"dataset":{"chunks":"60","text":"t.txt"},"methods":["f32"],"model":"m.gguf"})");
  EXPECT_EQ(parse(text).sha256, sha256(parse(text).json));
  EXPECT_NE(parse(text).sha256, parse(text, {"dataset.chunks=61"}).sha256);
}

TEST(Config, EveryCommittedConfigIsValid) {
  const std::filesystem::path folder = std::filesystem::path(QUANTBENCH_SOURCE_DIR) / "configs";
  for (const char* file : {"default.yaml", "sweeps/group_size.yaml", "ci/quality_gate.yaml"}) {
    const Config config = load_config(folder / file);
    EXPECT_EQ(config.name, std::filesystem::path(file).stem()) << file;
    EXPECT_THAT(config.notes, testing::IsEmpty()) << file;
    EXPECT_GT(config.methods.size(), 4u) << file;
  }
}

}  // namespace
}  // namespace quantbench
