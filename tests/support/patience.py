"""How long a test waits for what another process, thread or browser has to do.

A limit costs nothing while all goes well, and one that is too short fails on a machine that is merely busy. So there
is one for all: nothing in these tests waits for less, and no test says that something took too long.
"""

PATIENCE = 180.0  # seconds that no passing test waits


def unhurried() -> None:
    """In this process nobody is taken for frozen, nor gives up a lock, because the machine is busy.

    Services that tests start have the limits of the product.
    """
    from storage import postgres_engine, postgres_pool, sqlite_engine

    limits = ("lock_timeout", "idle_in_transaction_session_timeout")
    postgres_engine._SETTINGS.update(dict.fromkeys(limits, f"{PATIENCE:.0f}s"))
    postgres_engine._ARGUMENTS["connect_timeout"] = int(PATIENCE)
    postgres_pool._WAIT_SECONDS = PATIENCE
    sqlite_engine._POSTS_BUSY_SECONDS = PATIENCE
    sqlite_engine.SqliteEngine.__init__.__kwdefaults__["busy_seconds"] = PATIENCE
