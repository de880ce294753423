// The style sheet and the script of the page: eval/render/page/page.css and page.js, made part of the program by CMake.
#pragma once

#include <string_view>

namespace quantbench {

extern const std::string_view page_css;
extern const std::string_view page_js;

}  // namespace quantbench
