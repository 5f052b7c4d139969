#include "common/node.hpp"
#include "nodes/transform/transform.hpp"

int main(int argc, char** argv) {
  remuda::Transform node;
  return remuda::run_node(node, argc, argv);
}
