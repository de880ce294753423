#include "core/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/partial_file.h"
#include "core/process_identity.h"

namespace quantbench {
namespace {

std::string reason() { return std::strerror(errno); }

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

void flush_directory(const std::filesystem::path& directory) {
  const Descriptor descriptor(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY));
  if (descriptor.value() >= 0) ::fsync(descriptor.value());
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.value() < 0) fail("cannot open {}: {}", path.string(), reason());
  struct stat status {};
  if (::fstat(descriptor.value(), &status) != 0) fail("cannot read the size of {}: {}", path.string(), reason());
  if (!S_ISREG(status.st_mode)) fail("{} is not a regular file", path.string());
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.value(), 0);
  if (address == MAP_FAILED) fail("cannot map {} ({} bytes): {}", path.string(), size, reason());
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

bool MappedFile::release(std::span<const std::byte> part) const {
  const auto address = [](const std::byte* byte) { return reinterpret_cast<std::uintptr_t>(byte); };
  const std::uintptr_t first = address(part.data()), last = first + part.size();
  if (bytes_.empty() || first < address(bytes_.data()) || last > address(bytes_.data()) + bytes_.size()) return false;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t first_page = (first + page - 1) / page * page, last_page = last / page * page;
  // A failure costs memory only.
  if (first_page < last_page) ::madvise(reinterpret_cast<void*>(first_page), last_page - first_page, MADV_DONTNEED);
  return true;
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string writer_of_partial(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const std::size_t mark = name.rfind(partial_mark), end = name.rfind('-');
  if (mark == std::string::npos) return "";
  const std::size_t begin = mark + partial_mark.size();
  return end > begin ? name.substr(begin, end - begin) : "";
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::string name = path_.string() + std::string(partial_mark) + this_process() + "-XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail("cannot write beside {}: {}", path_.string(), reason());
  temporary_ = name;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write {}: {}", path_.string(), reason());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fchmod(descriptor_, 0644) != 0 || ::fsync(descriptor_) != 0)
    fail("cannot flush {}: {}", path_.string(), reason());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename onto {}: {}", path_.string(), reason());
  ::close(std::exchange(descriptor_, -1));
  flush_directory(path_.parent_path());
}

void write_text_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace quantbench
