// The sections of the HTML page. Each gives markup, or nothing when the reports have nothing to show there.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "eval/render/render.h"

namespace quantbench {

struct PageSection {
  std::string id, title;
  std::string markup;  // what stands below the title; empty: the section is left out
};

PageSection result_section(std::span<const Report> reports);
PageSection chart_section(std::span<const Report> reports);
/// Every cell by itself: its facts, the heat map of its tensors and their table.
PageSection cell_section(std::span<const Report> reports);
PageSection sensitivity_section(std::span<const Sensitivity> sensitivities);
PageSection kernel_section(std::span<const Report> reports);
PageSection expectation_section(std::span<const Report> reports);
PageSection provenance_section(std::span<const Report> reports, std::span<const Sensitivity> sensitivities);

/// What the page is about, in a few facts, above all sections.
std::string page_summary(std::span<const Report> reports);

/// A drawing with a frame that scrolls where the screen is narrow.
std::string figure(const std::string& svg, const std::string& caption = "");
/// `<div class="legend">` of the colours of heat maps with the bounds of their steps.
std::string heat_legend(double low, double high, const std::string& unit);
/// "<dt>name</dt><dd>value</dd>", escaped; nothing for an empty value.
std::string definition(const std::string& name, const std::string& value);

}  // namespace quantbench
