"""Commands of the command line that ask the lab a question; `parity.__main__` registers them."""
