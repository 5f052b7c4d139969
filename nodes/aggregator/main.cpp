#include "common/node.hpp"
#include "nodes/aggregator/aggregator.hpp"

int main(int argc, char** argv) {
  remuda::Aggregator node;
  return remuda::run_node(node, argc, argv);
}
