"""Why a server does not carry out an import, as a finding.

Owns the words for each refusal of `accounts.imports` (and of the registry): the server's answers to
a push and its `accountz` say what `nsc explain` says offline. Knows neither stores nor commands, so
its findings have no fix.
"""

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import Import
from isthmus.sharing.finding import Finding

# Refusals that are called otherwise here, and the hop of each that does not tell it by its name.
_CODES = {
    "account_unknown": "account_missing",
    "rewriting": "import_rewriting",
    "cycle": "import_cycle",
    "undecided": "import_inactive",
}
_HOPS = {
    "account_missing": "export",
    "account_expired": "export",
    "export_missing": "export",
    "not_approved": "export",
    "position_mismatch": "export",
}


def refused(verdict: Refusal, wanted: Import) -> Finding:
    """The finding about an import that a server refuses."""
    code = _CODES.get(verdict.code, verdict.code)
    hop = _HOPS.get(code) or ("activation" if code.startswith("activation_") else "import")
    return Finding(
        code=code,
        hop=hop,
        subject=wanted.local,
        cause=f"{wanted.kind} import of {wanted.remote!r} is not active: {verdict.reason}",
    )
