#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/command_line/command_tree.h"

namespace quantbench {
namespace {

// Bash splits words at ':' and '=', which method ids and --option=value have in them: the line is split anew here, and of the answers
// only what stands behind the last such character is given back.
constexpr const char* functions = R"(# Completion of quantbench for bash, printed by `quantbench completion bash`.

# Words that begin with $1, of those that follow it.
_quantbench_words() {
  local begin=$1 word
  shift
  for word in "$@"; do [[ $word == "$begin"* ]] && COMPREPLY+=("$word"); done
}

# Of a list with commas, the last item.
_quantbench_list() {
  local head=${1%"${1##*,}"} begin=${1##*,} i
  shift
  _quantbench_words "$begin" "$@"
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=$head${COMPREPLY[i]}; done
  compopt -o nospace 2>/dev/null
}

_quantbench_files() {
  local file found=false
  while IFS= read -r file; do COMPREPLY+=("$file") found=true; done < <(compgen -f -- "$1")
  $found && compopt -o filenames 2>/dev/null
}

_quantbench() {
  local line=${COMP_LINE:0:COMP_POINT} words word option='' command='' i
  COMPREPLY=()
  read -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word=${words[${#words[@]} - 1]}
  for ((i = 1; i < ${#words[@]} - 1; ++i)); do
    [[ ${words[i]} != -* ]] && { command=${words[i]}; break; }
  done
  local joined=''
  if [[ $word == --*=* ]]; then
    option=${word%%=*}
    word=${word#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || joined=$option=
  elif ((${#words[@]} > 2)) && [[ ${words[${#words[@]} - 2]} == -* ]]; then
    option=${words[${#words[@]} - 2]}
  fi
  _quantbench_complete "$command" "$option" "$word"
  local breaks=${COMP_WORDBREAKS//[^:=]/} head
  if [[ -n $breaks && $word == *[$breaks]* ]]; then
    head=${word%"${word##*[$breaks]}"}
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
  fi
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=$joined${COMPREPLY[i]}; done
}
)";

std::string names_of(const std::vector<OptionSummary>& options) {
  std::vector<std::string> names;
  for (const OptionSummary& option : options) names.insert(names.end(), option.names.begin(), option.names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

/// What completes a value, as commands of the shell; empty: nothing does.
std::string value_actions(const OptionSummary& option, bool as_list) {
  std::string actions;
  if (!option.choices.empty())
    actions = fmt::format("{} \"$word\" {}", as_list ? "_quantbench_list" : "_quantbench_words",
                          fmt::join(option.choices, " "));
  if (option.file) actions += std::string(actions.empty() ? "" : "; ") + "_quantbench_files \"$word\"";
  return actions.empty() ? ":" : actions;
}

std::string command_case(const CommandSummary& command) {
  std::string text = fmt::format("    {})\n      case $option in\n", command.name);
  for (const OptionSummary& option : command.options)
    if (option.takes_value && !option.names.empty())
      text += fmt::format("        {}) {}; return ;;\n", fmt::join(option.names, " | "),
                          value_actions(option, option.list));
  text += "      esac\n";
  text += fmt::format("      if [[ $word == -* ]]; then _quantbench_words \"$word\" {}; return; fi\n",
                      names_of(command.options));
  std::vector<std::string> choices;
  bool file = false;
  for (const OptionSummary& option : command.options) {
    if (option.positional.empty()) continue;
    choices.insert(choices.end(), option.choices.begin(), option.choices.end());
    file = file || option.file;
  }
  if (!choices.empty()) text += fmt::format("      _quantbench_words \"$word\" {}\n", fmt::join(choices, " "));
  if (file) text += "      _quantbench_files \"$word\"\n";
  return text + "      ;;\n";
}

}  // namespace

std::string bash_completion(const CommandTree& tree) {
  std::string text = functions;
  text += "\n_quantbench_complete() {\n  local command=$1 option=$2 word=$3\n  case $command in\n";
  std::vector<std::string> names;
  for (const CommandSummary& command : tree.commands) names.push_back(command.name);
  text += fmt::format("    '') _quantbench_words \"$word\" {} {} ;;\n", fmt::join(names, " "), names_of(tree.options));
  for (const CommandSummary& command : tree.commands) text += command_case(command);
  return text + fmt::format("  esac\n}}\n\ncomplete -F _quantbench {}\n", tree.name);
}

}  // namespace quantbench
