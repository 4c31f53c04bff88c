"""The MIR tasks, one module each with the same verbs, and where their episodes come from."""

from umir.tasks.base import Batch as Batch
from umir.tasks.base import Settings as Settings
from umir.tasks.base import Target as Target
from umir.tasks.base import Task as Task
from umir.tasks.beat_tracking import BeatTracking as BeatTracking
from umir.tasks.chord_recognition import ChordRecognition as ChordRecognition
from umir.tasks.chord_recognition import (
    SeventhChordRecognition as SeventhChordRecognition,
)
from umir.tasks.classification import Classification as Classification
from umir.tasks.classification import MultiLabelClassification as MultiLabelClassification
from umir.tasks.drum_transcription import DRUM_MAPS as DRUM_MAPS
from umir.tasks.drum_transcription import DrumTranscription as DrumTranscription
from umir.tasks.episodes import Episode as Episode
from umir.tasks.episodes import EpisodeSampler as EpisodeSampler
from umir.tasks.event_detection import EventDetection as EventDetection
from umir.tasks.genre_recognition import GenreRecognition as GenreRecognition
from umir.tasks.instrument_recognition import InstrumentRecognition as InstrumentRecognition
from umir.tasks.interval_detection import IntervalDetection as IntervalDetection
from umir.tasks.key_recognition import KeyRecognition as KeyRecognition
from umir.tasks.melody_extraction import MelodyExtraction as MelodyExtraction
from umir.tasks.note_transcription import NoteTranscription as NoteTranscription
from umir.tasks.onset_detection import OnsetDetection as OnsetDetection
from umir.tasks.registry import OPEN_TASKS as OPEN_TASKS
from umir.tasks.registry import TASKS as TASKS
from umir.tasks.registry import check_kind as check_kind
from umir.tasks.registry import for_body as for_body
from umir.tasks.registry import get_task as get_task
from umir.tasks.registry import register_task as register_task
from umir.tasks.registry import task_for_kind as task_for_kind
from umir.tasks.registry import task_from_config as task_from_config
from umir.tasks.registry import task_to_config as task_to_config
from umir.tasks.registry import vocabulary_of as vocabulary_of
from umir.tasks.segments import Pool as Pool
from umir.tasks.segments import segment_batch as segment_batch
from umir.tasks.singing_voice_detection import (
    SingingVoiceDetection as SingingVoiceDetection,
)
from umir.tasks.source_separation import SourceSeparation as SourceSeparation
from umir.tasks.sources import ExampleSource as ExampleSource
from umir.tasks.sources import Source as Source
from umir.tasks.sources import StudioSource as StudioSource
from umir.tasks.tempo_estimation import TempoEstimation as TempoEstimation
