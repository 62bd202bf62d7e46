#include "files/safetensors_header.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "files/json.h"

namespace hourglass {
namespace {

using nlohmann::json;

constexpr std::size_t largest_tensor_rank = 32;

struct DtypeRow {
  std::string_view name;
  std::int64_t bytes;
};

constexpr std::array<DtypeRow, 15> dtypes{{{"BOOL", 1},
                                           {"U8", 1},
                                           {"I8", 1},
                                           {"F8_E5M2", 1},
                                           {"F8_E4M3", 1},
                                           {"I16", 2},
                                           {"U16", 2},
                                           {"F16", 2},
                                           {"BF16", 2},
                                           {"I32", 4},
                                           {"U32", 4},
                                           {"F32", 4},
                                           {"I64", 8},
                                           {"U64", 8},
                                           {"F64", 8}}};

Dtype parse_dtype(std::string_view text) {
  const auto found = std::ranges::find(dtypes, text, &DtypeRow::name);
  if (found == dtypes.end()) throw JsonError{"the unknown type \"" + std::string(text) + "\""};
  return static_cast<Dtype>(found - dtypes.begin());
}

/// Takes the parser's events and accepts only what a header can hold, so that neither depth nor
/// memory is in the hands of the file.
class HeaderParser : public json::json_sax_t {
 public:
  SafetensorsHeader header;

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::header;
    } else if (place_ == Place::header && key_ == metadata_key) {
      place_ = Place::metadata;
    } else if (place_ == Place::header) {
      place_ = Place::tensor;
      tensor_ = TensorInfo{};
      tensor_.name = key_;
      fields_.clear();
    } else {
      fail("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::header) {
      place_ = Place::done;
      return true;
    }
    if (place_ == Place::tensor) {
      if (fields_.size() != 3) throw JsonError{"an incomplete entry for " + where()};
      header.tensors.push_back(tensor_);
    }
    place_ = Place::header;
    return true;
  }

  bool key(std::string& name) override {
    bool fresh = true;
    if (place_ == Place::header) {
      key_ = name;
      fresh = names_.insert(name).second;
    } else if (place_ == Place::metadata) {
      field_ = name;
      fresh = !header.metadata.contains(name);
    } else {
      field_ = name;
      fresh = fields_.insert(name).second;
      if (name != "dtype" && name != "shape" && name != "data_offsets")
        throw JsonError{"the unknown field \"" + name + "\" of " + where()};
    }
    if (!fresh) throw JsonError{"the key \"" + name + "\" twice"};
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      header.metadata.emplace(field_, text);
    } else if (place_ == Place::tensor && field_ == "dtype") {
      tensor_.dtype = parse_dtype(text);
    } else {
      fail("a string");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || field_ == "dtype") fail("an array");
    place_ = field_ == "shape" ? Place::shape : Place::offsets;
    offsets_ = 0;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2)
      throw JsonError{"data_offsets other than two numbers for " + where()};
    place_ = Place::tensor;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      fail("a number beyond 63 bits");
    if (place_ == Place::shape && tensor_.shape.size() < largest_tensor_rank) {
      tensor_.shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? tensor_.begin : tensor_.end) = value;
    } else {
      fail("a number");
    }
    return true;
  }

  bool null() override { fail("null"); }
  bool boolean(bool) override { fail("a truth value"); }
  bool number_integer(std::int64_t) override { fail("a negative number"); }
  bool number_float(double, const std::string&) override { fail("a fraction or huge number"); }
  bool binary(json::binary_t&) override { fail("binary data"); }
  bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
    throw JsonError{error.what()};
  }

 private:
  enum class Place { outside, header, metadata, tensor, shape, offsets, done };

  [[nodiscard]] std::string where() const { return "\"" + key_ + "\""; }
  [[noreturn]] void fail(const std::string& what) const {
    throw JsonError{what + " out of place in " + where()};
  }

  Place place_ = Place::outside;
  std::string key_;    // of the header
  std::string field_;  // of a tensor or of the metadata
  std::set<std::string> names_;
  std::set<std::string> fields_;
  TensorInfo tensor_;
  int offsets_ = 0;
};

void check_offsets(const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  for (const TensorInfo& tensor : tensors) {
    const std::string range = "\"" + tensor.name + "\" at bytes " + std::to_string(tensor.begin) +
                              " to " + std::to_string(tensor.end);
    if (tensor.begin > tensor.end || tensor.end > data_bytes)
      throw JsonError{range + " of a data section of " + std::to_string(data_bytes) + " bytes"};
    if (tensor.begin != covered)
      throw JsonError{(tensor.begin > covered ? "a hole before " : "overlapping tensors: ") +
                      range};
    if (tensor.bytes() != tensor_bytes(tensor.dtype, tensor.shape))
      throw JsonError{range + ", which is not its shape times its type"};
    covered = tensor.end;
  }
  if (covered != data_bytes)
    throw JsonError{"tensors of " + std::to_string(covered) + " bytes in a data section of " +
                    std::to_string(data_bytes) + " bytes"};
}

json described(const TensorInfo& tensor) {
  return {{"dtype", name(tensor.dtype)}, {"shape", tensor.shape}};
}

}  // namespace

std::string_view name(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].name; }
std::int64_t byte_size(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].bytes; }

std::uint64_t tensor_bytes(Dtype dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = byte_size(dtype);
  for (const std::int64_t extent : shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes))
      throw JsonError{"a shape whose size overflows"};
  return static_cast<std::uint64_t>(bytes);
}

SafetensorsHeader parse_header(std::string_view text, std::uint64_t data_bytes) {
  if (!text.starts_with('{')) throw JsonError{"a header that does not begin with '{'"};
  // The lexer takes a NUL for the end of its input and would ignore what follows.
  if (text.find('\0') != std::string_view::npos) throw JsonError{"a NUL byte in the header"};
  HeaderParser parser;
  if (!json::sax_parse(text.begin(), text.end(), &parser)) throw JsonError{"a header cut short"};
  SafetensorsHeader header = std::move(parser.header);
  std::ranges::sort(header.tensors, [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_offsets(header.tensors, data_bytes);
  return header;
}

std::string header_text(std::span<const TensorInfo> tensors, const Metadata& metadata) {
  json header = json::object();
  if (!metadata.empty()) header[std::string(metadata_key)] = metadata;
  for (const TensorInfo& tensor : tensors) {
    json entry = described(tensor);
    entry["data_offsets"] = {tensor.begin, tensor.end};
    if (header.contains(tensor.name)) throw JsonError{"the tensor \"" + tensor.name + "\" twice"};
    header[tensor.name] = std::move(entry);
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

std::string crc32_text(const void* data, std::size_t bytes) {
  const auto sum = static_cast<unsigned>(crc32_z(0, static_cast<const Bytef*>(data), bytes));
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", sum);
  return text.data();
}

std::string header_crc32(std::span<const TensorInfo> tensors, const Metadata& metadata) {
  json all = {{"metadata", metadata}, {"tensors", json::object()}};
  for (const TensorInfo& tensor : tensors) all["tensors"][tensor.name] = described(tensor);
  const std::string text = json_text(all);
  return crc32_text(text.data(), text.size());
}

}  // namespace hourglass
