#include "common/node.hpp"
#include "nodes/unicorn_management/unicorn_management.hpp"

int main(int argc, char** argv) {
  remuda::rides::UnicornManagement node;
  return remuda::run_node(node, argc, argv);
}
