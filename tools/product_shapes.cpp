#include "product_shapes.h"

namespace hourglass::tools {

std::vector<ProductShape> product_shapes(const NetworkSpec& network, std::int64_t batch) {
  using Kind = ProductShape::Kind;
  std::vector<ProductShape> shapes;
  const auto slots = parameter_layout(network);
  for (std::size_t l = 0; l < slots.size(); ++l)
    shapes.push_back({Kind::forward, l, batch, slots[l].in, slots[l].out});
  for (std::size_t l = slots.size(); l-- > 1;)
    shapes.push_back({Kind::backward, l, batch, slots[l].out, slots[l].in});
  for (std::size_t l = slots.size(); l-- > 0;)
    shapes.push_back({Kind::weights, l, slots[l].out, batch, slots[l].in});
  return shapes;
}

double product_flop(const NetworkSpec& network, std::int64_t batch) {
  double flop = 0;
  for (const ProductShape& shape : product_shapes(network, batch)) flop += shape.flop();
  return flop;
}

}  // namespace hourglass::tools
