"""What the tests of files share: writing one, and what is said of one that can't be read."""

import pytest

from causalgraph.errors import DataError


def refused(code):
    return pytest.raises(DataError, match=rf"\[{code}\]")


def written(folder, content, name="d.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
