"""The only SQL: rows in, dataclasses out. See README.md."""

from storage.begun import Marks
from storage.engine import Listener, Topic
from storage.errors import AnotherWorker, Erased, StorageError, StorageUnavailable, WrongKey
from storage.post_box import PostFigures
from storage.posts import Post
from storage.sealing import Keys
from storage.storage import Storage, open_storage
from storage.tx import Tx

__all__ = [
    "AnotherWorker",
    "Erased",
    "Keys",
    "Listener",
    "Marks",
    "Post",
    "PostFigures",
    "Storage",
    "StorageError",
    "StorageUnavailable",
    "Topic",
    "Tx",
    "WrongKey",
    "open_storage",
]
