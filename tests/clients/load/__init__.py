"""Load on a device: crowds of clients on plain sockets, and what they leave behind. Standard library only."""
