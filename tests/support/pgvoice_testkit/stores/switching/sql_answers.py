"""What the public SQL functions answer, with the default encoder or with one that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from pgvoice.store import VoiceStore
from pgvoice.store.recordings.encoders import WhichEncoder

_VIDEOS = (
    "(SELECT v.key AS video FROM pgvoice.video AS v WHERE v.id % :every = 1 AND EXISTS"
    " (SELECT FROM pgvoice.segment_embedding AS s WHERE s.video_id = v.id"
    " AND s.encoder_id = ENCODER_ID AND s.status = 'ok')) AS v"
)
_PEOPLE = "(SELECT s.name, s.id FROM pgvoice.speaker AS s WHERE s.id % :every = 1) AS s"
_NUMBERS = "(SELECT u.id FROM pgvoice.unknown_voice AS u WHERE u.ended_at IS NULL) AS u"
_SPANS = "ARRAY[500, 2500]"
_ENDS = "ARRAY[2000, 6000]"
#: By function: what is asked. ENCODER is the argument, which is left out for the default one.
QUESTIONS = {
    "clear_segments": f"{_VIDEOS}, pgvoice.clear_segments(v.video, 'SPEAKER_01'ENCODER) AS f"
    " WHERE v.video IN (SELECT key FROM pgvoice.turn_document JOIN pgvoice.video ON id = video_id)",
    "confirmed_speech": "pgvoice.confirmed_speech(ONLY) AS f",
    # The size of a row depends on the plan that reads it.
    "coverage": "(SELECT to_jsonb(c) - 'bytes' FROM pgvoice.coverage(NULLENCODER) AS c) AS f",
    "exemplar_seconds": f"{_PEOPLE}, pgvoice.exemplar_seconds(s.idGIVEN) AS f",
    "exemplar_similarity": f"{_PEOPLE}, pgvoice.exemplar_similarity(s.id) AS f",
    "exemplar_trials": "pgvoice.exemplar_trials(ONLY) AS f",
    "identify": f"{_VIDEOS}, pgvoice.identify(v.videoENCODER) AS f",
    "identify_clusters": f"{_VIDEOS}, pgvoice.identify_clusters(v.videoENCODER) AS f",
    "label_segments": f"{_VIDEOS}, pgvoice.label_segments(v.video, 'SPEAKER_00'ENCODER) AS f"
    " WHERE v.video IN (SELECT key FROM pgvoice.turn_document JOIN pgvoice.video ON id = video_id)",
    "names_of_segments": "pgvoice.names_of_segments(ARRAY['episode 000', 'episode 001'],"
    f" {_SPANS}, {_ENDS}) AS f",
    "people": "pgvoice.people() AS f",
    "profile_cohesion": f"{_PEOPLE}, pgvoice.profile_cohesion(s.idGIVEN) AS f",
    "profile_quality": "pgvoice.profile_quality(NULLENCODER) AS f",
    "required": "pgvoice.required(2000ENCODER) AS f",
    "required_by_duration": "pgvoice.required_by_duration(ONLY) AS f",
    "resolve_span": f"{_VIDEOS}, pgvoice.resolve_span(v.video, 0.4, 9ENCODER) AS f",
    "review_left": "pgvoice.review_left() AS f",
    "review_queue": "pgvoice.review_queue(100ENCODER) AS f",
    "review_voice": f"{_NUMBERS}, pgvoice.review_voice(u.idENCODER) AS f",
    "score_histogram": "pgvoice.score_histogram(ONLY) AS f",
    "segment_trials": "pgvoice.segment_trials(ARRAY['episode 000', 'episode 004'],"
    " ARRAY[500, 500], ARRAY[6500, 2000], ARRAY['person 00', 'person 05']ENCODER) AS f",
    "similar_people": f"{_PEOPLE}, pgvoice.similar_people(s.name) AS f",
    "similar_segments": f"{_VIDEOS}, pgvoice.identify(v.videoENCODER) AS i,"
    " pgvoice.similar_segments(v.video, i.start_s, i.end_s, 5ENCODER, exact => true) AS f"
    " WHERE i.start_ms < 3000 AND i.reason NOT IN ('erased', 'no_embedding')",
    "similar_voices": f"{_NUMBERS}, pgvoice.similar_voices(u.idENCODER) AS f",
    "speaker_recordings": f"{_PEOPLE}, pgvoice.speaker_recordings(s.name) AS f",
    "speaker_segments": f"{_PEOPLE}, pgvoice.speaker_segments(s.nameENCODER) AS f",
    "speaker_time": "pgvoice.speaker_time(NULLENCODER) AS f",
    "suggestions": "pgvoice.suggestions() AS f",
    "unknown_voices": "pgvoice.unknown_voices(falseENCODER) AS f",
    "video_summaries": "pgvoice.video_summaries(max_rows => NULL) AS f",
    "videos": "pgvoice.videos(ONLY) AS f",
    "voice_appearances": f"{_NUMBERS}, pgvoice.voice_appearances(u.idENCODER) AS f",
    "voice_clips": f"{_NUMBERS}, pgvoice.voice_clips(u.idENCODER) AS f",
    "voice_people": f"{_NUMBERS}, pgvoice.voice_people(u.idENCODER) AS f",
    "voice_turns": f"{_NUMBERS}, pgvoice.voice_turns(u.idENCODER) AS f",
    "voices_of_segments": f"{_VIDEOS}, pgvoice.voices_of_segments(v.videoENCODER) AS f",
}
#: Those that no encoder can be named to.
OF_DEFAULT = {
    name for name, asked in QUESTIONS.items() if not re.search(r"ENCODER\b|ONLY|GIVEN", asked)
}
_VOICE = "(SELECT min(u.number) FROM pgvoice.unknown_voices() AS u)"
_OTHER = "(SELECT max(u.number) FROM pgvoice.unknown_voices() AS u)"
_SUGGESTED = "(SELECT min(s.number) FROM pgvoice.suggestions() AS s)"
#: By function: what is done, in a transaction that is rolled back.
ACTS = {
    "accept_suggestion": f"SELECT voices, left_out, exemplars FROM"
    f" pgvoice.accept_suggestion({_SUGGESTED}, force => true)",
    "dismiss_voice": f"SELECT voices FROM pgvoice.dismiss_voice({_VOICE}, 'tv')",
    "drop_exemplar": "SELECT pgvoice.drop_exemplar('person 06', (SELECT max(x.id) FROM"
    " pgvoice.enrollment AS x JOIN pgvoice.speaker AS s ON s.id = x.speaker_id"
    " WHERE s.name = 'person 06' AND x.encoder_id = ENCODER_ID))",
    "drop_outliers": "SELECT count(*) FROM pgvoice.drop_outliers('person 00')",
    "join_labels": "SELECT pgvoice.join_labels('episode 000', ENCODER_ID, array_agg(start_ms),"
    " array_agg(end_ms), array_agg(label)) FROM pgvoice.turn WHERE video_id = 1",
    "join_voices": f"SELECT voices FROM pgvoice.join_voices(ARRAY[{_VOICE}, {_OTHER}])",
    "keep_labels": "SELECT outcome, from_speaker, to_speaker, segments"
    " FROM pgvoice.keep_labels(NULL, threshold => 0.6)",
    "link_voices": "SELECT pgvoice.link_voices()",
    "name_voice": "SELECT voices, left_out, exemplars FROM pgvoice.name_voice("
    f"{_VOICE}, 'somebody new', granted_by => 'themselves', force => true)",
    "part_voice": f"SELECT p.voices FROM (SELECT max(a.video) AS video FROM"
    f" pgvoice.voice_appearances({_VOICE}) AS a) AS a, pgvoice.part_voice({_VOICE}, a.video) AS p",
    "pin_label": "SELECT pgvoice.pin_label('episode 000', 0.5, 6.5, 'person 03') IS NOT NULL",
    "pin_labels": "SELECT pgvoice.pin_labels('episode 000', ARRAY[500], ARRAY[6500], NULL)"
    " IS NOT NULL",
    "pin_voice": "SELECT pgvoice.pin_voice('episode 000', 'SPEAKER_01', 'person 03') IS NOT NULL",
    "prune_segments": "SELECT pgvoice.prune_segments('episode 000', ENCODER_ID)",
    "refit_library": "SELECT pgvoice.refit_library()",
    "refresh_nearest": "SELECT fresh_profiles FROM pgvoice.refresh_nearest()",
    "refresh_voices": "SELECT pgvoice.refresh_voices()",
    "reject_suggestion": f"SELECT voices FROM pgvoice.reject_suggestion({_SUGGESTED})",
    "replace_audio": "SELECT pgvoice.replace_audio('episode 000', repeat('0', 64)) > 0",
    "reset_calibration": "SELECT pgvoice.reset_calibration() IS NULL",
    "restore_exemplars": "SELECT pgvoice.restore_exemplars('person 02')",
    "store_turns": "SELECT turns, added, removed FROM pgvoice.store_turns("
    "'episode 000', ARRAY[0.5, 1], ARRAY[6.5, 9], ARRAY['A', 'B'], ARRAY[NULL, NULL])",
    "undo": "SELECT kind, subject FROM pgvoice.undo((SELECT max(id) FROM pgvoice.act"
    " WHERE kind = 'dismiss' AND undone_at IS NULL))",
    "unpin_label": "SELECT pgvoice.unpin_labels(video, array_agg(start_ms), array_agg(end_ms))"
    " FROM pgvoice.label WHERE pinned AND encoder_id = ENCODER_ID GROUP BY video",
}
#: The others, which neither compare vectors nor change what is computed with them.
WITHOUT_VECTORS = {
    "activate_calibration", "cache_stats", "clean_speech", "default_encoder", "differing_segments",
    "encoder_id",
    "erased_segments", "erased_videos", "happened", "hearable", "index_covers_before",
    "ingest_progress",
    "is_by_library", "is_current", "label_reason", "library_needs", "library_totals",
    "revert_labels", "search_text", "sees_vectors", "segment_index_statements",
    "segment_index_tail", "segments_to_fill", "set_linking", "shown", "similarity",
    "snap_all_ms", "snap_ms", "uncertainty", "unpin_labels", "unpin_voice", "verify", "words",
}  # fmt: skip
#: Those of a switch, which are about two encoders.
OF_SWITCH = {
    "carry_over", "drop_encoder", "label_changes", "make_default_encoder", "unfilled",
    "unrecognised_opt_outs",
}  # fmt: skip
#: What is computed with an encoder: labels, voices and profiles.
_STATE = (
    "SELECT video_id, start_ms, end_ms, s.name, similarity, reason FROM pgvoice.attribution AS a"
    " LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id"
    " WHERE current AND encoder_id = :encoder",
    # Numbers that an act gives differ each time.
    "SELECT CASE WHEN u.created_at < now() THEN u.id END, array_agg(l.video_id || l.label"
    " ORDER BY l.video_id, l.label) FROM pgvoice.linked_voice AS l JOIN pgvoice.unknown_voice AS u"
    " ON u.id = l.unknown_voice_id WHERE encoder_id = :encoder GROUP BY u.id",
    "SELECT s.name, exemplars, embedding FROM pgvoice.profile JOIN pgvoice.speaker AS s"
    " ON s.id = speaker_id WHERE encoder_id = :encoder",
    "SELECT video_id, label, embedding FROM pgvoice.voice WHERE encoder_id = :encoder",
    "SELECT starts, mean_excesses FROM pgvoice.library_tail WHERE encoder_id = :encoder",
)


def sql_answers(
    store: VoiceStore, encoder: WhichEncoder = None, *, every: int = 1
) -> dict[str, list[str]]:
    """The rows of each function, as texts; without those that no encoder can be named to."""
    number = store.encoders.find(encoder).id
    found = {}
    with store.database.engine.connect() as connection:
        for name, asked in QUESTIONS.items():
            if encoder is None or name not in OF_DEFAULT:
                query = f"SELECT * FROM {_naming(asked, number if encoder else None, number)}"
                found[f"sql {name}"] = _rows(connection, query, every=every)
    return found


def _naming(asked: str, named: int | None, number: int) -> str:
    """The question with the encoder in the place of the argument."""
    argument = f"encoder => {named}" if named else ""
    for word, said in (
        ("ENCODER_ID", str(number)),
        ("ENCODER", f", {argument}" if argument else ""),
        ("ONLY", argument),
        ("GIVEN", f", {number}"),
    ):
        asked = asked.replace(word, said)
    return asked


def acts(store: VoiceStore) -> dict[str, list[str]]:
    """What each act returns and what it leaves of the default encoder; all are taken back."""
    number, found = store.encoders.find().id, {}
    for name, act in ACTS.items():
        with _taken_back(store) as connection:
            found[f"act {name}"] = _rows(connection, _naming(act, None, number))
            for query in _STATE:
                found[f"act {name}"] += _rows(connection, query, encoder=number)
    return found


@contextmanager
def _taken_back(store: VoiceStore) -> Iterator[Connection]:
    with store.database.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def _rows(connection: Connection, query: str, **values: object) -> list[str]:
    wanted = {key: value for key, value in values.items() if f":{key}" in query}
    return sorted(str(tuple(row)) for row in connection.execute(text(query), wanted))
