"""The engines that hold data, as fixtures."""

import pytest

from causalgraph.data import files
from clusters import spark_cluster, spark_connect, why_no_spark
from frames import MADE, QUICK, SLOW, on_spark


@pytest.fixture(scope="session")
def on_cluster(tmp_path_factory):
    """A session of a standalone cluster."""
    if why := why_no_spark():
        pytest.skip(why)
    with spark_cluster(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture(scope="session")
def on_connect(tmp_path_factory):
    """A session of a Connect server."""
    if why := why_no_spark():
        pytest.skip(why)
    with spark_connect(tmp_path_factory.mktemp("connect")) as session:
        yield session


@pytest.fixture(params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def frame_of(request):
    """What makes an engine's own frame of an Arrow table."""
    if request.param in MADE:
        return MADE[request.param]
    session = request.getfixturevalue({"spark": "on_cluster", "spark connect": "on_connect"}[request.param])
    return lambda table: on_spark(session, table)


@pytest.fixture
def large(monkeypatch):
    """Small files are read as large ones are."""
    monkeypatch.setattr(files, "LARGEST_WHOLE", -1)
