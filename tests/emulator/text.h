// How faults write indices, places and masks.
#pragma once

#include <sstream>
#include <string>

#include "emulator/device.h"

namespace emulator {

template <class Index>
std::string text_of(const Index& index) {
  std::ostringstream text;
  text << '(' << index.x << ',' << index.y << ',' << index.z << ')';
  return text.str();
}

inline std::string text_of(Where where) {
  std::ostringstream text;
  text << where.file_name() << ':' << where.line();
  return text.str();
}

inline std::string hex(unsigned mask) {
  std::ostringstream text;
  text << "0x" << std::hex << mask;
  return text.str();
}

/// As faults name it.
inline const char* name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::barrier:
      return "__syncwarp";
    case WarpOperation::shuffle:
      return "a shuffle";
    case WarpOperation::ballot:
      return "a vote";
    default:
      return "a warp reduction";
  }
}

}  // namespace emulator
