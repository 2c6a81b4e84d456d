"""`nats object seal`: allow no changes to a bucket any more."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.object_view import store_view
from isthmus.cli.nats.session import Session


@verb("seal", help="Allow no changes to a bucket any more, for ever.")
@click.argument("bucket")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, bucket: str, force: bool) -> None:
    """Ask, seal, show."""

    async def seal(store: ObjectStore) -> str:
        question = f"Really seal Bucket {bucket}, sealed buckets can not be unsealed or modified"
        if not force and not session.confirm(question):
            return ""
        await store.seal()
        return f"{bucket} has been sealed\n{store_view(await store.refreshed())}"

    done = on_store(session, bucket, seal)
    if done:
        session.streams.out(done)
