#include "eval/config/axes.h"

#include <algorithm>
#include <map>

#include "core/suggest.h"
#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

struct Axis {
  std::string key;
  YamlPlace place;
  std::vector<std::string> values;  // as parts of a method id
};

const std::vector<std::string>& axis_keys() {
  static const std::vector<std::string> keys{"method", "format", "bits", "group", "symmetry", "scale"};
  return keys;
}

bool is_option(const Axis& axis) { return std::ranges::find(axis_keys(), axis.key) == axis_keys().end(); }

std::string group_part(const YamlNode& value) {
  if (value.kind == YamlNode::Kind::scalar && (value.text == "row" || value.text == "tensor")) return value.text;
  if (value.kind == YamlNode::Kind::scalar && value.text == "-1")
    fail_at(value.place, "axis 'group' is a number of weights, row or tensor; for -1 write row");
  return fmt::format("g{}", value.as_integer("axis 'group' (or row, or tensor)", 1, 1 << 30));
}

std::string option_part(const std::string& key, const YamlNode& value) {
  const std::string text = value.as_text("axis '" + key + "'");
  if (!value.quoted && (text == "true" || text == "false")) {
    if (key == imatrix_option) return fmt::format(":{}={}", key, text == "true" ? "auto" : "off");
    return text == "true" ? ":" + key : "";
  }
  return fmt::format(":{}={}", key, text);
}

std::string id_part(const std::string& key, const YamlNode& value) {
  if (key == "bits") return fmt::format("int{}", value.as_integer("axis 'bits'", 2, 8));
  if (key == "group") return group_part(value);
  if (key == "scale") return "scale=" + value.as_text("axis 'scale'");
  if (key == "method" || key == "format" || key == "symmetry") return value.as_text("axis '" + key + "'");
  return option_part(key, value);
}

std::vector<Axis> read_axes(const YamlNode& map) {
  std::vector<Axis> axes;
  for (const auto& member : map.as_map("a method")) {
    Axis axis{member.key, member.place, {}};
    for (const YamlNode& value : member.value.as_list_or_one()) axis.values.push_back(id_part(member.key, value));
    if (axis.values.empty()) fail_at(member.place, "axis '{}' has no values", member.key);
    axes.push_back(std::move(axis));
  }
  return axes;
}

const Axis* find_axis(const std::vector<Axis>& axes, std::string_view key) {
  const auto match = std::ranges::find(axes, key, &Axis::key);
  return match == axes.end() ? nullptr : &*match;
}

// The key that was probably meant by one that is only there as a supposed option.
std::string meant(const std::vector<Axis>& axes, std::string_view missing) {
  for (const Axis& axis : axes)
    if (is_option(axis))
      for (const std::string& near : near_matches(axis.key, axis_keys()))
        if (near == missing) return fmt::format("; is '{}' meant to be {}?", axis.key, missing);
  return "";
}

void require(const std::vector<Axis>& axes, const YamlNode& map, std::string_view key) {
  if (!find_axis(axes, key)) fail_at(map.place, "the method has no '{}'{}", key, meant(axes, key));
}

bool parses(const std::string& id) {
  try {
    parse_method(id);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void check_axes(const std::vector<Axis>& axes, const YamlNode& map) {
  require(axes, map, "method");
  if (find_axis(axes, "format")) {
    for (const char* key : {"bits", "group"})
      if (const Axis* axis = find_axis(axes, key)) fail_at(axis->place, "give either 'format' or '{}', not both", key);
    return;
  }
  const bool whole = std::ranges::all_of(find_axis(axes, "method")->values, parses) && !find_axis(axes, "group");
  if (!find_axis(axes, "bits") && whole) return;
  if (!find_axis(axes, "bits"))
    fail_at(map.place, "the method has neither 'format' nor 'bits' and 'group'{}", meant(axes, "bits"));
  require(axes, map, "group");
}

using Choice = std::vector<std::size_t>;  // the index of the value of each axis

// `skipped`: an axis to leave out, to find out which one does not apply; null for none.
std::string compose(const std::vector<Axis>& axes, const Choice& choice, const Axis* skipped = nullptr) {
  std::map<std::string_view, std::string> parts;
  std::string options;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (&axes[i] == skipped) continue;
    if (is_option(axes[i]))
      options += axes[i].values[choice[i]];
    else
      parts[axes[i].key] = axes[i].values[choice[i]];
  }
  std::string id = parts.at("method");
  for (const char* key : {"format", "bits", "group", "symmetry", "scale"})
    if (parts.contains(key)) id += ":" + parts.at(key);
  return id + options;
}

Method parse_choice(const std::vector<Axis>& axes, const Choice& choice, const YamlPlace& place) {
  const std::string id = compose(axes, choice);
  try {
    Method method = parse_method(id);
    check_method(method);
    return method;
  } catch (const Error& error) {
    for (const Axis& axis : axes) {
      if (axis.key == "method" || axis.key == "format" || axis.key == "bits" || axis.key == "group") continue;
      if (const std::string rest = compose(axes, choice, &axis); !parses(id) && parses(rest))
        fail_at(axis.place, "axis '{}' does not apply to {}{}: {}", axis.key, rest,
                is_option(axis) ? suggestion(axis.key, axis_keys()) : "", error.what());
    }
    fail_at(place, "{}", error.what());
  }
}

// Counts up the choice like an odometer, the last axis fastest; false after the last one.
bool advance(const std::vector<Axis>& axes, Choice& choice) {
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (++choice[i] < axes[i].values.size()) return true;
    choice[i] = 0;
  }
  return false;
}

class Expansion {
 public:
  explicit Expansion(std::size_t most) : most_(most) {}

  void add_id(const YamlNode& item) {
    count(1, item.place);
    const std::string id = item.as_text("a method");
    try {
      Method method = parse_method(id);
      check_method(method);
      add(std::move(method), id, item.place);
    } catch (const Error& error) {
      fail_at(item.place, "{}", error.what());
    }
  }

  void add_axes(const YamlNode& map) {
    const std::vector<Axis> axes = read_axes(map);
    check_axes(axes, map);
    std::size_t product = 1;
    for (const Axis& axis : axes) {
      product *= axis.values.size();  // no overflow: both factors are checked against the limit
      if (product > most_ || axis.values.size() > most_) too_many(map.place);
    }
    count(product, map.place);
    Choice choice(axes.size(), 0);
    do add(parse_choice(axes, choice, map.place), compose(axes, choice), map.place);
    while (advance(axes, choice));
  }

  ExpandedMethods take() { return std::move(result_); }

 private:
  [[noreturn]] void too_many(const YamlPlace& place) const {
    fail_at(place, "the methods expand to more than {} cells; raise limits.cells if that is meant", most_);
  }

  void count(std::size_t more, const YamlPlace& place) {
    counted_ += more;
    if (counted_ > most_) too_many(place);
  }

  void add(Method method, const std::string& written, const YamlPlace& place) {
    const std::string id = to_string(method);
    const auto [first, is_new] = places_.emplace(id, to_string(place));
    if (is_new)
      result_.methods.push_back(std::move(method));
    else
      result_.notes.push_back(fmt::format("{}: {} is {} and already listed at {}; kept once", to_string(place), written,
                                          id, first->second));
  }

  std::size_t most_;
  std::size_t counted_ = 0;
  std::map<std::string, std::string> places_;
  ExpandedMethods result_;
};

}  // namespace

ExpandedMethods expand_methods(const YamlNode& list, std::size_t most) {
  Expansion expansion(most);
  for (const YamlNode& item : list.as_list("methods")) {
    if (item.kind == YamlNode::Kind::map)
      expansion.add_axes(item);
    else
      expansion.add_id(item);
  }
  return expansion.take();
}

}  // namespace quantbench
