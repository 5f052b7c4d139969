#include "common/node.hpp"
#include "nodes/content_router/content_router.hpp"

int main(int argc, char** argv) {
  remuda::ContentRouter node;
  return remuda::run_node(node, argc, argv);
}
