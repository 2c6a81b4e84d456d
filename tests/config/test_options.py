"""What the options struct works out itself."""

import pytest

from isthmus.config import Options


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "", 0),
        ("example.org", "example.org", 0),
        ("example.org:1234", "example.org", 1234),
        ("[::1]:5", "::1", 5),
        ("x:0", "x", 0),
    ],
)
def test_the_advertised_address(text, host, port):
    options = Options(client_advertise=text)
    assert (options.advertised_host, options.advertised_port) == (host, port)
