// A comparison as JUnit XML, the form of test results that CI systems read.
#include <fmt/format.h>

#include "eval/compare/compare.h"

namespace quantbench {
namespace {

bool skipped(const GateCheck& check) {
  return !check.fails && (check.verdict == Verdict::not_checked || check.verdict == Verdict::inconclusive);
}

std::string name_of(const GateCheck& check) {
  return check.limit.empty() ? check.gate : fmt::format("{} {}", check.gate, check.limit);
}

std::string body_of(const GateCheck& check) {
  const std::string text = escape_markup(describe(check));
  if (check.fails) {
    std::string tensors;
    for (const std::string& tensor : check.tensors) tensors += escape_markup(tensor) + "\n";
    return fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n", to_string(check.verdict), text,
                       tensors.empty() ? text : tensors);
  }
  if (skipped(check)) return fmt::format("      <skipped message=\"{}: {}\"/>\n", to_string(check.verdict), text);
  if (check.verdict == Verdict::warning) return fmt::format("      <system-out>warning: {}</system-out>\n", text);
  return "";
}

std::string test_case(const GateCheck& check) {
  const std::string body = body_of(check);
  const std::string opening = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"",
                                          escape_markup(check.method), escape_markup(name_of(check)));
  return body.empty() ? opening + "/>\n" : fmt::format("{}>\n{}    </testcase>\n", opening, body);
}

std::string property(std::string_view name, const std::string& value) {
  return fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, escape_markup(value));
}

}  // namespace

std::string to_junit(const Comparison& comparison) {
  std::size_t failures = 0, skips = 0;
  std::string cases;
  for (const GateCheck& check : comparison.checks) {
    failures += check.fails ? 1 : 0;
    skips += skipped(check) ? 1 : 0;
    cases += test_case(check);
  }
  const std::string counts = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\"",
                                         comparison.checks.size(), failures, skips);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"quantbench\" {0}>\n  <testsuite name=\"quantbench compare\" {0}>\n    <properties>\n"
      "{1}    </properties>\n{2}  </testsuite>\n</testsuites>\n",
      counts, property("base", comparison.base) + property("new", comparison.now) + property("gates", comparison.gates),
      cases);
}

}  // namespace quantbench
