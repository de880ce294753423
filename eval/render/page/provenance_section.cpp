// Where the figures come from: all facts that a report holds, those of several reports side by side.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "eval/explain/facts.h"
#include "eval/render/page/page.h"

namespace quantbench {
namespace {

constexpr const char* not_recorded = "not recorded";

struct FactRow {
  std::string name;
  std::vector<std::string> shown;  // of each run
  std::vector<std::string> value;  // what decides whether they are equal; hashes whole
};

// Facts of reports that lack some stand where the first report with them has them.
std::vector<FactRow> rows_of(const std::vector<std::vector<Fact>>& facts) {
  std::vector<FactRow> rows;
  for (std::size_t run = 0; run < facts.size(); ++run) {
    for (const Fact& fact : facts[run]) {
      auto row = std::ranges::find(rows, fact.name, &FactRow::name);
      if (row == rows.end())
        row = rows.insert(rows.end(),
                          {fact.name, std::vector<std::string>(facts.size()), std::vector<std::string>(facts.size())});
      row->shown[run] = fact.shown;
      row->value[run] = fact.value;
    }
  }
  return rows;
}

Fact plain(std::string name, const std::string& value) { return {std::move(name), value, value, Affects::identity}; }

std::vector<Fact> all_facts(const Report& report) {
  std::vector<Fact> facts{plain("run", report.run_name), plain("config, sha256", report.config_sha256),
                          plain("parameters of the model", std::to_string(report.model_parameters))};
  std::ranges::copy(facts_of(report), std::back_inserter(facts));
  facts.push_back(plain("newest instruction set of the machine", report.environment.machine_isa));
  facts.push_back(plain("GPU", report.environment.gpu));
  facts.push_back(plain("schema version", std::to_string(report.schema_version)));
  return facts;
}

bool is_hash(const std::string& value) {
  return value.size() == 64 && value.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A name with twelve digits of its hash is followed by the whole of it.
std::string value_markup(const std::string& shown, const std::string& value) {
  if (value.empty()) return fmt::format("<span class=\"absent\">{}</span>", not_recorded);
  if (!is_hash(value)) return escape_markup(shown);
  const std::size_t at = shown.find(", sha256 ");
  const std::string name = at == std::string::npos ? "" : escape_markup(shown.substr(0, at)) + "<br>";
  return fmt::format("{}<code>{}</code>", name, value);
}

std::string fact_table(std::span<const Report> reports) {
  std::vector<std::vector<Fact>> facts;
  for (const Report& report : reports) facts.push_back(all_facts(report));
  const std::vector<std::string> labels = run_labels(reports);
  std::string text =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"facts\"><table "
      "class=\"provenance\">\n<thead><tr><th "
      "scope=\"col\" class=\"left\">fact</th>";
  for (const std::string& label : labels)
    text +=
        fmt::format("<th scope=\"col\" class=\"left\">{}</th>", escape_markup(reports.size() > 1 ? label : "value"));
  text += "</tr></thead>\n<tbody>\n";
  for (const FactRow& row : rows_of(facts)) {
    const bool same =
        std::ranges::all_of(row.value, [&](const std::string& value) { return value == row.value.front(); });
    text += fmt::format("<tr{}><th scope=\"row\" class=\"left\">{}</th>", same ? "" : " class=\"differs\"",
                        escape_markup(row.name));
    for (std::size_t run = 0; run < row.value.size(); ++run)
      text += fmt::format("<td class=\"left\">{}</td>", value_markup(row.shown[run], row.value[run]));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

// Reports hold the config as JSON.
std::string configs(std::span<const Report> reports) {
  const std::vector<std::string> labels = run_labels(reports);
  std::string text;
  for (std::size_t run = 0; run < reports.size(); ++run)
    if (!reports[run].config.empty())
      text += fmt::format("<details><summary>Config of {}</summary>\n<pre>{}</pre></details>\n",
                          escape_markup(labels[run]), escape_markup(reports[run].config));
  return text;
}

std::string sensitivity_facts(const Sensitivity& sensitivity) {
  const SensitivityOrigin& origin = sensitivity.origin;
  return "<h3>Sensitivity</h3>\n<dl class=\"facts\">" + definition("quantbench", origin.version) +
         definition("model", fmt::format("{}, sha256 {}", origin.model, origin.model_sha256)) +
         definition("text", fmt::format("{}, sha256 {}", origin.text, origin.text_sha256)) +
         definition("protocol", origin.protocol) +
         definition("windows",
                    fmt::format("{}, divergences over the first {}", origin.windows, origin.divergence_windows)) +
         definition("method", origin.method) + definition("probe", sensitivity.probe) +
         definition("noise floor", fmt::format("{:.2g} nats", sensitivity.noise_floor)) + "</dl>\n";
}

}  // namespace

PageSection provenance_section(std::span<const Report> reports, std::span<const Sensitivity> sensitivities) {
  PageSection section{"provenance", "Provenance", ""};
  if (!reports.empty()) {
    section.markup =
        "<p>Every figure follows from these facts. <code>quantbench explain</code> says which figures each stands "
        "behind.";
    if (reports.size() > 1) section.markup += " Facts in which the runs differ are marked.";
    section.markup += "</p>\n" + fact_table(reports) + configs(reports);
  }
  for (const Sensitivity& sensitivity : sensitivities) section.markup += sensitivity_facts(sensitivity);
  return section;
}

}  // namespace quantbench
