#include "models/tokenizers/hugging_face/text_start.h"

#include <fmt/format.h>

#include <map>

#include "models/tokenizers/hugging_face/json_object.h"

namespace quantbench {
namespace {

using nlohmann::json;
using Leading = std::optional<TokenId>;

std::optional<std::string> token_text(const JsonObject& object, std::string_view key) {
  if (!object.contains(key)) return std::nullopt;
  if (object.at(key).is_string()) return object.text(key);
  return object.object(key).text("content");
}

Leading none(const JsonObject& /*object*/) { return std::nullopt; }

TokenId id_of_special(const JsonObject& object, const JsonObject& item) {
  const JsonObject special = object.object("special_tokens").object(item.object("SpecialToken").text("id"));
  const json& ids = special.list("ids");
  if (ids.size() != 1) special.fail_at("ids", "{} ids; a token before the text has one", ids.size());
  return token_id_of_json(ids[0], special.place_of("ids"));
}

/// The items before the one that stands for the text.
Leading of_template(const JsonObject& object) {
  object.check_keys({"type", "single", "pair", "special_tokens"});
  Leading leading;
  for (const JsonObject& item : object.objects("single")) {
    item.check_keys({"SpecialToken", "Sequence"});
    if (item.contains("Sequence")) return leading;
    if (leading) fail("{}: a second token before the text; one can be BOS", item.place());
    leading = id_of_special(object, item);
  }
  object.fail_at("single", "has no place for the text");
}

using ReadLeading = Leading (*)(const JsonObject&);

const std::map<std::string, ReadLeading, std::less<>>& readers() {
  static const std::map<std::string, ReadLeading, std::less<>> all = {{"ByteLevel", none},
                                                                      {"TemplateProcessing", of_template}};
  return all;
}

}  // namespace

SpecialTokenNames read_special_tokens(const json& config, const std::string& config_place, const json& map,
                                      const std::string& map_place) {
  SpecialTokenNames names;
  const auto fill = [&](const JsonObject& object) {
    const auto fill_one = [&](std::optional<std::string>& name, std::string_view key) {
      if (!name) name = token_text(object, key);
    };
    fill_one(names.bos, "bos_token");
    fill_one(names.eos, "eos_token");
    fill_one(names.unknown, "unk_token");
    fill_one(names.padding, "pad_token");
  };
  if (!config.is_null()) {
    const JsonObject object(config, config_place);
    if (object.contains("add_bos_token")) names.adds_bos = object.boolean("add_bos_token", false);
    fill(object);
  }
  if (!map.is_null()) fill(JsonObject(map, map_place));
  return names;
}

Leading leading_token_of(const json& post_processor, const std::string& place) {
  if (post_processor.is_null()) return std::nullopt;
  const JsonObject object(post_processor, place);
  const std::string type = object.text("type");
  if (type != "Sequence") {
    const auto reader = readers().find(type);
    if (reader == readers().end()) object.fail_unknown_type("post-processor", readers());
    return reader->second(object);
  }
  Leading leading;
  std::size_t index = 0;
  for (const json& step : object.list("processors")) {
    const std::string step_place = fmt::format("{}[{}]", object.place_of("processors"), index++);
    const Leading of_step = leading_token_of(step, step_place);
    if (leading && of_step) fail("{}: a second token before the text; one can be BOS", step_place);
    if (of_step) leading = of_step;
  }
  return leading;
}

}  // namespace quantbench
