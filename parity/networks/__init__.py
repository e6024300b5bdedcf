"""What the stages run: checkpoints are read, graphs are built from their arrays, runtimes execute them."""
