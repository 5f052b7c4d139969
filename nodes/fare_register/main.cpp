#include "common/node.hpp"
#include "nodes/fare_register/fare_register.hpp"

int main(int argc, char** argv) {
  remuda::rides::FareRegister node;
  return remuda::run_node(node, argc, argv);
}
