#include "models/tokenizers/pre_tokenizers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace quantbench {
namespace {

// Sources: each publisher's tokenizer.json (or tokenisation script); the names are those that GGUF converters write.
// PCRE2's \s also takes U+180E (a space until Unicode 6.2), which newer engines do not; nothing else differs.

// GPT-2, Radford et al. 2019 (encoder.py).
constexpr std::string_view gpt2_words =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";

// GPT-4 ("cl100k") and Llama 3: numbers in groups of up to three digits.
constexpr std::string_view llama3_words = R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)re"
                                          R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

// The same with single digits.
constexpr std::string_view qwen2_words = R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)re"
                                         R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

// Combining marks belong to words.
constexpr std::string_view qwen35_words = R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)re"
                                          R"re( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

constexpr std::string_view seed_coder_words = R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}|)re"
                                              R"re( ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)re";

constexpr std::string_view bailing_words = R"re('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}|)re"
                                           R"re( ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)re";

constexpr std::string_view exaone_moe_words =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)re";

constexpr std::string_view jais2_words =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|)re"
    R"re(\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})re";

// Words also break where capitals follow small letters.
constexpr std::string_view tekken_words =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)re"
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

// GPT-4o ("o200k").
constexpr std::string_view gpt4o_words =
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)re"
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)re"
    R"re(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

// Published with class intersections [...&&[^\p{Han}]], which PCRE2 spells as a look-ahead before each character.
constexpr std::string_view kimi_words =
    R"re([\p{Han}]+|)re"
    R"re([^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+)re"
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)re"
    R"re([^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*)re"
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)re"
    R"re(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

// BLOOM's class, with the class nested in it written out.
constexpr std::string_view bloom_words = R"re( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)re";

constexpr std::string_view deepseek_letters =
    R"re(\s?[)re"
    R"re(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-)re"
    R"re(\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-)re"
    R"re(\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-)re"
    R"re(\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})re"
    R"re(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-)re"
    R"re(\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})re"
    R"re(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-)re"
    R"re(\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})re"
    R"re(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149})re"
    R"re(\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3})re"
    R"re(\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-)re"
    R"re(\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})re"
    R"re(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})re"
    R"re(\x{1E900}-\x{1E943})re"
    R"re(]+)re";
constexpr std::string_view deepseek_punctuation =
    R"re(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)re";
constexpr std::string_view deepseek_east_asian = R"re([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)re";
constexpr std::string_view deepseek3_east_asian = R"re([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)re";
constexpr std::string_view deepseek3_words =
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)re"
    R"re( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";

constexpr std::string_view line_ends = R"re([\r\n])re";
constexpr std::string_view one_digit = R"re(\p{N})re";
constexpr std::string_view digits = R"re(\p{N}+)re";
constexpr std::string_view up_to_three_digits = R"re(\p{N}{1,3})re";
constexpr std::string_view three_ascii_digits = R"re([0-9][0-9][0-9])re";

std::vector<PreTokenizer> make_table() {
  return {

      {.names = {"default"}, .expressions = {R"re([\p{P}$+<=>^~|]+)re", gpt2_words, digits, three_ascii_digits}},

      {.names = {"gpt-2", "phi-2", "mpt", "olmo", "jais", "gigachat", "a.x-4.0", "mellum", "exaone4", "trillion",
                 "granite-docling"},
       .expressions = {gpt2_words}},

      {.names = {"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"},
       .expressions = {one_digit, gpt2_words}},

      {.names = {"falcon"}, .expressions = {R"re([\p{P}$+<=>^~|`]+)re", gpt2_words, three_ascii_digits}},

      {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       .expressions = {llama3_words},
       .whole_words_first = true,
       .adds_bos = true},

      {.names = {"dbrx", "smaug-bpe", "chatglm-bpe", "glm4"}, .expressions = {llama3_words}},

      {.names = {"jais-2"}, .expressions = {jais2_words}},

      {.names = {"qwen2", "stablelm2", "deepseek-r1-qwen", "megrez", "hunyuan", "grok-2", "solar-open"},
       .expressions = {qwen2_words}},

      {.names = {"qwen35"}, .expressions = {qwen35_words}},

      {.names = {"seed-coder"}, .expressions = {seed_coder_words}},

      {.names = {"bailingmoe", "bailingmoe2", "llada-moe"}, .expressions = {bailing_words}},

      {.names = {"exaone-moe"}, .expressions = {exaone_moe_words}},

      {.names = {"tekken"}, .expressions = {tekken_words}, .whole_words_first = true, .adds_bos = true},

      {.names = {"gpt-4o", "llama4", "kanana2", "minimax-m2"}, .expressions = {gpt4o_words}},

      {.names = {"kimi-k2"}, .expressions = {kimi_words}},

      {.names = {"deepseek-llm"},
       .expressions = {line_ends, deepseek_letters, deepseek_punctuation, R"re(\s+$)re", deepseek_east_asian, digits}},

      {.names = {"deepseek-coder"},
       .expressions = {line_ends, R"re(\s?\p{L}+)re", R"re(\s?\p{P}+)re", deepseek_east_asian, one_digit}},

      {.names = {"deepseek-v3", "hunyuan-dense", "joyai-llm"},
       .expressions = {up_to_three_digits, deepseek3_east_asian, deepseek3_words}},

      {.names = {"bloom", "gpt3-finnish", "poro-chat"}, .expressions = {bloom_words}},

      {.names = {"viking"}, .expressions = {bloom_words, one_digit}},
      // Words may hold spaces here: only numbers are cut out, in threes from their end.

      {.names = {"superbpe"}, .expressions = {digits, R"re((?=(\d{3})+(?!\d)))re"}},

      {.names = {"tiny_aya"}, .expressions = {R"re(\d{1,3}(?=(?:\d{3})*\b))re", gpt4o_words}},
  };
}

const std::vector<PreTokenizer>& table() {
  static const std::vector<PreTokenizer> rows = make_table();
  return rows;
}

}  // namespace

const PreTokenizer& pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& row : table()) {
    if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return row;
  }
  fail("unknown pre-tokenizer '{}'; known: {}", name, fmt::join(pre_tokenizer_names(), ", "));
}

std::vector<std::string> pre_tokenizer_names() {
  std::vector<std::string> names;
  for (const PreTokenizer& row : table()) names.insert(names.end(), row.names.begin(), row.names.end());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace quantbench
