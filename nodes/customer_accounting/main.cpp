#include "common/node.hpp"
#include "nodes/customer_accounting/customer_accounting.hpp"

int main(int argc, char** argv) {
  remuda::rides::CustomerAccounting node;
  return remuda::run_node(node, argc, argv);
}
