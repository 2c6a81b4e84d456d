"""What embedders need to test as we do: virtual time, faulty disks, a server in this loop."""
