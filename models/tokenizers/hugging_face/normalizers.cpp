#include "models/tokenizers/hugging_face/normalizers.h"

#include <fmt/format.h>

#include <map>

#include "models/tokenizers/character_map.h"
#include "models/tokenizers/hugging_face/json_object.h"
#include "models/tokenizers/hugging_face/text_pattern.h"
#include "models/tokenizers/unicode_text.h"

namespace quantbench {
namespace {

using Step = Normalizer::Step;

template <NormalizationForm form>
Step make_form(const JsonObject& object) {
  object.check_keys({"type"});
  return [](const std::string& text) { return unicode_normalized(text, form); };
}

Step make_lowercase(const JsonObject& object) {
  object.check_keys({"type"});
  return [](const std::string& text) { return lowercased(text); };
}

Step make_strip(const JsonObject& object) {
  object.check_keys({"type", "strip_left", "strip_right"});
  return [left = object.boolean("strip_left", false), right = object.boolean("strip_right", false)](std::string text) {
    if (left) text.erase(0, leading_whitespace(text));
    if (right) text.resize(text.size() - trailing_whitespace(text));
    return text;
  };
}

Step make_prepend(const JsonObject& object) {
  object.check_keys({"type", "prepend"});
  return [prefix = object.text("prepend")](const std::string& text) { return text.empty() ? text : prefix + text; };
}

/// The content stands for every match as it is: it has no references to groups.
Step make_replace(const JsonObject& object) {
  object.check_keys({"type", "pattern", "content"});
  return
      [pattern = TextPattern::of_json(object, "pattern"), content = object.text("content")](const std::string& text) {
        MatchBuffers buffers;
        std::string out;
        std::size_t begin = 0;
        for (const auto& match : pattern.matches(text, buffers)) {
          out.append(text, begin, match.begin - begin).append(content);
          begin = match.end;
        }
        return out.append(text, begin);
      };
}

Step make_precompiled(const JsonObject& object) {
  object.check_keys({"type", "precompiled_charsmap"});
  const std::string place = object.place_of("precompiled_charsmap");
  const std::string bytes = decoded_base64(object.text_if_any("precompiled_charsmap").value_or(""), place);
  if (bytes.empty()) return [](std::string text) { return text; };
  return [map = CharacterMap(bytes, place)](const std::string& text) { return mapped_by_clusters(map, text); };
}

using MakeStep = Step (*)(const JsonObject&);

const std::map<std::string, MakeStep, std::less<>>& makers() {
  static const std::map<std::string, MakeStep, std::less<>> all = {
      {"NFC", make_form<NormalizationForm::nfc>},
      {"NFD", make_form<NormalizationForm::nfd>},
      {"NFKC", make_form<NormalizationForm::nfkc>},
      {"NFKD", make_form<NormalizationForm::nfkd>},
      {"Lowercase", make_lowercase},
      {"Strip", make_strip},
      {"Prepend", make_prepend},
      {"Replace", make_replace},
      {"Precompiled", make_precompiled},
  };
  return all;
}

}  // namespace

Normalizer::Normalizer(const nlohmann::json& value, const std::string& place) {
  if (!value.is_null()) add(value, place);
}

void Normalizer::add(const nlohmann::json& value, const std::string& place) {
  const JsonObject object(value, place);
  const std::string type = object.text("type");
  if (type == "Sequence") {
    object.check_keys({"type", "normalizers"});
    std::size_t index = 0;
    for (const nlohmann::json& step : object.list("normalizers"))
      add(step, fmt::format("{}[{}]", object.place_of("normalizers"), index++));
    return;
  }
  const auto maker = makers().find(type);
  if (maker == makers().end()) object.fail_unknown_type("normalizer", makers());
  steps_.push_back(maker->second(object));
}

std::string Normalizer::operator()(std::string text) const {
  for (const Step& step : steps_) text = step(std::move(text));
  return text;
}

}  // namespace quantbench
