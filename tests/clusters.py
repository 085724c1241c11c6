"""A real Spark cluster for tests: a master and two workers as processes on the loopback, and a Connect server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

LOOPBACK = "127.0.0.1"
# pyspark says this wherever it takes functions; it concerns conversions to pandas, which we don't use.
PANDAS_3 = "ignore:PySpark does not yet fully support pandas:FutureWarning"
SMALL = {
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.driver.memory": "768m",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "ERROR",
}


def why_no_spark():
    """Return why Spark can't be tested here, or None where it can."""
    if os.environ.get("CI"):
        return "a cluster is too much for CI"
    if os.environ.get("CAUSALGRAPH_TEST_SCALE") != "whole":
        return "CAUSALGRAPH_TEST_SCALE=whole starts a cluster"
    if shutil.which("java") is None:
        return "Java is missing"
    return None if find_spec("pyspark") else "pyspark is missing"


def free_port():
    with closing(socket.socket()) as own:
        own.bind((LOOPBACK, 0))
        return own.getsockname()[1]


def environment(folder, memory):
    """Return what the processes see: loopback alone, so much memory, and no causalgraph on the workers."""
    trap = Path(folder) / "trap" / "causalgraph"
    trap.mkdir(parents=True, exist_ok=True)
    (trap / "__init__.py").write_text("raise ImportError('workers do not have it')\n")
    return os.environ | {
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_DAEMON_MEMORY": memory,
        "SPARK_LOCAL_DIRS": str(folder),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(trap.parent),
    }


@contextmanager
def process(folder, name, *arguments, port, memory="256m"):
    """Run one of Spark's processes until the end; it is killed whatever happens."""
    command = str(Path(find_spec("pyspark").origin).parent / "bin" / "spark-class")
    with (Path(folder) / f"{name}.log").open("w") as log:
        own = subprocess.Popen(
            [command, *arguments], env=environment(folder, memory), stdout=log, stderr=log, cwd=folder
        )
    try:
        wait_for(own, port, Path(folder) / f"{name}.log")
        yield own
    finally:
        own.kill()
        own.wait()


def wait_for(own, port, log, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert own.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        with closing(socket.socket()) as knock:
            if knock.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(log.read_text()[-2000:])


@contextmanager
def spark_cluster(folder):
    """Start a master and two workers; yield a session of a driver in this process."""
    from pyspark.sql import SparkSession

    with ExitStack() as stack:
        port = free_port()
        master = ("org.apache.spark.deploy.master.Master", "--host", LOOPBACK, "--port", str(port))
        stack.enter_context(process(folder, "master", *master, "--webui-port", "0", port=port))
        for name in ("first", "second"):
            own = free_port()
            arguments = ("--host", LOOPBACK, "--port", str(own), "--webui-port", "0", "--cores", "1")
            arguments += ("--memory", "512m", "--work-dir", str(Path(folder) / name), f"spark://{LOOPBACK}:{port}")
            worker = "org.apache.spark.deploy.worker.Worker"
            stack.enter_context(process(folder, name, worker, *arguments, port=own))
        before = dict(os.environ)
        os.environ.update(SPARK_LOCAL_IP=LOOPBACK, PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_DIRS=str(folder))
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        builder = SparkSession.builder.master(f"spark://{LOOPBACK}:{port}").appName("tests")
        for key, value in (SMALL | {"spark.executor.memory": "512m", "spark.executor.cores": "1"}).items():
            builder = builder.config(key, value)
        session = builder.config("spark.sql.warehouse.dir", str(folder)).getOrCreate()
        stack.callback(session.stop)
        yield session


@contextmanager
def spark_connect(folder):
    """Start a Connect server with two local cores; yield a session of it."""
    from pyspark.sql.connect.session import SparkSession

    port = free_port()
    settings = SMALL | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.sql.warehouse.dir": str(folder),
    }
    submit = ["org.apache.spark.deploy.SparkSubmit", "--master", "local[2]"]
    for key, value in settings.items():
        submit += ["--conf", f"{key}={value}"]
    submit += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    with process(folder, "connect", *submit, port=port, memory="768m"):
        session = SparkSession.builder.remote(f"sc://{LOOPBACK}:{port}").getOrCreate()
        try:
            yield session
        finally:
            session.stop()
