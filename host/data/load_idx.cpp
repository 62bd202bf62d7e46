#include "data/load_idx.h"

#include <future>
#include <memory>

#include "data/sha256.h"

namespace hourglass {

LoadedIdx load_idx(const std::string& path,
                   const std::function<void(const std::string& sha256)>& check) {
  const auto file = std::make_shared<const MappedFile>(path);
  auto parsed = std::async(std::launch::async, [&file] { return read_idx(file); });
  const std::string hash = sha256(file->bytes());
  if (check) check(hash);
  return {parsed.get(), {path, hash}};
}

}  // namespace hourglass
