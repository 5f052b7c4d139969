#include "common/node.hpp"
#include "nodes/forwarder/forwarder.hpp"

int main(int argc, char** argv) {
  remuda::Forwarder node;
  return remuda::run_node(node, argc, argv);
}
