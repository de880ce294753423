#include "eval/runner/report_files.h"

#include <span>

#include "core/file.h"
#include "eval/render/render.h"

namespace quantbench {

void write_report_files(const Report& report, const std::filesystem::path& report_file) {
  const std::span<const Report> reports(&report, 1);
  write_text_atomically(std::filesystem::path(report_file).replace_extension(".csv"), render_csv(reports));
  if (const std::string expectations = render_expectations_csv(reports); !expectations.empty())
    write_text_atomically(report_file.parent_path() / "expectations.csv", expectations);
  write_text_atomically(std::filesystem::path(report_file).replace_extension(".md"), render_markdown(reports));
  write_text_atomically(report_file, to_json(report));
}

}  // namespace quantbench
