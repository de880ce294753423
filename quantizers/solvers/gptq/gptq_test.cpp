// GPTQ on a layer of three rows whose every intermediate value is known, and its invariants.
#include <cmath>
#include <random>

#include "quantizers/formats/registry.h"
#include "quantizers/solvers/gptq/golden_layers_for_tests.h"
#include "quantizers/solvers/gptq/row_panel.h"

namespace quantbench::gptq {
namespace {

using Json = nlohmann::json;

std::vector<float> matrix_of(const Json& rows) {
  std::vector<float> values;
  for (const Json& row : rows)
    for (const Json& value : row) values.push_back(value.get<float>());
  return values;
}

struct TraceCase {
  std::string format;
  std::map<std::string, std::string> options;
};

TraceCase case_of(const Json& entry) {
  TraceCase result;
  const int group = entry["groupsize"];
  const bool scattered = entry["act_order"] && !entry["static_groups"] && group > 0;
  result.format = fmt::format("int{}:{}{}:scale=f32", entry["bits"].get<int>(),
                              scattered   ? "g1"
                              : group < 0 ? "row"
                                          : fmt::format("g{}", group),
                              entry["sym"] ? ":sym" : "");
  result.options = {{"reference", ""}, {"block", std::to_string(entry["blocksize"].get<int>())}};
  if (entry["act_order"]) result.options.emplace("actorder", "");
  if (entry["static_groups"]) result.options.emplace("static", "");
  if (entry["mse"]) result.options.emplace("mse", "");
  if (scattered) result.options.emplace("dynamic", std::to_string(group));
  return result;
}

void expect_order(const Problem& problem, const Json& entry) {
  for (std::size_t position = 0; position < problem.cols; ++position)
    EXPECT_EQ(problem.order.column[position],
              entry["perm"].is_null() ? position : entry["perm"][position].get<std::size_t>());
}

void expect_factor(const Problem& problem, const Json& entry) {
  const std::vector<float> expected = matrix_of(entry["Hinv_upper_cholesky_factor"]);
  for (std::size_t row = 0; row < problem.cols; ++row)
    for (std::size_t col = 0; col < problem.cols; ++col)
      EXPECT_NEAR(problem.factor.transposed[col * problem.cols + row], expected[row * problem.cols + col], 1e-5f);
}

/// The first grids recorded are those of whole rows, which groups do not use.
void expect_grids(const RowPanel& panel, std::size_t row, const Json& entry) {
  const auto grids = panel.grids(row);
  const Json& recorded = entry["grids_in_order_of_computation"];
  const std::size_t skipped = entry["groupsize"].get<int>() < 0 ? 0 : 1;
  ASSERT_EQ(grids.size() + skipped, recorded.size());
  const float half = static_cast<float>(1 << (entry["bits"].get<int>() - 1));
  for (std::size_t grid = 0; grid < grids.size(); ++grid) {
    EXPECT_NEAR(grids[grid].scale, recorded[grid + skipped]["scale"][row].get<float>(), 1e-6f);
    EXPECT_EQ(grids[grid].zero + half, recorded[grid + skipped]["zero"][row].get<float>());
  }
}

TEST(GptqTrace, EveryStepIsThatOfThePublishedCode) {
  const Json trace = golden_json("tiny_trace.json");
  const std::vector<float> weights = matrix_of(trace["W"]), x = matrix_of(trace["X"]);
  const std::size_t tokens = trace["X"].size(), rows = 3, cols = 8;
  const std::vector<float> hessian = to_f32(quantbench::moments(x, x, tokens));
  ASSERT_EQ(trace["cases"].size(), 9u);
  for (const Json& entry : trace["cases"]) {
    const auto [format_id, options] = case_of(entry);
    SCOPED_TRACE(format_id);
    const auto recorded = matrix_of(entry["H_before_dead_and_damp"]);
    for (std::size_t i = 0; i < hessian.size(); ++i) EXPECT_NEAR(hessian[i], recorded[i], 2e-5f);
    const auto format = find_format(format_id);
    const Options parsed = parse_options(options);
    check_format(*format, parsed);
    const SolverInput input{{weights, rows, cols}, {.second_moments = hessian}, options};
    const Problem problem = prepare(input, parsed, {.group = format->group, .unit = format->group});
    expect_order(problem, entry);
    expect_factor(problem, entry);
    RowPanel panel({input, parsed, problem, *format}, 0, rows);
    panel.quantize();
    TensorData out("w", rows, cols, format);
    panel.pack(out);
    const auto found = decode_all(out.view());
    const auto expected = matrix_of(entry["Q_original_order"]);
    for (std::size_t row = 0; row < rows; ++row) {
      expect_grids(panel, row, entry);
      for (std::size_t i = 0; i < cols; ++i) {
        EXPECT_NEAR(panel.errors(row)[i] * panel.errors(row)[i] / 2,
                    entry["losses_in_processing_order"][row][i].get<float>(), 1e-5f);
        EXPECT_NEAR(found[row * cols + i], expected[row * cols + i], 1e-6f);
      }
    }
  }
}

/// A layer with correlated inputs, some larger than others.
struct Layer {
  std::size_t rows, cols;
  std::vector<float> weights, hessian;

  Layer(std::size_t row_count, std::size_t col_count, std::uint32_t seed) : rows(row_count), cols(col_count) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < rows * cols; ++i) weights.push_back(normal(random));
    const std::size_t tokens = 2 * cols;
    std::vector<float> x(tokens * cols);
    for (std::size_t token = 0; token < tokens; ++token) {
      const float common = normal(random);
      for (std::size_t i = 0; i < cols; ++i)
        x[token * cols + i] = (common + normal(random)) * (i % 13 == 5 ? 10.0f : 1.0f);
    }
    hessian = to_f32(moments(x, x, tokens));
  }

  TensorData quantize(const std::string& method, int threads, Isa isa = best_isa()) const {
    const Method parsed = parse_method(method);
    TensorData out("w", rows, cols, find_format(parsed.target));
    const auto options = solver_options(parsed);
    const auto& solver = *Registry<SolverEntry>::instance().at(parsed.solver).solver;
    solver.check(*out.view().format, options);
    solver.quantize({{weights, rows, cols}, {.second_moments = hessian}, options, threads, isa}, out);
    return out;
  }

  double error(const TensorData& quantized) const {
    const auto decoded = decode_all(quantized.view());
    MatrixF64 h{cols, cols, std::vector<double>(hessian.begin(), hessian.end())};
    std::vector<double> difference;
    for (std::size_t i = 0; i < decoded.size(); ++i)
      difference.push_back(static_cast<double>(weights[i]) - static_cast<double>(decoded[i]));
    return quadratic_form(h, difference);
  }
};

std::vector<std::string> methods_of_all_kinds() {
  return {"gptq:int4:g32",
          "gptq:int3:g100:sym",
          "gptq:int2:row:actorder",
          "gptq:int3:g64:actorder:static",
          "gptq:int3:g64:gar",
          "gptq:int4:g1:actorder:dynamic=64",
          "gptq:int4:tensor",
          "gptq:int8:g128:minmax:damp=0.1",
          "gptq:nf4:g64",
          "gptq:nf4:g100:scale=f16:gar",
          "gptq:fp4:row:actorder",
          "gptq:fp8_e4m3:row",
          "gptq:fp8_e5m2:g64:static",
          "gptq:int3:g32:gain=least_squares",
          "gptq:int3:g32:scale=f32:reference",
          "gptq:int3:g48:scale=f32:reference:mse:block=40"};
}

bool same_bytes(const TensorData& a, const TensorData& b) { return std::ranges::equal(a.view().bytes, b.view().bytes); }

void expect_same_bytes_everywhere(const Layer& layer, const std::vector<std::string>& methods) {
  for (const std::string& method : methods) {
    SCOPED_TRACE(method);
    const TensorData one = layer.quantize(method, 1);
    EXPECT_TRUE(same_bytes(one, layer.quantize(method, 2)));
    EXPECT_TRUE(same_bytes(one, layer.quantize(method, 7)));
    for (const Isa isa : available_isas()) EXPECT_TRUE(same_bytes(one, layer.quantize(method, 2, isa)));
  }
}

TEST(Gptq, BytesDependNeitherOnThreadsNorOnInstructionSet) {
  expect_same_bytes_everywhere(Layer(70, 300, 1), methods_of_all_kinds());
  expect_same_bytes_everywhere(Layer(60, 512, 8),
                               {"gptq:q4_0:gar", "gptq:q5_1", "gptq:q2_k", "gptq:q6_k:actorder", "gptq:iq4_xs:static",
                                "gptq:nvfp4", "gptq:iq1_s", "gptq:iq2_xs:actorder", "gptq:iq3_s:gar", "gptq:iq3_xxs"});
  expect_same_bytes_everywhere(Layer(9, 100, 9), {"obq:int3:row", "obq:int4:g32:sym"});
}

TEST(Gptq, BeatsRoundingToNearest) {
  const Layer layer(32, 300, 2);
  for (const std::string& method : methods_of_all_kinds()) {
    if (method.find(":g1:") != std::string::npos) continue;  // with a scale for each weight nothing is lost
    Method plain = parse_method(method);
    plain.solver = "rtn";
    plain.options.clear();
    EXPECT_LT(layer.error(layer.quantize(method, 2)), 0.8 * layer.error(layer.quantize(to_string(plain), 2))) << method;
  }
}

/// <w, w'> / <w, w> with H as the inner product.
double length_of_output(const Layer& layer, const TensorData& quantized) {
  const std::vector<float> decoded = decode_all(quantized.view());
  double product = 0, square = 0;
  for (std::size_t row = 0; row < layer.rows; ++row)
    for (std::size_t i = 0; i < layer.cols; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < layer.cols; ++j)
        sum += static_cast<double>(layer.hessian[i * layer.cols + j]) *
               static_cast<double>(layer.weights[row * layer.cols + j]);
      product += sum * static_cast<double>(decoded[row * layer.cols + i]);
      square += sum * static_cast<double>(layer.weights[row * layer.cols + i]);
    }
  return product / square;
}

TEST(Gptq, TheGainUndoesShrinkage) {
  const Layer layer(96, 256, 12);
  for (const char* const method : {"gptq:q2_k", "gptq:iq2_xs", "gptq:int2:g64"}) {
    const double shrunk = 1 - length_of_output(layer, layer.quantize(fmt::format("{}:gain=least_squares", method), 2));
    const double left = 1 - length_of_output(layer, layer.quantize(method, 2));
    EXPECT_GT(shrunk, 0.002) << method;
    EXPECT_LT(std::fabs(left), 0.3 * shrunk) << method;
  }
}

/// With grids that do not change on the way, when the errors reach later columns makes no difference but in rounding.
TEST(Gptq, BlocksDoNotMatterWhereGridsAreFixed) {
  const Layer layer(16, 300, 3);
  for (const char* const method :
       {"gptq:int4:row", "gptq:int4:g32:static", "gptq:int4:g32:actorder", "gptq:int4:g32"}) {
    const double expected = layer.error(layer.quantize(method, 1));
    for (const int block : {1, 7, 64, 1000})
      EXPECT_NEAR(layer.error(layer.quantize(fmt::format("{}:block={}", method, block), 1)) / expected, 1, 1e-3)
          << method << " " << block;
  }
}

/// A column whose input was always 0 has no part in the error; the published code stores zeros, which is worth nothing.
TEST(Gptq, DeadColumnsAreRoundedToNearest) {
  Layer layer(8, 64, 4);
  for (std::size_t i = 0; i < 64; ++i) layer.hessian[i * 64 + 9] = layer.hessian[9 * 64 + i] = 0;
  const auto found = decode_all(layer.quantize("gptq:int4:g32", 1).view());
  const auto published = decode_all(layer.quantize("gptq:int4:g32:scale=f32:reference", 1).view());
  for (std::size_t row = 0; row < 8; ++row) {
    EXPECT_NEAR(found[row * 64 + 9], layer.weights[row * 64 + 9], 0.6f);
    EXPECT_EQ(published[row * 64 + 9], 0.0f);
  }
}

TEST(Gptq, RaisesDampingAndSaysSo) {
  const Layer layer(4, 16, 5);
  const std::vector<float> ones(256, 1.0f);  // of rank 1
  const std::map<std::string, std::string> options{{"damp", "0"}};
  TensorData out("w", 4, 16, find_format("int4:g16"));
  std::vector<std::string> remarks;
  SolverInput input{{layer.weights, 4, 16}, {.second_moments = ones}, options};
  input.remarks = &remarks;
  Registry<SolverEntry>::instance().at("gptq").solver->quantize(input, out);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("used damp="), std::string::npos) << remarks[0];
}

std::string message_of(const std::string& method, std::span<const float> hessian) {
  const Layer layer(2, 8, 6);
  try {
    quantize_tensor(parse_method(method), "w", {layer.weights, 2, 8}, {.second_moments = hessian}, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Gptq, BadMomentsAreNamed) {
  std::vector<float> hessian(64);
  for (std::size_t i = 0; i < 8; ++i) hessian[i * 9] = 1;
  EXPECT_EQ(message_of("gptq:int4:g8", hessian), "");
  EXPECT_NE(message_of("gptq:int4:g8", std::span(hessian).first(63)).find("63 entries, expected 8 x 8"),
            std::string::npos);
  hessian[19] = NAN;
  EXPECT_NE(message_of("gptq:int4:g8", hessian).find("nan at row 2, column 3"), std::string::npos);
  hessian[19] = 0, hessian[18] = -1;
  EXPECT_NE(message_of("gptq:int4:g8", hessian).find("-1 at column 2"), std::string::npos);
  hessian[18] = 1, hessian[19] = hessian[26] = 1e6f;
  EXPECT_NE(message_of("gptq:int4:g8", hessian).find("not positive definite"), std::string::npos);
  EXPECT_NE(message_of("gptq:int4:g8:asymmetric=1", std::vector<float>(hessian)).find("positive definite"),
            std::string::npos);
}

TEST(Gptq, ImpossibleCombinationsAreRefused) {
  for (const char* const method :
       {"gptq:int4:g32:actorder:dynamic=32", "gptq:int4:g1:dynamic=32", "gptq:int4:g1:actorder:static:dynamic=32",
        "gptq:int4:g32:gar:actorder", "gptq:int4:g32:gar:static", "gptq:int4:g32:mse",
        "gptq:int4:g32:scale=f32:reference:minmax", "gptq:int4:g32:block=0", "gptq:int4:g32:block=1.5"})
    EXPECT_THROW(check_method(parse_method(method)), Error) << method;
}

TEST(GptqOrder, GroupsStayTogetherWithGar) {
  const std::vector<float> diagonal{1, 5, 2, 9, 3, 4, 8};
  const VisitOrder order = make_order(parse_options({{"gar", ""}}), {.group = 3, .unit = 3}, diagonal);
  EXPECT_EQ(order.column, (std::vector<std::size_t>{3, 5, 4, 6, 1, 2, 0}));
  EXPECT_EQ(order.grid, (std::vector<std::size_t>{1, 1, 1, 2, 0, 0, 0}));
  ASSERT_EQ(order.runs.size(), 3u);
  EXPECT_EQ(order.runs[1].positions.begin, 3u);
  EXPECT_EQ(order.runs[1].positions.end, 4u);
  EXPECT_EQ(order.runs[1].unit, 2u);
}

TEST(GptqOrder, BlocksFollowRunsUnlessAsPublished) {
  const std::vector<float> diagonal(500, 1.0f);
  const auto ends = [&](const std::map<std::string, std::string>& options, std::size_t group) {
    std::vector<std::size_t> all;
    for (const Positions& block : make_order(parse_options(options), {.group = group, .unit = group}, diagonal).blocks)
      all.push_back(block.end);
    return all;
  };
  EXPECT_EQ(ends({}, 50), (std::vector<std::size_t>{100, 200, 300, 400, 500}));
  EXPECT_EQ(ends({}, 200), (std::vector<std::size_t>{128, 200, 328, 400, 500}));
  EXPECT_EQ(ends({}, 0), (std::vector<std::size_t>{128, 256, 384, 500}));
  EXPECT_EQ(ends({{"reference", ""}}, 50), (std::vector<std::size_t>{128, 256, 384, 500}));
}

}  // namespace
}  // namespace quantbench::gptq
