"""The asyncio shell: sockets, files, tasks and clocks live here and nowhere below."""
