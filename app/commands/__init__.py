"""One module a command. Each has `add`, which declares its options, and `run`; heavy imports wait until `run`."""
