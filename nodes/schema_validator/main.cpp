#include "common/node.hpp"
#include "nodes/schema_validator/schema_validator.hpp"

int main(int argc, char** argv) {
  remuda::SchemaValidator node;
  return remuda::run_node(node, argc, argv);
}
