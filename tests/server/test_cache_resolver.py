"""Which tokens stay in a cache."""

from isthmus.base.values import NS_PER_S
from isthmus.identity.nkeys import Kind
from isthmus.server.cache_resolver import CacheResolver
from support.operator_mode import account_token
from support.tokens import key

ACCOUNTS = [key(Kind.ACCOUNT, name) for name in "abcd"]
A, B, C, D = (account.public_key for account in ACCOUNTS)
TOKENS = {account.public_key: account_token(account) for account in ACCOUNTS}


class Time:
    """A clock that is set."""

    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        return self.now_ns


def cache(folder, clock, **options):
    return CacheResolver(folder / "jwt", wall_ns=clock, **({"limit": 2} | options))


def keep(resolver, *keys):
    for name in keys:
        resolver.save(name, TOKENS[name])


def there(folder):
    return {path.stem for path in (folder / "jwt").iterdir()}


def test_the_token_used_longest_ago_makes_room(tmp_path):
    resolver = cache(tmp_path, Time())
    keep(resolver, A, B)
    assert resolver.load(A) == TOKENS[A]
    keep(resolver, C)
    assert there(tmp_path) == {A, C}
    keep(resolver, A, D)  # saved again is used
    assert there(tmp_path) == {A, D}


def test_what_is_there_at_start_is_bounded_too(tmp_path):
    first = cache(tmp_path, Time(), limit=4)
    keep(first, A, B, C, D)
    first.close()
    assert len(cache(tmp_path, Time())) == 2
    assert len(there(tmp_path)) == 2


def test_what_nobody_uses_goes_and_is_not_reported_as_ended(tmp_path):
    clock = Time()
    resolver = cache(tmp_path, clock, ttl_ns=10 * NS_PER_S)
    keep(resolver, A, B)
    clock.now_ns = 6 * NS_PER_S
    resolver.load(B)
    clock.now_ns = 10 * NS_PER_S
    assert resolver.sweep(clock.now_ns) == []
    assert there(tmp_path) == {B}
    assert resolver.load(A) == ""


def test_what_has_expired_goes_and_is_reported(tmp_path):
    clock = Time()
    resolver = cache(tmp_path, clock)
    ending = account_token(ACCOUNTS[0], exp=5)
    resolver.save(A, ending)
    assert resolver.sweep(6 * NS_PER_S) == [A]
    assert there(tmp_path) == set()
