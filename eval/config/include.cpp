#include "eval/config/include.h"

#include <algorithm>

#include "eval/config/overrides.h"

namespace quantbench {
namespace {

constexpr std::size_t most_depth = 8;
constexpr int most_files = 64;

class Includer {
 public:
  explicit Includer(const ConfigReader& read) : read_(read) {}

  YamlNode parse(std::string_view text, const std::string& source) {
    YamlNode tree = parse_yaml(text, source);
    if (tree.kind != YamlNode::Kind::map) fail_at(tree.place, "a config is a map of keys and values");
    const YamlNode* include = tree.find("include");
    if (include == nullptr) return tree;
    open_.push_back(std::filesystem::path(source).lexically_normal());
    YamlNode base = read_all(*include, source);
    open_.pop_back();
    std::erase_if(tree.members, [](const YamlNode::Member& member) { return member.key == "include"; });
    return merge_over(std::move(base), std::move(tree));
  }

 private:
  YamlNode read_all(const YamlNode& include, const std::string& source) {
    YamlNode base;
    for (const YamlNode& item : include.as_list_or_one()) {
      const auto path = (std::filesystem::path(source).parent_path() / item.as_text("include")).lexically_normal();
      check(path, item.place);
      base = merge_over(std::move(base), parse(read_at(path, item.place), path.string()));
    }
    return base;
  }

  void check(const std::filesystem::path& path, const YamlPlace& place) {
    if (std::ranges::find(open_, path) != open_.end()) fail_at(place, "{} includes itself", path.string());
    if (open_.size() > most_depth) fail_at(place, "includes are nested more than {} deep", most_depth);
    if (++files_ > most_files) fail_at(place, "more than {} files are included", most_files);
  }

  std::string read_at(const std::filesystem::path& path, const YamlPlace& place) const {
    try {
      return read_(path);
    } catch (const Error& error) {
      fail_at(place, "{}", error.what());
    }
  }

  const ConfigReader& read_;
  std::vector<std::filesystem::path> open_;
  int files_ = 0;
};

}  // namespace

YamlNode parse_with_includes(std::string_view text, const std::string& source, const ConfigReader& read) {
  return Includer(read).parse(text, source);
}

}  // namespace quantbench
