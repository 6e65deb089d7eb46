"""What clients send, typed: grammars, shapes and plans as values, and the hooks that use them."""
