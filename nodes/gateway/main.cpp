#include "common/node.hpp"
#include "nodes/gateway/gateway.hpp"

int main(int argc, char** argv) {
  remuda::Gateway node;
  return remuda::run_node(node, argc, argv);
}
