"""What MiniMax accepts, field by field; anything else is refused with the field's name (PROVIDERS.md § 2)."""

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, model_validator

from voicekeeper.emulator.records import Grade

PAUSE = re.compile(r"<#\d+(?:\.\d+)?#>")
VOICE_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{6,254}[A-Za-z0-9]")
LANGUAGES = frozenset(
    """
    Chinese English Arabic Russian Spanish French Portuguese German Turkish Dutch Ukrainian Vietnamese
    Indonesian Japanese Italian Korean Thai Polish Romanian Greek Czech Finnish Hindi Bulgarian Danish
    Hebrew Malay Persian Slovak Swedish Croatian Filipino Hungarian Norwegian Slovenian Catalan Nynorsk
    Tamil Afrikaans auto
    """.split()  # noqa: SIM905 - a list of forty names would be forty lines
) | {"Chinese,Yue"}


def spoken(text: str) -> str:
    """Return the text if there is something to say in it; ValueError otherwise."""
    if not PAUSE.sub("", text).strip():
        raise ValueError("nothing to say: empty, or pause markers only")
    return text


def check_voice_id(voice_id: str) -> str:
    """Return the name if MiniMax takes it for a new voice; ValueError states the rule."""
    if not VOICE_ID.fullmatch(voice_id):
        raise ValueError(
            "needs 8 to 256 characters: first a letter, then letters, digits, - and _, last a letter or digit"
        )
    return voice_id


def _language(name: str) -> str:
    if name not in LANGUAGES:
        raise ValueError("unknown language")
    return name


Text = Annotated[str, Field(max_length=9_999), AfterValidator(spoken)]
TextValidation = Annotated[str, Field(max_length=200)]
NewVoiceId = Annotated[str, AfterValidator(check_voice_id)]
Language = Annotated[str, AfterValidator(_language)]
Model = Literal[
    "speech-2.8-hd",
    "speech-2.8-turbo",
    "speech-2.6-hd",
    "speech-2.6-turbo",
    "speech-02-hd",
    "speech-02-turbo",
    "speech-01-hd",
    "speech-01-turbo",
]
Format = Literal["mp3", "pcm", "flac", "wav", "opus"]
SampleRate = Literal[8000, 16000, 22050, 24000, 32000, 44100]
Channel = Literal[1, 2]
Bitrate = Literal[32000, 64000, 128000, 256000]
Emotion = Literal["happy", "sad", "angry", "fearful", "disgusted", "surprised", "calm", "neutral", "fluent", "whisper"]


class Fields(BaseModel):
    """A JSON object in which every field is known and has its own type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class VoiceSetting(Fields):
    """Who speaks, and how."""

    voice_id: Annotated[str, Field(min_length=1)]
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    vol: Annotated[float, Field(gt=0, le=10)] = 1.0
    pitch: Annotated[StrictInt, Field(ge=-12, le=12)] = 0
    emotion: Emotion | None = None
    text_normalization: bool = False
    english_normalization: bool = False
    latex_read: bool = False


class AudioSetting(Fields):
    """What the sound is made of."""

    sample_rate: SampleRate = 32000
    bitrate: Bitrate = 128000
    format: Format = "mp3"
    channel: Channel = 1
    force_cbr: bool = False


class AsyncAudioSetting(Fields):
    """The same for asynchronous T2A, which calls the rate `audio_sample_rate`."""

    audio_sample_rate: SampleRate = 32000
    bitrate: Bitrate = 128000
    format: Literal["mp3", "pcm", "flac"] = "mp3"
    channel: Channel = 1


class PronunciationDict(Fields):
    """How some words are said."""

    tone: list[str] = []


class TimbreWeight(Fields):
    """One part of a mixed voice."""

    voice_id: str
    weight: Annotated[StrictInt, Field(ge=1, le=100)]


class VoiceModify(Fields):
    """Effects on the voice."""

    pitch: Annotated[StrictInt, Field(ge=-100, le=100)] = 0
    intensity: Annotated[StrictInt, Field(ge=-100, le=100)] = 0
    timbre: Annotated[StrictInt, Field(ge=-100, le=100)] = 0
    sound_effects: Literal["spacious_echo", "auditorium_echo", "lofi_telephone", "robotic"] | None = None


class Spoken(Fields):
    """Something to say."""

    text: Text

    @property
    def characters(self) -> int:
        """Return the billed characters: a Chinese one counts twice."""
        return sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in self.text)

    @property
    def invisible(self) -> float:
        """Return the share of control and format characters."""
        return sum(unicodedata.category(c) in {"Cc", "Cf"} for c in self.text) / len(self.text)


class Speech(Spoken):
    """What both kinds of T2A share, except the model, which some gateways have in the path."""

    voice_setting: VoiceSetting
    pronunciation_dict: PronunciationDict | None = None
    language_boost: Language | None = None
    voice_modify: VoiceModify | None = None
    aigc_watermark: bool = False


class Synchronous(Speech):
    """Synchronous T2A. Streaming is not emulated: `stream` must be false."""

    stream: Literal[False] = False
    audio_setting: AudioSetting = AudioSetting()
    output_format: Literal["hex", "url"] = "hex"
    timbre_weights: list[TimbreWeight] | None = None
    subtitle_enable: bool = False
    subtitle_type: Literal["sentence", "word"] | None = None


class T2A(Synchronous):
    """`POST /v1/t2a_v2`."""

    model: Model


class AsyncSpeech(Speech):
    """Asynchronous T2A. Text by file (`text_file_id`) is not emulated."""

    audio_setting: AsyncAudioSetting = AsyncAudioSetting()


class AsyncT2A(AsyncSpeech):
    """`POST /v1/t2a_async_v2`."""

    model: Model


def grade(model: str) -> Grade:
    """Return the price class of a model."""
    return "hd" if "-hd" in model else "turbo"


class TaskQuery(Fields):
    """`GET /v1/query/t2a_async_query_v2`."""

    task_id: Annotated[int, Field(strict=False)]


class Uploading(Fields):
    """The form beside the file of `POST /v1/files/upload`."""

    purpose: Literal["voice_clone", "prompt_audio"]


class ClonePrompt(Fields):
    """A sample of the speaker and its words: both or neither."""

    prompt_audio: StrictInt
    prompt_text: Annotated[str, Field(min_length=1)]


class Cloning(Fields):
    """What every family's clone call takes."""

    accuracy: Annotated[float, Field(ge=0, le=1)] = 0.7
    need_noise_reduction: bool = False
    need_volume_normalization: bool = False


class Clone(Cloning):
    """`POST /v1/voice_clone`."""

    file_id: StrictInt
    voice_id: NewVoiceId
    clone_prompt: ClonePrompt | None = None
    text: Annotated[str, Field(max_length=1000), AfterValidator(spoken)] | None = None
    model: Model | None = None
    language_boost: Language | None = None
    text_validation: TextValidation | None = None
    aigc_watermark: bool = False

    @model_validator(mode="after")
    def _demo_is_whole(self) -> "Clone":
        check_demo(self.text, self.model)
        return self


def check_demo(text: str | None, model: str | None) -> None:
    """Refuse a demo's text without the model that should speak it (ValueError)."""
    if text is not None and model is None:
        raise ValueError("text needs a model")


class Design(Fields):
    """`POST /v1/voice_design`."""

    prompt: Annotated[str, Field(min_length=1)]
    preview_text: Annotated[str, Field(max_length=500), AfterValidator(spoken)]
    voice_id: NewVoiceId | None = None
    aigc_watermark: bool = False


class ListVoices(Fields):
    """`POST /v1/get_voice`."""

    voice_type: Literal["system", "voice_cloning", "voice_generation", "all"]


class DeleteVoice(Fields):
    """`POST /v1/delete_voice`."""

    voice_type: Literal["voice_cloning", "voice_generation"]
    voice_id: Annotated[str, Field(min_length=1)]
