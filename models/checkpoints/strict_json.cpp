#include "models/checkpoints/strict_json.h"

#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "core/utf8.h"
#include "models/checkpoints/limits.h"

namespace quantbench {
namespace {

using nlohmann::json;

/// Called by the parser for each bracket and key; its nesting lives on the heap, so depth costs no stack.
class Watcher {
 public:
  explicit Watcher(const std::string& source) : source_(source) {}

  bool operator()(int /*depth*/, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        enter();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys_.pop_back();
        break;
      case json::parse_event_t::key:
        add_key(parsed.get_ref<const std::string&>());
        break;
      default:
        break;
    }
    return true;
  }

 private:
  void enter() {
    keys_.emplace_back();
    if (keys_.size() > limits::json_depth) fail("{}: JSON nested deeper than {} levels", source_, limits::json_depth);
  }
  void add_key(const std::string& key) {
    if (!keys_.back().insert(key).second) fail("{}: JSON key {} exists twice in one object", source_, printable(key));
  }

  const std::string& source_;
  std::vector<std::unordered_set<std::string>> keys_;  // one set per open bracket
};

}  // namespace

json parse_strict_json(std::string_view text, const std::string& source) {
  // The parser takes a NUL byte for the end of its input, and would let anything follow it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    fail("{}: NUL byte at byte {} of the JSON text", source, nul);
  try {
    return json::parse(text, Watcher(source));
  } catch (const json::exception& error) {
    fail("{}: not valid JSON: {}", source, error.what());
  }
}

}  // namespace quantbench
