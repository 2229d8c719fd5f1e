"""The same tower in ours and in other libraries, each in a process of its own."""
