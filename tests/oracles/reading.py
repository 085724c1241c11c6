"""What a file of text holds, as pandas reads it."""

import pandas as pd

# The marks of missing values, as the language documents them.
MARKS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")


def columns(found):
    """Return {column: values}, missing values as None."""
    if isinstance(found, pd.DataFrame):
        rows = found.astype(object).where(found.notna(), None)
        return {name: rows.iloc[:, i].tolist() for i, name in enumerate(found.columns)}
    rows = found.fetchall()
    return {name: [row[i] for row in rows] for i, name in enumerate(found.columns)}


def as_pandas_reads(path, separator=",", marks=MARKS):
    return columns(
        pd.read_csv(
            path, sep=separator, na_values=list(marks), keep_default_na=False, index_col=False, low_memory=False
        )
    )
