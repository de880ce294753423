#include "eval/explain/report_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "eval/explain/facts.h"
#include "eval/explain/json_leaves.h"

namespace quantbench {
namespace {

using Json = nlohmann::ordered_json;
using Keys = std::set<std::string>;

/// Members of a list by what names them, in their order.
using Named = std::vector<std::pair<std::string, const Json*>>;

DiffSection section_of(Topic topic) {
  switch (topic) {
    case Topic::data:
      return DiffSection::data;
    case Topic::protocol:
      return DiffSection::protocol;
    case Topic::config:
      return DiffSection::config;
    case Topic::environment:
      break;
  }
  return DiffSection::environment;
}

std::optional<double> change_of(const Json& first, const Json& second) {
  if (!first.is_number() || !second.is_number() || first.get<double>() == 0) return {};
  return second.get<double>() / first.get<double>() - 1;
}

/// What a change is worth in the order: of figures that were 0, or are not numbers, the most.
double weight_of(const ReportDifference& difference) {
  return difference.change ? std::abs(*difference.change) : std::numeric_limits<double>::infinity();
}

/// Figures of a cell in the order of their importance; others come after them.
std::size_t rank_of(const std::string& figure) {
  static const std::vector<std::string> ranked{"bits_per_weight", "perplexity.value",   "kld.mean",
                                               "rmse.relative",   "kld.top1_agreement", "size_bytes"};
  return static_cast<std::size_t>(std::ranges::find(ranked, figure) - ranked.begin());
}

std::size_t rank_in_tensor(const std::string& what) { return what == "format" ? 0 : what == "relative_rmse" ? 1 : 2; }

Named by_name(const Json& list, const std::function<std::string(const Json&)>& name) {
  Named named;
  for (const Json& item : list) named.emplace_back(name(item), &item);
  return named;
}

const Json* find(const Named& items, const std::string& name) {
  const auto found = std::ranges::find(items, name, [](const auto& item) { return item.first; });
  return found == items.end() ? nullptr : found->second;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? "" : found->is_string() ? found->get<std::string>() : found->dump();
}

class Differ {
 public:
  Differ(const ReportFile& first, const ReportFile& second)
      : first_(first),
        second_(second),
        first_json_(Json::parse(to_json(first.report))),
        second_json_(Json::parse(to_json(second.report))) {}

  ReportDiff run() {
    compare_configs();
    compare_header();
    compare_cells();
    compare_kernels();
    compare_expectations("expectations", {"method", "metric", "source", "model", "dataset"});
    compare_expectations("orderings", {"better", "worse", "metric", "source"});
    sort();
    return std::move(diff_);
  }

 private:
  void compare_configs() {
    const std::string &first = first_.report.config, &second = second_.report.config;
    if (first.empty() || second.empty()) {
      if (first.empty() != second.empty()) diff_.not_recorded.emplace_back("config");
      const std::string &hash = first_.report.config_sha256, &other = second_.report.config_sha256;
      if (hash != other) add({DiffSection::config, "", "", "config_sha256", hash, other});
      return;
    }
    for (LeafDifference& leaf : compare_leaves(Json::parse(first), Json::parse(second)))
      add({DiffSection::config, "", "", leaf.path, std::move(leaf.first), std::move(leaf.second)});
  }

  void compare_header() {
    const FactComparison facts = compare_facts(facts_of(first_.report), facts_of(second_.report));
    std::ranges::copy(facts.not_recorded, std::back_inserter(diff_.not_recorded));
    for (const auto& [first, second] : facts.different) {
      ReportDifference difference{
          section_of(first.topic), "", "", first.name, first.value, second.value, {}, first.shown, second.shown};
      if (first.name == "threads")
        diff_.timings.push_back(std::move(difference));
      else
        add(std::move(difference));
    }
  }

  static Named cells_of(const ReportFile& file, const Json& report) {
    Named cells = by_name(report.at("cells"), [](const Json& cell) { return text_of(cell, "method"); });
    Keys methods;
    for (const auto& [method, cell] : cells)
      if (!methods.insert(method).second)
        fail("{}: the method {} is there twice, so that cells cannot be paired", file.path.string(), method);
    return cells;
  }

  void compare_cells() {
    const Named first = cells_of(first_, first_json_), second = cells_of(second_, second_json_);
    for (const auto& [method, cell] : first) {
      const Json* other = find(second, method);
      if (other == nullptr)
        add({DiffSection::cells, method, "", "status", cell->at("status"), nullptr});
      else
        compare_cell(method, *cell, *other);
    }
    for (const auto& [method, cell] : second)
      if (find(first, method) == nullptr) add({DiffSection::cells, method, "", "status", nullptr, cell->at("status")});
    // What determines them is among the facts: one line for all of them.
    if (other_ids_ > 0)
      add({DiffSection::protocol, "", "", "ids of cells", fmt::format("{} in both", paired_),
           fmt::format("{} with another id", other_ids_)});
  }

  /// A figure that one report does not hold: an older version wrote it, or it was not asked for. Absent text is empty text.
  static bool in_one_only(const LeafDifference& leaf) {
    if (!leaf.first.is_null() && !leaf.second.is_null()) return false;
    return leaf.first.is_number() || leaf.second.is_number() || leaf.path.ends_with("_sha256");
  }

  void note_missing(const std::string& name) {
    if (std::ranges::find(diff_.not_recorded, name) == diff_.not_recorded.end()) diff_.not_recorded.push_back(name);
  }

  void compare_cell(const std::string& method, const Json& first, const Json& second) {
    // Files are named after the id; their hashes say whether they hold the same.
    static const Keys ignored{"id", "method", "tensors", "nll_file", "kld_file"};
    ++paired_;
    if (first.at("id") != second.at("id")) ++other_ids_;
    for (LeafDifference& leaf : compare_leaves(first, second, ignored)) {
      if (in_one_only(leaf)) {
        note_missing(leaf.path);
        continue;
      }
      const bool failure = leaf.path == "status" || leaf.path == "error";
      ReportDifference difference{failure ? DiffSection::cells : DiffSection::results,
                                  method,
                                  "",
                                  leaf.path,
                                  std::move(leaf.first),
                                  std::move(leaf.second)};
      if (leaf.path == "seconds")
        add_timing(std::move(difference));
      else
        add(std::move(difference));
    }
    compare_tensors(method, first.at("tensors"), second.at("tensors"));
  }

  void compare_tensors(const std::string& method, const Json& first_list, const Json& second_list) {
    const auto name_of = [](const Json& tensor) { return text_of(tensor, "name"); };
    std::map<std::string, const Json*> others;
    for (const Json& tensor : second_list) others.emplace(name_of(tensor), &tensor);
    for (const Json& tensor : first_list) {
      const auto other = others.find(name_of(tensor));
      const bool gone = other == others.end();
      for (LeafDifference& leaf : compare_leaves(tensor, gone ? Json::object() : *other->second, {"name"})) {
        if (!gone && in_one_only(leaf))
          note_missing(fmt::format("{} of tensors", leaf.path));
        else
          add({DiffSection::tensors, method, name_of(tensor), leaf.path, std::move(leaf.first),
               std::move(leaf.second)});
      }
      if (other != others.end()) others.erase(other);
    }
    for (const auto& [name, tensor] : others)
      for (LeafDifference& leaf : compare_leaves(Json::object(), *tensor, {"name"}))
        add({DiffSection::tensors, method, name, leaf.path, std::move(leaf.first), std::move(leaf.second)});
  }

  void compare_kernels() {
    const auto name_of = [](const Json& kernel) {
      return fmt::format("{} {} on {}, threads: {}", text_of(kernel, "id"), text_of(kernel, "shape"),
                         text_of(kernel, "device"), text_of(kernel, "threads"));
    };
    const Named first = by_name(first_json_.at("kernels"), name_of);
    const Named second = by_name(second_json_.at("kernels"), name_of);
    for (const auto& [name, kernel] : first) {
      const Json* other = find(second, name);
      if (other == nullptr)
        add({DiffSection::kernels, name, "", "seconds_median", kernel->at("seconds_median"), nullptr});
      else
        for (LeafDifference& leaf : compare_leaves(*kernel, *other)) compare_kernel(name, std::move(leaf));
    }
    for (const auto& [name, kernel] : second)
      if (find(first, name) == nullptr)
        add({DiffSection::kernels, name, "", "seconds_median", nullptr, kernel->at("seconds_median")});
  }

  // "variant" is no measurement; all numbers are.
  void compare_kernel(const std::string& name, LeafDifference&& leaf) {
    const bool measured = leaf.first.is_number() || leaf.second.is_number();
    ReportDifference difference{DiffSection::kernels,  name, "", leaf.path, std::move(leaf.first),
                                std::move(leaf.second)};
    if (measured || leaf.path == "peak")
      add_timing(std::move(difference));
    else
      add(std::move(difference));
  }

  void compare_expectations(const char* list, const std::vector<const char*>& keys) {
    const auto name_of = [&keys](const Json& item) {
      std::string name;
      for (const char* key : keys)
        if (const std::string text = text_of(item, key); !text.empty()) name += (name.empty() ? "" : ", ") + text;
      return name;
    };
    static const Json none = Json::array(), nothing = Json::object();
    const auto list_of = [list](const Json& json) -> const Json& { return json.contains(list) ? json.at(list) : none; };
    const Named first = by_name(list_of(first_json_), name_of), second = by_name(list_of(second_json_), name_of);
    const auto compare = [this](const std::string& name, const Json& one, const Json& other) {
      for (LeafDifference& leaf : compare_leaves(one, other))
        add({DiffSection::expectations, name, "", leaf.path, std::move(leaf.first), std::move(leaf.second)});
    };
    for (const auto& [name, item] : first) {
      const Json* other = find(second, name);
      compare(name, *item, other == nullptr ? nothing : *other);
    }
    for (const auto& [name, item] : second)
      if (find(first, name) == nullptr) compare(name, nothing, *item);
  }

  void add(ReportDifference difference) {
    difference.change = change_of(difference.first, difference.second);
    diff_.differences.push_back(std::move(difference));
  }

  void add_timing(ReportDifference difference) {
    difference.change = change_of(difference.first, difference.second);
    diff_.timings.push_back(std::move(difference));
  }

  /// By section; results and tensors by cell, that of the largest change first; results then by their rank, tensors formats first.
  void sort() {
    std::map<std::string, double> weights;
    for (const ReportDifference& difference : diff_.differences)
      if (difference.section == DiffSection::results && rank_of(difference.what) < rank_of(""))
        weights[difference.cell] = std::max(weights[difference.cell], weight_of(difference));
    const auto key = [&weights](const ReportDifference& difference) {
      const bool results = difference.section == DiffSection::results;
      if (!results && difference.section != DiffSection::tensors)
        return std::tuple(difference.section, 0.0, std::string(), std::size_t{0}, 0.0);
      const std::size_t rank = results ? rank_of(difference.what) : rank_in_tensor(difference.what);
      return std::tuple(difference.section, -weights[difference.cell], difference.cell, rank,
                        results ? 0 : -weight_of(difference));
    };
    std::ranges::stable_sort(diff_.differences, {}, key);
  }

  const ReportFile &first_, &second_;
  Json first_json_, second_json_;
  std::size_t paired_ = 0, other_ids_ = 0;  // cells
  ReportDiff diff_;
};

}  // namespace

std::string_view to_string(DiffSection section) {
  switch (section) {
    case DiffSection::config:
      return "config";
    case DiffSection::data:
      return "data";
    case DiffSection::protocol:
      return "protocol";
    case DiffSection::environment:
      return "environment";
    case DiffSection::cells:
      return "cells";
    case DiffSection::results:
      return "results";
    case DiffSection::tensors:
      return "tensors";
    case DiffSection::kernels:
      return "kernels";
    case DiffSection::expectations:
      break;
  }
  return "expectations";
}

const std::vector<DiffSection>& diff_sections() {
  using enum DiffSection;
  static const std::vector<DiffSection> sections{config,  data,    protocol, environment, cells,
                                                 results, tensors, kernels,  expectations};
  return sections;
}

std::size_t ReportDiff::count(DiffSection section) const {
  return static_cast<std::size_t>(std::ranges::count(differences, section, &ReportDifference::section));
}

ReportDiff diff_reports(const ReportFile& first, const ReportFile& second, const std::vector<DiffSection>& sections) {
  ReportDiff diff = Differ(first, second).run();
  if (sections.empty()) return diff;
  const auto left_out = [&sections](const ReportDifference& difference) {
    return std::ranges::find(sections, difference.section) == sections.end();
  };
  std::erase_if(diff.differences, left_out);
  std::erase_if(diff.timings, left_out);
  return diff;
}

}  // namespace quantbench
