"""`python -m isthmus`: the server command, with nats-server's flags."""

from isthmus.cli.serve import main

if __name__ == "__main__":
    main()
