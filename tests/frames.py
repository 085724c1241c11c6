"""How each engine makes its own frame of an Arrow table."""

import duckdb
import polars as pl
import pyarrow as pa

SLOW = ("spark", "spark connect")
QUICK = ("pandas", "polars", "pyarrow", "polars lazy", "duckdb")


def relation(table):
    """Return a DuckDB relation over a table of its own."""
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("CREATE TABLE held AS SELECT * FROM given")
    connection.unregister("given")
    return connection.table("held")


MADE = {
    "pandas": lambda table: table.to_pandas(),
    "polars": pl.from_arrow,
    "pyarrow": lambda table: table,
    "polars lazy": lambda table: pl.from_arrow(table).lazy(),
    "duckdb": relation,
}


def plain(table):
    """Return a table as Spark takes it: it has no categories."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table


def on_spark(session, table):
    """Return a Spark frame of a table; Connect takes none without rows."""
    table = plain(table)
    if len(table):
        return session.createDataFrame(table).coalesce(2)
    nothing = pa.table({field.name: pa.nulls(1, field.type) for field in table.schema})
    return session.createDataFrame(nothing).limit(0)
