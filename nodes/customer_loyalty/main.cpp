#include "common/node.hpp"
#include "nodes/customer_loyalty/customer_loyalty.hpp"

int main(int argc, char** argv) {
  remuda::rides::CustomerLoyalty node;
  return remuda::run_node(node, argc, argv);
}
