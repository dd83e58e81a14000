"""What strangers wrote is refused before anything is allocated, and nothing of it is run."""

from __future__ import annotations

import tracemalloc

import fuzz_files
import pytest
from hostile_files import HOSTILE, PROOF, honest
from processes import TESTS, run_script

# A file of some kilobytes needs no more, with all that its checks make.
_PEAK = 16e6


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = HOSTILE[name](tmp_path)
    before = path.read_bytes()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=path.name) as caught:
            fuzz_files.load(str(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "Received" in str(caught.value) or "must be a file of a model" in str(caught.value)
    assert peak < _PEAK + len(before)
    assert path.read_bytes() == before
    assert not (tmp_path / PROOF).exists()


def test_there_are_sixteen_classes_at_least():
    assert len(HOSTILE) >= 16


def test_nothing_is_imported_run_or_opened(tmp_path):
    """An audit hook sees what reading does: it opens the file, once, and nothing else."""
    paths = []
    for name, make in HOSTILE.items():
        (tmp_path / name).mkdir()
        paths.append(str(make(tmp_path / name)))
    kinds = (".npz", ".keras")
    honest_ones = [str(honest(tmp_path / f"honest{kind}")) for kind in kinds]
    run_script(
        f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import fuzz_files
seen = fuzz_files.watch({honest_ones!r})
for path in {paths!r}:
    events = fuzz_files.events_of(path, seen)
    assert events == [("open", path)], (path, events)
"""
    )


@pytest.mark.parametrize("kind", fuzz_files.KINDS)
def test_mutated_files_are_read_or_refused(kind, tmp_path):
    """A bounded run of ``python tests/fuzz_files.py``, which reads a million by default."""
    result = fuzz_files.run(kind, count=150, seed=3, folder=str(tmp_path))
    assert result.failures == []
    assert result.refused > 50
