#include "cuda/algorithm_cache.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace hourglass::cuda {
namespace {

constexpr const char* format_line = "hourglass product algorithm 1";

std::uint64_t hash_of(const std::string& text) {  // FNV-1a
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

std::string hexadecimal(std::uint64_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

std::string contents(const std::string& key, const AlgorithmWords& words) {
  std::string line;
  for (const std::uint64_t word : words) line += hexadecimal(word) + ' ';
  return std::string(format_line) + '\n' + key + '\n' + line + hexadecimal(hash_of(line)) + '\n';
}

}  // namespace

std::filesystem::path AlgorithmCache::default_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != '\0')
    return std::filesystem::path(cache) / "hourglass" / "products";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0')
    return std::filesystem::path(home) / ".cache" / "hourglass" / "products";
  return {};
}

std::filesystem::path AlgorithmCache::file(const std::string& key) const {
  return directory_ / (hexadecimal(hash_of(key)) + ".txt");
}

std::optional<AlgorithmWords> AlgorithmCache::find(const std::string& key) const {
  if (directory_.empty()) return std::nullopt;
  std::ifstream in(file(key));
  std::string format;
  std::string found_key;
  std::getline(in, format);
  std::getline(in, found_key);
  AlgorithmWords words{};
  in >> std::hex;
  for (std::uint64_t& word : words) in >> word;
  if (!in || format != format_line || found_key != key) return std::nullopt;
  std::ostringstream all;
  all << std::ifstream(file(key)).rdbuf();
  if (all.str() != contents(key, words)) return std::nullopt;
  return words;
}

bool AlgorithmCache::pin(const std::string& key, const AlgorithmWords& words) const {
  if (directory_.empty()) return false;
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  const std::filesystem::path target = file(key);
  const std::filesystem::path temporary = target.string() + ".tmp-" + std::to_string(::getpid());
  {
    std::ofstream out(temporary, std::ios::trunc);
    out << contents(key, words);
    out.close();
    if (!out) {
      std::filesystem::remove(temporary, error);
      return false;
    }
  }
  // A link fails where there is a file; a rename would replace it.
  std::filesystem::create_hard_link(temporary, target, error);
  if (error && !find(key)) std::filesystem::rename(temporary, target, error);  // a damaged one
  std::filesystem::remove(temporary, error);
  return find(key).has_value();
}

void AlgorithmCache::drop(const std::string& key, const AlgorithmWords& words) const {
  std::error_code error;
  if (find(key) == words) std::filesystem::remove(file(key), error);
}

}  // namespace hourglass::cuda
