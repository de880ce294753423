// Names of files under construction (AtomicFile of core/file.h): "NAME.partial-IDENTITY-XXXXXX". What a killed process leaves
// behind is told from what a living one writes by the identity in its name (core/process_identity.h).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace quantbench {

/// Between the name of the file and who writes it.
inline constexpr std::string_view partial_mark = ".partial-";

/// The identity in the name of a file under construction; empty when there is none.
std::string writer_of_partial(const std::filesystem::path& path);

}  // namespace quantbench
