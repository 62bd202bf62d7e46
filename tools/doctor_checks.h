// What `hourglass doctor` looks at.
#pragma once

#include <string>
#include <vector>

namespace hourglass::tools {

/// One line of the doctor's report. `advice` is empty where nothing is to be done.
struct DoctorCheck {
  std::string group;  // "processor"
  std::string name;   // "instructions"
  std::string value;
  std::string advice;
};

[[nodiscard]] std::vector<DoctorCheck> check_processor();
[[nodiscard]] std::vector<DoctorCheck> check_libraries();
[[nodiscard]] std::vector<DoctorCheck> check_gpu();
[[nodiscard]] std::vector<DoctorCheck> check_data();

}  // namespace hourglass::tools
