#include "eval/config/expectations.h"

#include <algorithm>

#include "datasets/windows.h"
#include "eval/expectations/cell_figures.h"
#include "quantizers/method.h"

namespace quantbench {
namespace {

using Keys = std::vector<std::string>;

constexpr std::uint64_t most_windows = std::uint64_t{1} << 40;

Tolerance read_tolerance(const YamlNode& node) {
  Tolerance tolerance;
  YamlNode number = node;
  tolerance.relative = node.kind == YamlNode::Kind::scalar && node.text.ends_with('%');
  if (tolerance.relative) number.text.erase(number.text.find_last_not_of(" %") + 1);
  tolerance.amount = number.as_number("tolerance (a number, or a percentage such as 2%)");
  if (tolerance.amount < 0) fail_at(node.place, "tolerance must not be negative; found {}", node.text);
  if (tolerance.relative) tolerance.amount /= 100;
  return tolerance;
}

std::string read_method(const YamlNode& node) {
  try {
    const Method method = parse_method(node.as_text("method"));
    check_method(method);
    return to_string(method);
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

std::string read_metric(const YamlNode& node) {
  try {
    return find_cell_figure(node.as_text("metric")).name;
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

std::string read_protocol(const YamlNode& node) {
  try {
    return parse_protocol(node.as_text("protocol")).name;
  } catch (const Error& error) {
    fail_at(node.place, "{}", error.what());
  }
}

// What an item says lies over what the whole list says.
PublishedFigure read_common(const YamlNode& map, PublishedFigure figure) {
  if (const YamlNode* node = map.find("source")) figure.source = node->as_text("source");
  if (const YamlNode* node = map.find("unmeasurable")) {
    figure.unmeasurable = node->as_text("unmeasurable");
    if (const YamlNode* method = map.find("method")) figure.method = method->as_text("method");
    if (const YamlNode* metric = map.find("metric")) figure.metric = metric->as_text("metric");
    if (const YamlNode* protocol = map.find("protocol")) figure.protocol = protocol->as_text("protocol");
  } else {
    if (const YamlNode* metric = map.find("metric")) figure.metric = read_metric(*metric);
    if (const YamlNode* protocol = map.find("protocol")) figure.protocol = read_protocol(*protocol);
  }
  if (const YamlNode* node = map.find("dataset")) figure.dataset = node->as_text("dataset");
  if (const YamlNode* node = map.find("windows")) figure.windows = node->as_integer("windows", 0, most_windows);
  if (const YamlNode* node = map.find("tolerance")) figure.tolerance = read_tolerance(*node);
  return figure;
}

void require(const YamlNode& map, const char* what, const char* key) {
  if (map.find(key) == nullptr) fail_at(map.place, "{} has no '{}'", what, key);
}

void read_published(const YamlNode& item, const PublishedFigure& common, std::vector<PublishedFigure>& figures) {
  static const Keys keys{"method",   "metric",  "model",  "value",     "values",      "dataset",
                         "protocol", "windows", "source", "tolerance", "unmeasurable"};
  item.check_keys("a published figure", keys);
  require(item, "a published figure", "method");
  PublishedFigure figure = read_common(item, common);
  if (figure.unmeasurable.empty()) figure.method = read_method(*item.find("method"));
  if (figure.source.empty()) fail_at(item.place, "a published figure has no 'source'");
  const YamlNode *value = item.find("value"), *values = item.find("values"), *model = item.find("model");
  if ((value == nullptr) == (values == nullptr))
    fail_at(item.place, "a published figure has either 'value' or 'values', a map from models to numbers");
  if (value != nullptr) {
    if (model != nullptr) figure.model = model->as_text("model");
    figure.value = value->as_number("value");
    figures.push_back(figure);
    return;
  }
  if (model != nullptr) fail_at(model->place, "the keys of 'values' are the models; 'model' goes with 'value'");
  for (const auto& member : values->as_map("values")) {
    figure.model = member.key;
    figure.value = member.value.as_number("a value");
    figures.push_back(figure);
  }
}

ExpectedOrdering read_ordering(const YamlNode& item, const PublishedFigure& common) {
  static const Keys keys{"better", "worse", "metric", "source"};
  item.check_keys("an ordering", keys);
  require(item, "an ordering", "better");
  require(item, "an ordering", "worse");
  const PublishedFigure own = read_common(item, common);
  if (own.metric != "perplexity" && own.metric != "kld.mean")
    fail_at(item.place, "an ordering is of perplexity or kld.mean, which are known at every token; found {}",
            own.metric);
  ExpectedOrdering ordering{read_method(*item.find("better")), read_method(*item.find("worse")), own.metric,
                            own.source};
  if (ordering.better == ordering.worse) fail_at(item.place, "{} is ordered with itself", ordering.better);
  return ordering;
}

}  // namespace

Expectations read_expectations(const YamlNode& map) {
  static const Keys keys{"source",    "metric",    "dataset",  "protocol", "windows",
                         "tolerance", "published", "ordering", "strict"};
  map.check_keys("expectations", keys);
  PublishedFigure common;
  common.metric = "perplexity";
  common = read_common(map, common);
  Expectations expectations;
  if (const YamlNode* node = map.find("strict")) expectations.strict = node->as_boolean("expectations.strict");
  if (const YamlNode* list = map.find("published"))
    for (const YamlNode& item : list->as_list("expectations.published"))
      read_published(item, common, expectations.figures);
  if (const YamlNode* list = map.find("ordering"))
    for (const YamlNode& item : list->as_list("expectations.ordering"))
      expectations.orderings.push_back(read_ordering(item, common));
  if (expectations.empty()) fail_at(map.place, "expectations has neither 'published' nor 'ordering'");
  return expectations;
}

}  // namespace quantbench
