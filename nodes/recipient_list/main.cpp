#include "common/node.hpp"
#include "nodes/recipient_list/recipient_list.hpp"

int main(int argc, char** argv) {
  remuda::RecipientList node;
  return remuda::run_node(node, argc, argv);
}
