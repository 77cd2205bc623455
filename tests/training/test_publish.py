"""Weights that ship: of half precision, and with a card that says what they are worth."""

import json
import subprocess

import pytest
import torch

import training.publish
from models.weights import add_ranges, load_weights, new_net, read_card, save_weights
from pipeline.frames import CleanplateError
from training.publish import publish


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("training.publish._commit", lambda: "0123abc+")
    torch.manual_seed(0)
    save_weights(new_net("fast"), tmp_path / "fast.safetensors", {"data": "made up", "steps": "40"})
    rows = [{"step": 20, "seconds": 1000.0}, {"step": 30, "seconds": 1900.0}, {"step": 40, "seconds": 80.0}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = {"mean": {"mad": 3.4567}, "a": {"mad": 3.4, "frames": [{"mad": 3.4}]}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    return tmp_path


def test_the_card_says_commit_hours_and_metrics(run):
    card = publish(run / "fast.safetensors", run / "report.json", run / "out.safetensors")
    assert read_card(run / "out.safetensors") == card
    assert card["data"] == "made up" and card["steps"] == "40"
    assert card["hours"] == "0.6"  # 1900 + 80 seconds
    assert json.loads(card["metrics"]) == {"mean": {"mad": 3.46}, "a": {"mad": 3.4}}
    assert card["commit"] == "0123abc+"


def test_ranges_go_along(run):
    add_ranges(run / "fast.safetensors", {"a": (0, 2)})
    publish(run / "fast.safetensors", run / "report.json", run / "out.safetensors")
    assert load_weights("fast", run / "out.safetensors").ranges == {"a": (0, 2)}


def test_the_numbers_are_the_runs_to_half_precision(run):
    publish(run / "fast.safetensors", run / "report.json", run / "out.safetensors")
    whole, half = (load_weights("fast", run / name).state_dict() for name in ("fast.safetensors", "out.safetensors"))
    assert (run / "out.safetensors").stat().st_size < 0.6 * (run / "fast.safetensors").stat().st_size
    for name, tensor in whole.items():
        assert half[name].dtype == tensor.dtype
        assert torch.allclose(half[name], tensor, rtol=1e-3, atol=1e-6), name


def test_a_run_without_a_log_is_refused(run):
    (run / "log.jsonl").unlink()
    with pytest.raises(CleanplateError, match=r"log\.jsonl"):
        publish(run / "fast.safetensors", run / "report.json", run / "out.safetensors")


def test_the_commit_is_that_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(training.publish, "__file__", str(tmp_path / "publish.py"))
    with pytest.raises(CleanplateError, match="no git checkout"):
        training.publish._commit()
    (tmp_path / "a").write_text("one")
    somebody = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "a"), (*somebody, "commit", "-qm", "First")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    whole = subprocess.run(["git", "-C", tmp_path, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert whole.stdout.startswith(commit := training.publish._commit()) and len(commit) >= 7
    (tmp_path / "a").write_text("two")
    assert training.publish._commit() == commit + "+"
