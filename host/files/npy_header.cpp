#include "files/npy_header.h"

#include <charconv>
#include <set>

namespace hourglass {
namespace {

constexpr std::size_t written_header_bytes = 128;
constexpr std::size_t preamble_bytes = 10;  // magic, version, length
constexpr std::size_t largest_npy_rank = 32;

/// A cursor over the header's text.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    std::set<std::string> keys;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      if (!keys.insert(key).second) throw NpyError("the key '" + key + "' twice");
      expect(':');
      if (key == "descr") {
        header.descr = descr();
      } else if (key == "fortran_order") {
        header.fortran_order = truth();
      } else if (key == "shape") {
        header.shape = shape();
      } else {
        throw NpyError("the unknown key '" + key + "'");
      }
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_space();
    if (!rest_.empty()) throw NpyError("text after the header's dictionary");
    if (keys.size() != 3) throw NpyError("a header without descr, fortran_order or shape");
    return header;
  }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }

  bool take(char symbol) {
    skip_space();
    if (!rest_.starts_with(symbol)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char symbol) {
    if (!take(symbol)) throw NpyError(std::string("no '") + symbol + "' where one belongs");
  }

  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string string() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') throw NpyError("no string where one belongs");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) throw NpyError("a string without an end");
    std::string text(rest_.substr(1, end - 1));
    if (text.find('\\') != std::string::npos) throw NpyError("an escape in a string");
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string descr() {
    skip_space();
    if (rest_.starts_with('[')) throw NpyError("a structured array");
    return string();
  }

  bool truth() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    throw NpyError("a fortran_order other than True or False");
  }

  std::int64_t number() {
    skip_space();
    std::int64_t value = 0;
    const auto [next, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || value < 0) throw NpyError("a shape with a bad number");
    rest_.remove_prefix(static_cast<std::size_t>(next - rest_.data()));
    return value;
  }

  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> extents;
    expect('(');
    while (!take(')')) {
      if (extents.size() == largest_npy_rank) throw NpyError("more than 32 dimensions");
      extents.push_back(number());
      if (take(',')) continue;
      expect(')');
      break;
    }
    return extents;
  }

  std::string_view rest_;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text) { return Parser(text).parse(); }

std::string npy_header(std::int64_t rows, std::int64_t cols) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(cols) + "), }";
  text.resize(written_header_bytes - preamble_bytes - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size());
  header += '\0';
  return header + text;
}

}  // namespace hourglass
