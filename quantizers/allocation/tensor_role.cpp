#include "quantizers/allocation/tensor_role.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/error.h"
#include "core/suggest.h"
#include "quantizers/split.h"

namespace quantbench {
namespace {

using Role = TensorRole;

constexpr std::array words = std::to_array<std::pair<std::string_view, Role>>({{"attn_q", Role::attn_q},
                                                                               {"attn_k", Role::attn_k},
                                                                               {"attn_v", Role::attn_v},
                                                                               {"attn_qkv", Role::attn_qkv},
                                                                               {"attn_output", Role::attn_output},
                                                                               {"ffn_gate", Role::ffn_gate},
                                                                               {"ffn_up", Role::ffn_up},
                                                                               {"ffn_down", Role::ffn_down},
                                                                               {"token_embd", Role::token_embd},
                                                                               {"output", Role::output}});

/// The first entry whose text is found in a name decides; the order settles names that hold several.
struct NamePart {
  std::string_view text;
  Role role;
};

constexpr std::array name_parts = std::to_array<NamePart>({
    // never quantized
    {"norm.", Role::never},
    {"norm1.", Role::never},
    {"norm2.", Role::never},
    {".ln_", Role::never},
    {".bias", Role::never},
    {"ffn_gate_inp", Role::never},
    {"mlp.gate.", Role::never},
    {"moe.gate.", Role::never},
    {"router.", Role::never},
    {"position_embd", Role::never},
    {"pos_embd", Role::never},
    {"embed_positions", Role::never},
    {"position_embeddings", Role::never},
    {"wpe.", Role::never},
    {"token_embd_in", Role::never},  // projections between a narrower embedding and the stream (OPT 350m)
    {"output_out", Role::never},
    {"token_types", Role::never},
    {"token_type_embeddings", Role::never},
    {"rope_freqs", Role::never},
    {"rope_factors", Role::never},
    {"rotary_emb", Role::never},
    {"conv1d", Role::never},
    {"attn_rel_b", Role::never},
    {"time_mix_first", Role::never},
    {"time_mix_w", Role::never},
    {"time_mix_decay_w", Role::never},
    {"time_mix_lerp_fused", Role::never},
    // fused before single: "attn_qkv" does not hold "attn_q.", but "c_attn" names nothing else
    {"attn_qkv", Role::attn_qkv},
    {"qkv_proj", Role::attn_qkv},
    {"query_key_value", Role::attn_qkv},
    {"c_attn", Role::attn_qkv},
    {"attn_q.", Role::attn_q},
    {"attn_k.", Role::attn_k},
    {"attn_v.", Role::attn_v},
    {"attn_output.", Role::attn_output},
    {"q_proj.", Role::attn_q},
    {"k_proj.", Role::attn_k},
    {"v_proj.", Role::attn_v},
    {"o_proj.", Role::attn_output},
    {"self_attn.out_proj.", Role::attn_output},
    {"attn.c_proj.", Role::attn_output},
    {"ffn_gate", Role::ffn_gate},
    {"ffn_up", Role::ffn_up},
    {"ffn_down", Role::ffn_down},
    {"gate_proj.", Role::ffn_gate},
    {"up_proj.", Role::ffn_up},
    {"down_proj.", Role::ffn_down},
    {"mlp.c_fc.", Role::ffn_up},
    {"mlp.c_proj.", Role::ffn_down},
    {".fc1.", Role::ffn_up},
    {".fc2.", Role::ffn_down},
    {"token_embd", Role::token_embd},
    {"embed_tokens", Role::token_embd},
    {"word_embeddings", Role::token_embd},
    {"wte.", Role::token_embd},
    {"lm_head", Role::output},
});

}  // namespace

TensorRole parse_role(std::string_view word) {
  const auto* const found = std::ranges::find(words, word, &std::pair<std::string_view, Role>::first);
  if (found != words.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, role] : words) known.emplace_back(name);
  fail("unknown tensor role '{}'{}", word, suggestion(word, known));
}

TensorRole role_of(std::string_view tensor_name) {
  if (tensor_name == "output.weight") return Role::output;
  for (const NamePart& part : name_parts)
    if (tensor_name.find(part.text) != std::string_view::npos) return part.role;
  return Role::other;
}

bool is_linear(TensorRole role) { return role != Role::never && role != Role::token_embd && role != Role::output; }

std::optional<std::size_t> layer_of(std::string_view tensor_name) {
  for (const std::string_view part : split(tensor_name, '.')) {
    std::size_t layer = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), layer);
    if (!part.empty() && error == std::errc() && end == part.data() + part.size()) return layer;
  }
  return std::nullopt;
}

}  // namespace quantbench
