"""A small seeded part of `benchmarks/bad_input.py`: a model or an error of ours with a place, in bounded time."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "bad_input.py"
QUICK = ("nested", "a line each", "UTF-16", "an empty file", "within the limit", "10 MB", "many cycles")


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bad_input", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bad_input"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bad_input"]


def test_near_misses_give_a_model_or_an_error_with_a_place(bench, tmp_path):
    (tmp_path / "base.dag").write_text(bench.BASE, encoding="utf-8")
    dice, texts = random.Random(7), bench.valid_texts()
    makers, weights = zip(*bench.MAKERS, strict=True)
    seen = set()
    for _ in range(1200):
        text = dice.choices(makers, weights)[0](dice, texts)
        found = bench.outcome(text, tmp_path)
        assert not found.startswith("FAILED"), (found, text)
        seen.add(found)
    assert {"model", "E001", "E002", "E003", "E004", "E006", "E010", "E201"} <= seen


def test_large_texts_give_an_error_with_a_place(bench, tmp_path):
    tried = 0
    for name, make in bench.large_texts():
        if any(part in name for part in QUICK):
            found = bench.outcome(make(), tmp_path)
            assert not found.startswith("FAILED"), (name, found)
            tried += 1
    assert tried >= 10


def test_the_text_that_is_mutated_is_a_model(bench, tmp_path):
    (tmp_path / "base.dag").write_text(bench.BASE, encoding="utf-8")
    assert bench.outcome(bench.WHOLE, tmp_path) == "model"
