"""What normalising similarities gains: by recording, by recording and person, and by s-norm.

Each way moves all similarities so that one threshold serves everybody. The threshold is chosen in
hindsight, so that 1 % of strangers' windows in the whole library get a name. What differs is then
how evenly the sets and the people share that rate, and how many people get their own name.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.naming.libraries import Library
from pgvoice_benchmarks.naming.recordings import CLEAN, TURN
from pgvoice_benchmarks.naming.trials import Gallery
from pgvoice_benchmarks.naming.vectors import Spoken, of_pieces, of_voices
from pgvoice_benchmarks.tables import Table

TARGET = 0.01
#: The nearest voices of a cohort that adaptive s-norm uses.
NEAREST = 20
#: From this similarity on, the most similar voice of a recording may be the same person.
SAME = 0.40
PLAIN, BY_RECORDING, BY_PERSON, S_NORM, KNOWING = (
    "similarity",
    "less the mean of the recording",
    "less the mean of the recording and person",
    "adaptive s-norm",
    "the same by somebody who knows whose voices are whose",
)
_MEANS = (
    "WITH pair AS (SELECT array_agg(v.id) AS videos, array_agg(s.id) AS speakers"
    " FROM pgvoice.video AS v CROSS JOIN pgvoice.speaker AS s)"
    " SELECT v.key, s.name, m.mean FROM pair CROSS JOIN LATERAL pgvoice_internal.impostor_means("
    "pgvoice.default_encoder(), pair.videos, pair.speakers) AS m"
    " JOIN pgvoice.video AS v ON v.id = m.video_id JOIN pgvoice.speaker AS s ON s.id = m.speaker_id"
)
_PROFILES = (
    "SELECT s.name, p.embedding::real[] FROM pgvoice.profile AS p"
    " JOIN pgvoice.speaker AS s ON s.id = p.speaker_id"
)
WAYS = (PLAIN, BY_RECORDING, BY_PERSON, S_NORM, KNOWING)
Scores = NDArray[np.float64]


def table(library: Library, drawn: Iterable[Gallery]) -> Table:
    """The rates of each way in each set."""
    pieces, voices = of_pieces(library), of_voices(library)
    said = pieces[~np.isin(pieces.kind, (CLEAN, TURN))]
    found: dict[str, list[Judged]] = {name: [] for name in WAYS}
    for gallery in drawn:
        library.enroll(gallery)
        for name, scores in _ways(library, said, voices, gallery).items():
            found[name].append(_judged(said, list(gallery), gallery, scores))
    groups = list(dict.fromkeys(said.group.tolist()))
    into = Table(
        "One threshold in hindsight, FAR 1 % over all sets: FAR / DIR at 1 s / at 3 s, %",
        ("", *groups, "all sets", "FAR of the person whose name strangers get most"),
    )
    for name, judged in found.items():
        into.add(name, *_cells(said, judged, groups))
    return into


#: For each piece: the best score, the nearest person (its place in the gallery), stranger, known.
Judged = tuple[Scores, NDArray[np.str_], NDArray[np.bool_], NDArray[np.bool_]]


def _ways(library: Library, said: Spoken, voices: Spoken, gallery: Gallery) -> dict[str, Scores]:
    """Scores of every piece and person by each way, shape (pieces, people)."""
    names = list(gallery)
    with library.store.database.engine.connect() as connection:
        profiles = {row[0]: row[1] for row in connection.exec_driver_sql(_PROFILES)}
        means = {(v, p): mean for v, p, mean in connection.exec_driver_sql(_MEANS)}
    people = np.array([profiles[name] for name in names], np.float32)
    plain = (said.vectors @ people.T).astype(np.float64)
    mean = np.array([[means[video, name] for name in names] for video in said.video])
    same = said.video[:, None] == np.array([gallery[name] for name in names])
    elsewhere = np.where(same, np.nan, mean)
    usual = np.where(same, mean, np.nanmean(elsewhere, axis=1, keepdims=True))
    return {
        PLAIN: plain,
        BY_RECORDING: plain - usual,
        BY_PERSON: plain - mean,
        S_NORM: _s_norm(said, voices, people, gallery, plain, knowing=False),
        KNOWING: _s_norm(said, voices, people, gallery, plain, knowing=True),
    }


def _s_norm(
    said: Spoken,
    voices: Spoken,
    people: NDArray[np.float32],
    gallery: Gallery,
    plain: Scores,
    *,
    knowing: bool,
) -> Scores:
    """Adaptive s-norm with the library's voices as the cohort.

    Matejka et al., Analysis of score normalization in multilingual speaker recognition, Interspeech
    2017. Voices of the same person are left out: all of them if somebody is `knowing`, else the own
    label's, and of each other recording the most similar one if it reaches `SAME`.
    """
    names, sources = np.array(list(gallery))[:, None], np.array(list(gallery.values()))[:, None]
    of_piece, of_profile = said.vectors @ voices.vectors.T, people @ voices.vectors.T
    own, same = said.person[:, None] == voices.person, names == voices.person
    if not knowing:
        own = _possible(of_piece, voices, own & (said.video[:, None] == voices.video))
        same = _possible(of_profile, voices, same & (sources == voices.video))
    piece_mean, piece_deviation = _nearest(np.where(own, -np.inf, of_piece))
    mean, deviation = _nearest(np.where(same, -np.inf, of_profile))
    by_piece = (plain - piece_mean[:, None]) / piece_deviation[:, None]
    return np.asarray((by_piece + (plain - mean) / deviation) / 2)


def _possible(
    similarities: NDArray[np.floating], voices: Spoken, own: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """`own`, and the most similar voice of each recording if it may be the same person."""
    found, rows = own.copy(), np.arange(len(own))
    for video in np.unique(voices.video):
        places = np.flatnonzero(voices.video == video)
        best = places[np.where(own, -np.inf, similarities)[:, places].argmax(1)]
        found[rows, best] |= similarities[rows, best] >= SAME
    return found


def _nearest(similarities: NDArray[np.floating]) -> tuple[Scores, Scores]:
    top = -np.sort(-similarities)[:, :NEAREST]
    return top.mean(1), top.std(1)


def _judged(said: Spoken, names: list[str], gallery: Gallery, scores: Scores) -> Judged:
    stranger = ~np.isin(said.person, names)
    source = np.array([gallery.get(person, "") for person in said.person])
    known = ~stranger & (source != said.video)
    return scores.max(1), np.array(names)[scores.argmax(1)], stranger, known


def _cells(said: Spoken, judged: list[Judged], groups: list[str]) -> list[str]:
    best = np.stack([one[0] for one in judged])
    nearest = np.stack([one[1] for one in judged])
    stranger = np.stack([one[2] for one in judged])
    known = np.stack([one[3] for one in judged])
    named = best >= np.quantile(best[stranger], 1 - TARGET)
    right = named & (nearest == said.person)

    def rates(chosen: NDArray[np.bool_]) -> str:
        shares = [named[stranger & chosen].mean() if (stranger & chosen).any() else np.nan]
        for kind in ("1 s", "3 s"):
            among = known & chosen & (said.kind == kind)
            shares.append(right[among].mean() if among.any() else np.nan)
        return " / ".join("-" if np.isnan(share) else f"{100 * share:.1f}" for share in shares)

    everything = np.ones(len(said.person), np.bool_)
    outside = stranger.any(1)
    worst = max(
        float((named & (nearest == person) & stranger)[_with(nearest, person) & outside].sum())
        / float(stranger[_with(nearest, person) & outside].sum())
        for person in np.unique(nearest)
    )
    return [*(rates(said.group == group) for group in groups), rates(everything), f"{worst:.1%}"]


def _with(nearest: NDArray[np.str_], person: str) -> NDArray[np.bool_]:
    """The galleries that have this person."""
    return np.asarray((nearest == person).any(1), np.bool_)
