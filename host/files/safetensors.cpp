#include "hourglass/safetensors.h"

#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "files/json.h"
#include "files/posix.h"
#include "files/safetensors_header.h"
#include "hourglass/atomic_file.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's numbers are little-endian");

constexpr std::uint64_t longest_safetensors_header = 100'000'000;
constexpr std::uint64_t length_bytes = 8;
constexpr const char* get_again =
    "The file is damaged or not a safetensors file: get it again or train again.";

constexpr FileKind safetensors_kind{
    "a .safetensors file",
    "Check the path: name such a file, or a run directory that `hourglass train` made.",
    raise<ModelError>};

[[noreturn]] void refuse_safetensors(const std::filesystem::path& path, const std::string& found) {
  throw ModelError(Finding{path.string(), "a safetensors file", found, get_again});
}

}  // namespace

class SafetensorsReader::File {
 public:
  explicit File(const std::filesystem::path& path) : input(path, safetensors_kind) {}
  InputFile input;
  std::uint64_t data_offset = 0;
};

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const Metadata& metadata) {
  std::vector<TensorInfo> infos;
  std::string header;
  try {
    nlohmann::json checksums;
    std::uint64_t offset = 0;
    for (const TensorView& tensor : tensors) {
      const std::uint64_t bytes = tensor_bytes(tensor.dtype, tensor.shape);
      infos.push_back({tensor.name, tensor.dtype, tensor.shape, offset, offset + bytes});
      checksums[tensor.name] = crc32_text(tensor.data, bytes);
      offset += bytes;
    }
    Metadata all = metadata;
    checksums[std::string(metadata_key)] = header_crc32(infos, all);
    all[std::string(checksums_key)] = json_text(checksums);
    header = header_text(infos, all);
  } catch (const JsonError& error) {
    throw ModelError(path.string() + ": cannot be written: " + error.what());
  }
  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header.data(), header.size());
  for (std::size_t i = 0; i < infos.size(); ++i) file.write(tensors[i].data, infos[i].bytes());
  file.commit();
}

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path)
    : file_(std::make_unique<File>(path)) {
  const std::uint64_t size = file_->input.size();
  if (size < length_bytes + 2) refuse_safetensors(path, std::to_string(size) + " bytes");
  std::uint64_t length = 0;
  file_->input.read(0, &length, sizeof length);
  if (length > longest_safetensors_header || length > size - length_bytes)
    refuse_safetensors(path, "a header length of " + std::to_string(length) + " in a file of " +
                                 std::to_string(size) + " bytes");
  std::string text(length, '\0');
  file_->input.read(length_bytes, text.data(), text.size());
  file_->data_offset = length_bytes + length;
  try {
    SafetensorsHeader header = parse_header(text, size - file_->data_offset);
    tensors_ = std::move(header.tensors);
    metadata_ = std::move(header.metadata);
    take_checksums();
  } catch (const JsonError& error) {
    refuse_safetensors(path, error.what());
  }
}

SafetensorsReader::~SafetensorsReader() = default;

const std::filesystem::path& SafetensorsReader::path() const { return file_->input.path(); }

void SafetensorsReader::take_checksums() {
  const auto found = metadata_.find(std::string(checksums_key));
  if (found == metadata_.end()) return;
  const nlohmann::json sums = parse_json(found->second);
  metadata_.erase(found);
  if (!sums.is_object()) throw JsonError{"checksums that are no JSON object"};
  for (const auto& [key, value] : sums.items()) {
    if (!value.is_string()) throw JsonError{"a checksum that is no string"};
    checksums_[key] = value.get<std::string>();
  }
  const auto of_header = checksums_.find(std::string(metadata_key));
  if (of_header == checksums_.end() || of_header->second != header_crc32(tensors_, metadata_))
    throw JsonError{"a header whose checksum does not match"};
  if (checksums_.size() != tensors_.size() + 1)
    throw JsonError{"checksums of other tensors than the file's"};
  for (const TensorInfo& tensor : tensors_)
    if (!checksums_.contains(tensor.name))
      throw JsonError{"no checksum of \"" + tensor.name + "\""};
}

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
  for (const TensorInfo& tensor : tensors_)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

void SafetensorsReader::read(const TensorInfo& tensor, void* out) const {
  file_->input.read(file_->data_offset + tensor.begin, out, tensor.bytes());
  if (!checked()) return;
  const std::string& expected = checksums_.at(tensor.name);
  const std::string found = crc32_text(out, tensor.bytes());
  if (found != expected)
    throw ModelError(Finding{path().string(), "the CRC-32 " + expected + " for " + tensor.name,
                             found,
                             "Its bytes changed after it was written: use an older copy or train "
                             "again. If the change was meant, write the file without the metadata "
                             "key crc32 and without \"checksums\" inside the key hourglass."});
}

}  // namespace hourglass
