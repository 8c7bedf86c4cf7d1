"""Every error that pgvoice raises on purpose; each message names the value and the remedy.

PgvoiceError
├── DatabaseError                     the database cannot be used as it is
│   ├── DatabaseUnreachable
│   │   └── WrongPassword
│   ├── EmbeddedServerError           the embedded server is not installed or did not start
│   ├── PgvectorMissing
│   ├── PgvectorTooOld
│   ├── PgvectorCrashed               the server's processor is too old for its pgvector
│   ├── ExtensionForbidden
│   ├── SchemaForbidden
│   │   └── PrivilegeMissing          one of the roles may do it
│   │       └── OpenedToRead          the store was opened as a role that may only read
│   ├── RoleMissing                   the role to open a store as is not there, or not the user's
│   ├── SchemaOpen                    others may create what pgvoice's functions might call
│   ├── RolesForbidden
│   ├── SchemaMismatch                the tables are missing, older or newer than this pgvoice
│   ├── DatabaseStopped               the server gave up in the middle; that step is not stored
│   │   ├── ConnectionLost
│   │   ├── DatabaseFull
│   │   ├── DatabaseTimeout
│   │   │   └── LockHeld              somebody else held a lock for too long
│   │   └── DatabaseDeadlock
│   ├── RowsStored                    somebody else stored the same segments in the meantime
│   ├── RowsRefused                   the table of vectors does not accept these rows
│   ├── VideoErased                   a recording was erased while it was being filled
│   ├── TargetInUse                   the database to copy a store into already has rows
│   └── CopyDiffers                   the copy differs from the original, so it was undone
├── IndexBusy                         another index is being built
├── InvalidSegment (ValueError)       a segment is not a span of time from zero onward
├── AudioChanged                      a video's audio is not the audio that was filled
├── NoEmbedding                       a segment has no vector in the store
├── NoSegment                         a span means no stored segment
├── AmbiguousSpan                     a span means one of several stored segments
├── NotHearable                       a span of a recording may not be played
├── UnknownTurnLabel                  no turn of a recording has a label
├── LastExemplar                      a profile would be left without exemplars
├── SpeechErased                      speech was erased, and no vector of it may be stored
├── EnrollmentRefused                 the exemplars would not make a profile of one new person
│   ├── IncoherentExemplars           they do not sound like one person
│   ├── SoundsLikeAnother             somebody who is enrolled has this voice
│   ├── SharedExemplars               somebody who is enrolled has this audio
│   ├── OverlappedSpeech              by the stored turns, others speak there too
│   ├── TooLittleSpeech
│   ├── CancellingExemplars           their mean is zero
│   ├── ConsentMissing                the speaker has no valid consent on record
│   └── OptedOut                      the person was erased and asked not to be enrolled again
├── NothingToSplit                    no exemplars of a speaker could go to another one
├── SpeakerExists
├── UnknownVoiceNumber                no such unknown voice, or it ended
├── LinkingDisabled                   voices are not linked in this store
├── NoSuggestion                      nobody is suggested for an unknown voice
├── ActNotUndoable                    a later act depends on what an act did
├── LabelIsNoName                     a diarizer's label was given instead of a name
├── CalibrationUnsupported            too little labelled speech for the requested thresholds
├── EncoderImported                   an encoder's vectors are imported, so no model stores any
├── VectorsRefused                    vectors of another engine cannot be imported
├── EncoderInUse                      an encoder answers, or has what no other has
├── UnknownEncoder
├── UnknownLabel                      a segment has nothing to pin, or no pin
└── Unknown                           a name or number is not in the store
    ├── UnknownVideo
    ├── UnknownSpeaker
    │   └── NewName                   a name that nobody has, unless it is said to be new
    ├── UnknownExemplar
    ├── UnknownRun
    ├── UnknownAct
    └── UnknownCalibration
"""

# mypy: implicit-reexport
# ruff: noqa: F403
from __future__ import annotations

from pgvoice.store.errors.base import PgvoiceError as PgvoiceError
from pgvoice.store.errors.database_errors import *
from pgvoice.store.errors.people_errors import *
from pgvoice.store.errors.recording_errors import *
from pgvoice.store.errors.voice_errors import *
