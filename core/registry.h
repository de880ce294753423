// A registry of named things (solvers, metrics, architectures ...): add one by adding a file that holds a `Register`.
//
// The registered objects live for the whole program and are never changed, so a registry is read-only after start-up.
// Libraries that register are CMake OBJECT libraries: a linker drops unreferenced objects of a static library, and the
// registry would silently lose entries.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/suggest.h"

namespace quantbench {

/// `T` is what is registered (a value or a std::unique_ptr to an interface); `T::kind`, e.g. "solver", names it in
/// errors.
template <class T>
class Registry {
 public:
  static const Registry& instance() { return mutable_instance(); }

  /// Throws Error with the near matches when the name is not registered.
  const T& at(std::string_view name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) fail("unknown {} '{}'{}", T::kind, name, suggestion(name, names()));
    return found->second;
  }

  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }

  /// Sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, entry] : entries_) all.push_back(name);
    return all;
  }

 private:
  template <class>
  friend class Register;

  static Registry& mutable_instance() {
    static Registry registry;
    return registry;
  }

  std::map<std::string, T, std::less<>> entries_;
};

template <class T>
class Register {
 public:
  Register(std::string name, T entry) {
    auto& entries = Registry<T>::mutable_instance().entries_;
    if (!entries.emplace(name, std::move(entry)).second) fail("{} '{}' is registered twice", T::kind, name);
  }
};

}  // namespace quantbench
