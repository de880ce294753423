#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <sstream>

#include "datasets/text.h"
#include "eval/config/yaml.h"

namespace quantbench {
namespace {

constexpr std::size_t most_bytes = 1 << 20;
constexpr std::size_t most_depth = 32;
constexpr std::size_t most_nodes = 100'000;

using Source = std::shared_ptr<const std::string>;

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const auto& member : node.members) count += count_nodes(member.value);
  return count;
}

std::size_t depth_of(const YamlNode& node) {
  std::size_t deepest = 0;
  for (const YamlNode& item : node.items) deepest = std::max(deepest, depth_of(item));
  for (const auto& member : node.members) deepest = std::max(deepest, depth_of(member.value));
  return deepest + 1;
}

// Builds the tree from yaml-cpp's events. `open_` holds the lists and maps that have begun and not ended.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Source source) : source_(std::move(source)) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = place(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto anchored = anchors_.find(anchor);
    if (anchored == anchors_.end()) fail_at(place(mark), "an alias stands inside the value it names");
    nodes_ += anchored->second.nodes;
    check_size(mark);
    if (open_.size() + anchored->second.depth > most_depth) too_deep(mark);
    YamlNode copy = anchored->second.node;
    copy.place = place(mark);
    add(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.place = place(mark);
    node.text = value;
    node.quoted = tag == "!";
    if (!node.quoted) check_tag(mark, tag);
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode> key;  // map: a key that waits for its value
    std::set<std::string> keys;
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes = 0;
    std::size_t depth = 0;
  };

  YamlPlace place(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag != "?" && tag != "!" && !tag.empty()) fail_at(place(mark), "YAML tags are not supported; found {}", tag);
  }
  void check_size(const YAML::Mark& mark) const {
    if (nodes_ > most_nodes) fail_at(place(mark), "the document has more than {} values", most_nodes);
  }
  [[noreturn]] void too_deep(const YAML::Mark& mark) const {
    fail_at(place(mark), "values are nested more than {} deep", most_depth);
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check_tag(mark, tag);
    if (open_.size() >= most_depth) too_deep(mark);
    Open begun;
    begun.node.kind = kind;
    begun.node.place = place(mark);
    begun.anchor = anchor;
    open_.push_back(std::move(begun));
  }

  void close() {
    Open ended = std::move(open_.back());
    open_.pop_back();
    add(std::move(ended.node), ended.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (++nodes_ > most_nodes) fail_at(node.place, "the document has more than {} values", most_nodes);
    if (anchor != 0) anchors_[anchor] = {node, count_nodes(node), depth_of(node)};
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.kind == YamlNode::Kind::list) {
      open_.back().node.items.push_back(std::move(node));
    } else if (!open_.back().key) {
      add_key(open_.back(), std::move(node));
    } else {
      const YamlNode key = *std::exchange(open_.back().key, std::nullopt);
      open_.back().node.members.push_back({key.text, key.place, std::move(node)});
    }
  }

  static void add_key(Open& map, YamlNode key) {
    if (key.kind != YamlNode::Kind::scalar || key.text.empty()) fail_at(key.place, "a key must be text");
    if (key.text == "<<") fail_at(key.place, "merge keys (<<) are not supported; use include");
    if (!map.keys.insert(key.text).second) fail_at(key.place, "duplicate key '{}'", key.text);
    map.key = std::move(key);
  }

  Source source_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  YamlNode root_;
};

// yaml-cpp takes some tabs for spaces and reports others far from their place.
void check_tabs(std::string_view text, const Source& source) {
  int line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    const std::size_t indentation = std::min(row.find_first_not_of(" \t"), row.size());
    const std::size_t tab = row.substr(0, indentation).find('\t');
    if (tab != std::string_view::npos)
      fail_at({source, line, static_cast<int>(tab) + 1}, "a tab in the indentation; YAML is indented with spaces");
    begin = end + 1;
  }
}

void check_text(std::string_view text, const Source& source) {
  if (text.size() > most_bytes) fail("{}: {} bytes; a config has at most {}", *source, text.size(), most_bytes);
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    fail("{}: byte {} is NUL; a config is text", *source, nul);
  if (const std::size_t bad = first_invalid_utf8(text); bad != text.size())
    fail("{}: byte {} is not UTF-8", *source, bad);
  check_tabs(text, source);
}

}  // namespace

YamlNode parse_yaml(std::string_view text, const std::string& source_name) {
  const Source source = std::make_shared<const std::string>(source_name);
  check_text(text, source);
  TreeBuilder builder(source);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    const bool any = parser.HandleNextDocument(builder);
    YamlNode root = builder.take();
    if (!any) root.place = {source, 1, 1};
    TreeBuilder rest(source);
    if (any && parser.HandleNextDocument(rest)) fail("{}: more than one YAML document", source_name);
    return root;
  } catch (const YAML::Exception& error) {
    fail_at({source, error.mark.line + 1, error.mark.column + 1}, "not valid YAML: {}", error.msg);
  }
}

}  // namespace quantbench
