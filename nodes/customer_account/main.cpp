#include "common/node.hpp"
#include "nodes/customer_account/customer_account.hpp"

int main(int argc, char** argv) {
  remuda::rides::CustomerAccount node;
  return remuda::run_node(node, argc, argv);
}
