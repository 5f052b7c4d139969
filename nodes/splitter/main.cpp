#include "common/node.hpp"
#include "nodes/splitter/splitter.hpp"

int main(int argc, char** argv) {
  remuda::Splitter node;
  return remuda::run_node(node, argc, argv);
}
