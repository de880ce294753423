// A comparison as Markdown for the summary of a pull request.
#include <fmt/format.h>

#include <algorithm>

#include "eval/compare/compare.h"

namespace quantbench {
namespace {

// Lower comes first.
int urgency(const GateCheck& check) {
  if (check.fails) return 0;
  if (check.verdict == Verdict::warning) return 1;
  if (check.verdict == Verdict::inconclusive) return 2;
  return check.verdict == Verdict::not_checked ? 3 : 4;
}

constexpr int least_urgent_shown = 2;

std::vector<GateCheck> needing_attention(const Comparison& comparison) {
  std::vector<GateCheck> checks;
  for (const GateCheck& check : comparison.checks)
    if (urgency(check) <= least_urgent_shown) checks.push_back(check);
  std::ranges::stable_sort(checks, {}, urgency);
  return checks;
}

}  // namespace

std::string to_markdown(const Comparison& comparison) {
  std::string text = fmt::format("## quantbench compare\n\n**{}**\n\n", summary_line(comparison));
  if (const std::vector<GateCheck> checks = needing_attention(comparison); !checks.empty())
    text += to_markdown(checks_table(checks)) + "\n";
  text += fmt::format("Baseline `{}`, new `{}`.\n\n", comparison.base, comparison.now);
  text += fmt::format("<details><summary>All {} checks</summary>\n\n{}\n</details>\n", comparison.checks.size(),
                      to_markdown(checks_table(comparison.checks)));
  return text;
}

}  // namespace quantbench
