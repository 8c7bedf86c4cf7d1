"""No vector reaches the log of a server that writes down everything."""

from __future__ import annotations

from pathlib import Path

from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, put, unit
from sqlalchemy import text

from pgvoice.store import Exemplar, SegmentKey, VoiceStore
from pgvoice.store.encoders.carrying import ExemplarVector

SETTINGS = (
    "log_error_verbosity = 'default'",
    "log_statement = 'all'",
    "log_min_duration_statement = 0",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
)
VOICE = unit(1, 2, 3)
OTHER = unit(3, -1, 0.5)
CARRIED = unit(-2, 5, 3)


def test_what_enrolling_and_importing_log(data_folder: Path) -> None:
    with VoiceStore.open(folder=data_folder, consent=False) as store:
        engine = store.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for setting in SETTINGS:
                connection.execute(text(f"ALTER SYSTEM SET {setting}"))
            connection.execute(text("SELECT pg_reload_conf()"))
    with VoiceStore.open(folder=data_folder) as store:
        exemplar = Exemplar(VOICE, "a" * 64, SegmentKey(0, 1000), "file")
        store.people.enroll("ann", [exemplar], ENCODER, THRESHOLD, min_speech=1)
        (exported,) = store.people.export_speakers(["ann"], destination="file")
        store.people.remove("ann")
        store.people.import_speakers([exported], {ENCODER: THRESHOLD}, source="file")
        store.encoders.register(OTHER_ENCODER, THRESHOLD)
        (lost,) = store.encoders.missing_exemplars(OTHER_ENCODER)
        store.encoders.add_exemplars(OTHER_ENCODER, [ExemplarVector(lost.number, CARRIED)])
        put(store, "v", {(0, 1): OTHER})
        store.people.enroll_segments("bob", "v", [(0, 1)], min_speech=1)
        store.privacy.erase_speaker("bob", with_segments=True, opt_out_voice=True)
        with store.database.engine.connect() as connection:
            folder = Path(str(connection.scalar(text("SHOW data_directory"))))
    written = "".join(
        path.read_text(errors="replace")
        for path in (*folder.glob("log*"), *folder.glob("log/*"), *data_folder.glob("*log*"))
        if path.is_file()
    )
    assert "INSERT INTO pgvoice.enrollment" in written, "the server writes no log"
    assert "'ann'" in written
    for element in (*VOICE, *OTHER, *CARRIED):
        assert f"{abs(float(element)):.6f}"[:7] not in written
