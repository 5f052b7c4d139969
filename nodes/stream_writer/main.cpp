#include "common/node.hpp"
#include "nodes/stream_writer/stream_writer.hpp"

int main(int argc, char** argv) {
  remuda::StreamWriter node;
  return remuda::run_node(node, argc, argv);
}
