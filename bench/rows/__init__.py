"""The rows of the performance budget, in the order of the table."""

from bench.rows.accounts import ACCOUNT_ROWS
from bench.rows.administration import ADMINISTRATION
from bench.rows.core import CORE
from bench.rows.curves import CURVES
from bench.rows.jetstream import JETSTREAM
from bench.rows.process import PROCESS
from bench.rows.row import Curve, Row

ROWS: list[Row | Curve] = [*CORE, *JETSTREAM, *PROCESS, *ACCOUNT_ROWS, *ADMINISTRATION, *CURVES]
LEFT_OUT = {"TLS publish 128 B, TLS request/reply": "isthmus has no TLS yet"}

names = [row.name for row in ROWS]
assert len(set(names)) == len(names), "two rows have the same name"
