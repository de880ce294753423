#include "datasets/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {
namespace {

constexpr std::size_t longest_window = std::size_t{1} << 20;

struct Family {
  std::string_view name;
  std::size_t usual_window;
  Protocol (*of_window)(std::size_t window);
};

Protocol llamacpp(std::size_t window) {
  return {.name = {}, .window = window, .first_scored = window / 2, .bos_in_each_window = true, .minimum_windows = 2};
}

Protocol gptq(std::size_t window) {
  return {.name = {}, .window = window, .first_scored = 0, .bos_in_each_window = false, .minimum_windows = 1};
}

constexpr Family families[] = {{"gptq", 2048, gptq}, {"llamacpp", 512, llamacpp}};

[[noreturn]] void fail_unknown(const std::string& name) {
  std::vector<std::string> known;
  for (const Family& family : families) known.push_back(fmt::format("{}-{}", family.name, family.usual_window));
  fail("unknown protocol '{}'{} (the number is the window length in tokens)", name, suggestion(name, known));
}

/// The number after the family name; the family's usual one when the name ends there.
std::size_t window_in_name(const std::string& name, const Family& family) {
  if (name.size() == family.name.size()) return family.usual_window;
  const char* const first = name.data() + family.name.size() + 1;
  const char* const last = name.data() + name.size();
  std::size_t window = 0;
  const auto [end, error] = std::from_chars(first, last, window);
  if (error == std::errc::result_out_of_range) return longest_window + 1;
  if (error != std::errc() || end != last) fail_unknown(name);
  return window;
}

}  // namespace

Protocol parse_protocol(const std::string& name, std::optional<std::size_t> window) {
  const std::string_view family_name = std::string_view(name).substr(0, name.find('-'));
  const auto* const family = std::ranges::find(families, family_name, &Family::name);
  if (family == std::end(families)) fail_unknown(name);
  const std::size_t length = window.value_or(window_in_name(name, *family));
  if (length > longest_window)
    fail("protocol '{}': a window has at most {} tokens, asked for {}", name, longest_window, length);
  Protocol protocol = family->of_window(length);
  if (length < protocol.first_scored + 2)
    fail("protocol '{}': no token is scored in windows of {} tokens", name, length);
  protocol.name = fmt::format("{}-{}", family->name, length);
  return protocol;
}

Windows cut_windows(std::span<const std::int32_t> tokens, const Protocol& protocol,
                    std::optional<std::int32_t> leading_bos, std::size_t most) {
  const std::size_t available = tokens.size() + (leading_bos ? 1 : 0);
  Windows windows;
  windows.length = protocol.window;
  windows.scored_per_window = protocol.scored_per_window();
  windows.count = available / protocol.window;
  if (windows.count < protocol.minimum_windows)
    fail("protocol {} needs at least {} tokens (BOS included), the text has {}", protocol.name,
         protocol.minimum_windows * protocol.window, available);
  if (most != 0) windows.count = std::min(windows.count, most);

  windows.tokens.reserve(windows.count * windows.length);
  if (leading_bos) windows.tokens.push_back(*leading_bos);
  const std::size_t taken = windows.count * windows.length - windows.tokens.size();
  windows.tokens.insert(windows.tokens.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(taken));
  if (leading_bos && protocol.bos_in_each_window) {
    for (std::size_t index = 0; index < windows.count; ++index) windows.tokens[index * windows.length] = *leading_bos;
  }
  return windows;
}

}  // namespace quantbench
