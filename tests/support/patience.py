"""How long a test waits for what another process, thread or browser has to do.

A limit costs nothing while all goes well, and one that is too short fails on a machine that is merely busy. So there
is one for all: nothing in these tests waits for less, and no test says that something took too long.
"""

PATIENCE = 180.0  # seconds that no passing test waits
