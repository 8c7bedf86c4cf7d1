"""Layouts and settings of models: three that are known, TOML files, and what is refused."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import onnx
import pytest
from onnx import helper
from pgvoice_testkit.encoders import onnx_graphs as graphs

from pgvoice.hooks import EncoderUnavailable
from pgvoice.hooks.encoders.onnx.model import EXAMPLES, GUESS, Model, find_model, read_model
from pgvoice.hooks.encoders.onnx.onnx_encoder import OnnxEncoder
from pgvoice.hooks.encoders.onnx.settings import FrontEnd
from pgvoice.store import EncoderIdentity, Threshold

OWN = ("feats", "embs")
CONFIG = """\
dataset_args:
  resample_rate: 8000
  num_frms: 200
  fbank_args:
    num_mel_bins: 80
    frame_shift: 20
    frame_length: 32
    dither: 1.0
  cmvn_args: {norm_mean: true, norm_var: true}
model: ResNet34
model_args: {feat_dim: 80, embed_dim: 256}
"""


def _mel(
    kind: str, window: str, scale: float, normalize: str, low: float = 20, rate: int = 16_000
) -> FrontEnd:
    return FrontEnd(
        *(kind, rate, scale, normalize, 80, window),  # type: ignore[arg-type]
        *(rate // 40, rate // 100, low, rate / 2, True),
    )


@pytest.mark.parametrize(
    ("graph", "metadata", "front_end"),
    [
        (graphs.of_features(), graphs.SPEAKER_3D, _mel("fbank", "povey", 1, "mean")),
        (graphs.of_features(), graphs.WESPEAKER, _mel("fbank", "hamming", 32_768, "mean")),
        (graphs.of_nemo(), graphs.NEMO, _mel("nemo", "hann", 1, "mean_std", low=0)),
        (graphs.of_features(OWN), {}, _mel("fbank", "hamming", 32_768, "mean")),
    ],
    ids=["3D-Speaker", "WeSpeaker", "NeMo", "WeSpeaker's own"],
)
def test_known_layouts(
    tmp_path: Path, graph: onnx.ModelProto, metadata: dict[str, str], front_end: FrontEnd
) -> None:
    path = graphs.save(graph, tmp_path / "model.onnx", metadata)
    model = read_model(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.identity == EncoderIdentity("onnx", f"sha256:{sha256}", "1", 16, 16_000)
    assert model.front_end == front_end
    assert model.threshold == GUESS
    assert OnnxEncoder(path, "cpu").encode([]).shape == (0, 16)


def test_a_misspelt_key(tmp_path: Path) -> None:
    """Some versions of sherpa-onnx's script write `normalize_features`."""
    metadata = graphs.WESPEAKER | {"normalize_features": "1"}
    del metadata["normalize_samples"]
    assert _read(tmp_path, graphs.of_features(), metadata=metadata).front_end.scale == 1


def test_wespeakers_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    model = _read(tmp_path, graphs.of_features(OWN))
    expected = FrontEnd(
        *("fbank", 8_000, 32_768, "mean_std", 80, "hamming", 256, 160, 20, 4_000, True)
    )
    assert model.front_end == expected
    assert model.identity.preprocessing.startswith("1-")
    assert model.identity.sample_rate == 8_000


def test_a_configuration_with_the_usual_values_changes_nothing(tmp_path: Path) -> None:
    first = _read(tmp_path, graphs.of_features(OWN)).identity
    (tmp_path / "config.yaml").write_text("dataset_args: {resample_rate: 16000}\nmodel: CAMPPlus\n")
    assert _read(tmp_path, graphs.of_features(OWN)).identity == first


def test_features_of_wespeaker_that_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("dataset_args: {frontend: tfmel}\n")
    with pytest.raises(EncoderUnavailable, match=r"config\.yaml says .* features of 'tfmel'"):
        _read(tmp_path, graphs.of_features(OWN))


@pytest.mark.parametrize("text", ["dataset_args: [", "dataset_args: {cmvn: 7}"])
def test_a_broken_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(EncoderUnavailable, match=r"config\.yaml: "):
        _read(tmp_path, graphs.of_features(OWN))


def test_the_toml_file_wins_field_by_field(tmp_path: Path) -> None:
    toml = """
        name = "mine"
        window = "hamming"
        high_hz = 7600
        snip_edges = false
        min_seconds = 0.5
        threshold = 0.42
        threshold_source = "1 % of comparisons in our archive"
    """
    model = _read(tmp_path, graphs.of_features(), toml, graphs.SPEAKER_3D)
    expected = FrontEnd(*("fbank", 16_000, 1, "mean", 80, "hamming", 400, 160, 20, 7_600, False))
    assert model.front_end == expected
    assert model.identity.name == "mine"
    assert model.threshold == Threshold(0.42, "1 % of comparisons in our archive")
    assert model.min_samples == 8_000


def test_the_identity_changes_with_what_decides_and_with_nothing_else(tmp_path: Path) -> None:
    graph, metadata = graphs.of_features(), graphs.SPEAKER_3D
    plain = _read(tmp_path, graph, "", metadata).identity
    assert _read(tmp_path, graph, "threshold = 0.3\nmin_seconds = 1", metadata).identity == plain
    assert _read(tmp_path, graph, 'window = "povey"\nscale = 1.0', metadata).identity == plain
    other = _read(tmp_path, graph, "high_hz = 7600", metadata).identity
    assert other.revision == plain.revision
    assert other.preprocessing not in (plain.preprocessing, "1")
    assert _read(tmp_path, graph, "high_hz = 7000", metadata).identity != other
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    assert _read(moved, graph, "high_hz = 7600", metadata).identity == other


def test_another_front_end_takes_nothing_over(tmp_path: Path) -> None:
    """What the metadata say of mel energies does not apply to samples."""
    toml = 'front_end = "waveform"'
    model = _read(tmp_path, graphs.of_waveforms(), toml, graphs.WESPEAKER)
    assert model.front_end == FrontEnd("waveform", 16_000, 1.0, "none")


@pytest.mark.parametrize(
    ("graph", "metadata", "missing", "kind"),
    [
        (graphs.of_features(), {}, "front_end, sample_rate, window, scale, normalize", "fbank"),
        (
            *(graphs.of_features(), {"framework": "espnet", "sample_rate": "16000"}),
            *("front_end, sample_rate, window, scale, normalize", "fbank"),
        ),
        (graphs.of_features(), {"framework": "wespeaker"}, "sample_rate", "fbank"),
        (graphs.of_waveforms(), {}, "front_end, sample_rate", "waveform"),
        (graphs.of_waveforms(("B", 1, "S")), {}, "front_end, sample_rate", "waveform"),
    ],
    ids=["no metadata", "unknown framework", "no rate", "samples", "a channel"],
)
def test_an_unknown_layout_is_refused_with_what_is_missing(
    tmp_path: Path, graph: onnx.ModelProto, metadata: dict[str, str], missing: str, kind: str
) -> None:
    with pytest.raises(EncoderUnavailable) as error:
        _read(tmp_path, graph, metadata=metadata)
    said = str(error.value)
    assert f"Missing: {missing}. State" in said
    assert metadata.get("framework", "") in said
    assert str(tmp_path / "model.toml") in said
    example = said.partition("for example:\n\n")[2]
    assert example == EXAMPLES[kind]
    assert _read(tmp_path, graph, example).front_end.kind == tomllib.loads(example)["front_end"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("windw = 1", "unknown field `windw`"),
        ('window = "kaiser"', r"Invalid enum value 'kaiser' - at `\$\.window`"),
        ("sample_rate = 16", r"Expected `int` >= 8000 - at `\$\.sample_rate`"),
        ("threshold = 1.5", r"at `\$\.threshold`"),
        ('name = "a b"', r"at `\$\.name`"),
        ("high_hz = 9000", "bands from 20 to 9000 Hz .* do not fit a sample rate of 16000 Hz"),
        ("mel_bins = 40", "it takes 80 mel bins, not 40"),
        ("dimension = 40", "a vector has 16 elements, not 40"),
        ('output = "other"', r"no output 'other': .*\(embedding\)"),
        ("this is no TOML", r"model\.toml: "),
    ],
)
def test_a_wrong_toml_file(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(EncoderUnavailable, match=said):
        _read(tmp_path, graphs.of_features(), toml, graphs.SPEAKER_3D)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"sample_rate": "many"}, r"Expected `int.* - at `\$\.sample_rate`"),
        ({"feature_normalize_type": "all_features"}, "'all_features'"),
        ({"output_dim": "512"}, "a vector has 16 elements, not 512"),
    ],
)
def test_metadata_that_make_no_sense(tmp_path: Path, metadata: dict[str, str], said: str) -> None:
    with pytest.raises(EncoderUnavailable, match=said):
        _read(tmp_path, graphs.of_features(), metadata=graphs.SPEAKER_3D | metadata)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (graphs.of_features(axes=("N", 200, 80)), "takes exactly 200 frames"),
        (graphs.of_features(axes=(4, "T", 80)), "takes exactly 4 rows"),
        (graphs.of_features(axes=("N", "T", 40), bins=40), "takes 40 mel bins, not 80"),
        (graphs.of_waveforms(), 'has 2 axes, .* front_end is "waveform"'),
    ],
    ids=["frames", "rows", "bins", "samples"],
)
def test_a_graph_that_does_not_fit(tmp_path: Path, graph: onnx.ModelProto, said: str) -> None:
    with pytest.raises(EncoderUnavailable, match=said):
        _read(tmp_path, graph, metadata=graphs.SPEAKER_3D)


def test_a_graph_whose_samples_are_too_few_or_many(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="takes exactly 32000 samples"):
        _read(tmp_path, graphs.of_waveforms(("B", 32_000)), EXAMPLES["waveform"])


def test_several_outputs(tmp_path: Path) -> None:
    graph = graphs.of_nemo()
    graph.graph.output[1].name = "voices"
    graph.graph.node[-2].output[0] = "voices"
    graph.graph.node[-1].input[0] = "voices"
    with pytest.raises(EncoderUnavailable, match=r"several outputs: .*`output` \(logits, voices\)"):
        _read(tmp_path, graph, metadata=graphs.NEMO)
    assert _read(tmp_path, graph, 'output = "voices"', graphs.NEMO).signature.output == "voices"


def test_more_inputs_than_a_length(tmp_path: Path) -> None:
    graph = graphs.of_nemo()
    graph.graph.input.append(helper.make_tensor_value_info("state", 1, [1]))
    with pytest.raises(EncoderUnavailable, match="it has: audio_signal, length, state"):
        _read(tmp_path, graph, metadata=graphs.NEMO)


def test_finding_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = graphs.save(graphs.of_features(), tmp_path / "voices.onnx", graphs.SPEAKER_3D)
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (tmp_path, path, Path(tmp_path.name), "~", "~/voices.onnx"):
        assert find_model(source).resolve() == path.resolve()


@pytest.mark.parametrize(
    ("files", "said"),
    [((), "it has: none"), (("b.onnx", "a.onnx"), r"it has: a\.onnx, b\.onnx.*name a file")],
)
def test_a_folder_without_exactly_one(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(EncoderUnavailable, match=said):
        find_model(tmp_path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"no file or folder .*none\.onnx"):
        find_model(tmp_path / "none.onnx")


def _read(
    folder: Path,
    graph: onnx.ModelProto,
    toml: str = "",
    metadata: dict[str, str] | None = None,
) -> Model:
    path = graphs.save(graph, folder / "model.onnx", metadata)
    path.with_suffix(".toml").write_text(toml)
    return read_model(path)
