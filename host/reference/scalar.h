// What the oracle needs of its scalars: double to compare with, complex for derivatives by complex
// step (Squire and Trapp, SIAM Review 1998): f'(x) = Im f(x + ih) / h, without cancellation; float
// for what single precision loses when computed plainly.
#pragma once

#include <cmath>
#include <complex>
#include <numbers>

namespace hourglass::reference {

inline float real_part(float z) { return z; }
inline double real_part(double z) { return z; }
inline double real_part(std::complex<double> z) { return z.real(); }

inline bool is_finite(float z) { return std::isfinite(z); }
inline bool is_finite(double z) { return std::isfinite(z); }
inline bool is_finite(std::complex<double> z) { return std::isfinite(z.real()); }

inline float error_function(float z) { return std::erf(z); }
inline double error_function(double z) { return std::erf(z); }
/// For the tiny imaginary parts of a complex step, where the next term is of the order h^2.
inline std::complex<double> error_function(std::complex<double> z) {
  const double slope = 2.0 * std::numbers::inv_sqrtpi * std::exp(-z.real() * z.real());
  return {std::erf(z.real()), slope * z.imag()};
}

}  // namespace hourglass::reference
