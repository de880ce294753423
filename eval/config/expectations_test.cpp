#include "eval/config/expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "eval/config/config.h"

namespace quantbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Expectations read(const std::string& yaml) { return read_expectations(parse_yaml(yaml, "c.yaml")); }

std::string error_of(const std::string& yaml) {
  try {
    read(yaml);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ReadExpectations, ARowOfATableIsOneFigureForEachModel) {
  const Expectations expectations = read(
      "source: Table 3\n"
      "protocol: gptq-2048\n"
      "tolerance: 2%\n"
      "published:\n"
      "  - {method: 'zero_point:int4:row', values: {opt-125m: 37.28, opt-350m: 25.94}, tolerance: 0.02}\n"
      "  - {method: f32, metric: kld.mean, value: -0.5, model: opt-1.3b, source: Table 4, windows: 8, dataset: ptb}\n");
  ASSERT_EQ(expectations.figures.size(), 3u);
  const PublishedFigure& second = expectations.figures[1];
  EXPECT_EQ(second.method, "zero_point:int4:row");
  EXPECT_EQ(second.model, "opt-350m");
  EXPECT_EQ(second.value, 25.94);
  EXPECT_EQ(second.metric, "perplexity");
  EXPECT_EQ(second.source, "Table 3");
  EXPECT_EQ(second.protocol, "gptq-2048");
  EXPECT_EQ(second.tolerance.around(second.value), 0.02);
  const PublishedFigure& last = expectations.figures[2];
  EXPECT_EQ(last.metric, "kld.mean");
  EXPECT_EQ(last.value, -0.5);
  EXPECT_EQ(last.source, "Table 4");
  EXPECT_EQ(last.windows, 8u);
  EXPECT_EQ(last.dataset, "ptb");
  EXPECT_DOUBLE_EQ(last.tolerance.around(last.value), 0.01);
}

TEST(ReadExpectations, SomeFiguresCannotBeMeasured) {
  const Expectations expectations = read(
      "source: t\npublished: [{method: GPTQ 3 bit, metric: LAMBADA accuracy, value: 76.19, unmeasurable: no tasks}]\n");
  EXPECT_EQ(expectations.figures[0].method, "GPTQ 3 bit");
  EXPECT_EQ(expectations.figures[0].metric, "LAMBADA accuracy");
  EXPECT_EQ(expectations.figures[0].unmeasurable, "no tasks");
}

TEST(ReadExpectations, MethodsAreCanonical) {
  const Expectations expectations = read(
      "source: t\npublished: [{method: 'search:q4_k', value: 1}]\n"
      "ordering: [{better: 'search:q4_k', worse: 'rtn:q4_0', metric: kld.mean}]\nstrict: true\n");
  EXPECT_EQ(expectations.figures[0].method, "q4_k");
  EXPECT_EQ(expectations.orderings[0].better, "q4_k");
  EXPECT_EQ(expectations.orderings[0].metric, "kld.mean");
  EXPECT_TRUE(expectations.strict);
}

TEST(ReadExpectations, ErrorsNameThePlace) {
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_kk, value: 1}]"), HasSubstr("c.yaml:2:"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, valu: 1}]"), HasSubstr("did you mean value"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, value: 1e3}]"), HasSubstr("decimal number"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, value: .5}]"), HasSubstr("decimal number"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, value: 5.}]"), HasSubstr("decimal number"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k}]"), HasSubstr("either 'value' or 'values'"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, model: m, values: {m: 1}}]"), HasSubstr("'model'"));
  EXPECT_THAT(error_of("published: [{method: q4_k, value: 1}]"), HasSubstr("no 'source'"));
  EXPECT_THAT(error_of("source: t\npublished: [{method: q4_k, value: 1, metric: ppl}]"), HasSubstr("unknown figure"));
  EXPECT_THAT(error_of("source: t\nprotocol: gptq\ntolerance: -1\nstrict: true"), HasSubstr("negative"));
  EXPECT_THAT(error_of("source: t"), HasSubstr("neither"));
  EXPECT_THAT(error_of("ordering: [{better: q4_k, worse: search:q4_k}]"), HasSubstr("with itself"));
  EXPECT_THAT(error_of("ordering: [{better: q4_k, worse: q2_k, metric: bits_per_weight}]"), HasSubstr("kld.mean"));
}

TEST(ConfigWithExpectations, RunsTheirMethodsWhenItListsNone) {
  const Config config = parse_config(
      "model: models/OPT-125m/\n"
      "dataset: {text: t.txt}\n"
      "expectations: {source: t, published: [{method: q4_k, values: {a: 1, b: 2}}, {method: f32, value: 3}]}\n",
      "dir/c.yaml", [](const std::filesystem::path&) -> std::string { fail("no includes"); });
  std::vector<std::string> ids;
  for (const Method& method : config.methods) ids.push_back(to_string(method));
  EXPECT_THAT(ids, ElementsAre("q4_k", "f32"));
  EXPECT_EQ(config.model_name, "OPT-125m");
  EXPECT_EQ(config.model->location, "dir/models/OPT-125m");
}

}  // namespace
}  // namespace quantbench
