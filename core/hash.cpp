#include "core/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/file.h"

namespace quantbench {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    fail("SHA-256 could not be initialised");
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) fail("SHA-256 update failed");
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.data(), &size) != 1) fail("SHA-256 could not be finished");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  constexpr std::size_t part_bytes = std::size_t{16} << 20;  // in memory at a time, however large the file
  const MappedFile file(path);
  Sha256 hash;
  for (std::size_t first = 0; first < file.bytes().size(); first += part_bytes) {
    const auto part = file.bytes().subspan(first, std::min(part_bytes, file.bytes().size() - first));
    hash.update(part);
    (void)file.release(part);
  }
  return hash.hex();
}

}  // namespace quantbench
