"""What requests may hold: the parameters of lists, and the bodies."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from voicekeeper.core.duration import parse_duration
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.registration import read_moment
from voicekeeper.web.operations import Strict

LARGEST_PAGE = 500


def _whole(text: object) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", str(text)):
        raise ValueError("is not a whole number")
    return int(str(text))


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters in it that cannot be printed")
    return text


def _given(value: object) -> object:
    if value is None:
        raise ValueError("is null: leave out what is not to be changed")
    return value


#: Text as every database can compare it.
Printable = Annotated[str, Field(max_length=256), AfterValidator(_printable)]
Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE), BeforeValidator(_whole)]
Within = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]{1,4}[dhms])+$", "examples": ["24h", "2d"]}),
]
Moment = Annotated[datetime, BeforeValidator(read_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
#: A time in a body is read, with all else, by `registration`.
MomentText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
Rate = Annotated[float, Field(ge=0.001, le=1_000_000, allow_inf_nan=False)]
Budget = Annotated[float, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]
Label = Annotated[str, StringConstraints(max_length=255), AfterValidator(_printable)]
Cursor = Annotated[
    int,
    BeforeValidator(_whole),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}$"}),
    Field(description="`next` of the page before"),
]


class VoicesQuery(Strict):
    """Which voices, and which page of them."""

    status: Status | SkipJsonSchema[None] = None
    account: Printable | SkipJsonSchema[None] = None
    intent: Intent | SkipJsonSchema[None] = None
    label: Annotated[Printable | SkipJsonSchema[None], Field(description="what the label begins with")] = None
    due_within: Annotated[
        Within | SkipJsonSchema[None], Field(description="waiting voices with a deadline so near, or none yet")
    ] = None
    limit: Limit = 50
    cursor: Cursor = 0


class AttemptsQuery(Strict):
    """Which attempts, and which page of them."""

    account: Printable | SkipJsonSchema[None] = None
    outcome: Outcome | SkipJsonSchema[None] = None
    since: Annotated[Moment | SkipJsonSchema[None], Field(description="begun then or later")] = None
    limit: Limit = 50
    cursor: Cursor | SkipJsonSchema[None] = None


class ForecastQuery(Strict):
    """Whose forecast, and what is to be otherwise than it is."""

    account: Printable | SkipJsonSchema[None] = None
    rpm: Annotated[Rate | SkipJsonSchema[None], Field(description="if the rate limit were this")] = None
    budget_per_day: Annotated[Budget | SkipJsonSchema[None], Field(description="if the budget were this")] = None
    budget_per_month: Annotated[Budget | SkipJsonSchema[None], Field(description="likewise")] = None
    outage: Annotated[Within | SkipJsonSchema[None], Field(description="if nothing worked for so long")] = None


class NewVoiceBody(Strict):
    """A voice to register."""

    account: Annotated[str, Field(min_length=1, max_length=64)]
    voice_id: Annotated[str, Field(min_length=1, max_length=256)]
    cloned_at: Annotated[MomentText, Field(description="when it was cloned; UTC where there is no offset")]
    label: Label = ""
    origin: Origin = Origin.CLONE
    intent: Intent = Intent.KEEP
    priority: Priority = 0
    deadline: MomentText | SkipJsonSchema[None] = None


class ChangesBody(Strict):
    """What is to be changed of a voice; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    intent: Annotated[Intent | SkipJsonSchema[None], BeforeValidator(_given)] = None
    label: Annotated[Label | SkipJsonSchema[None], BeforeValidator(_given)] = None
    priority: Annotated[Priority | SkipJsonSchema[None], BeforeValidator(_given)] = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("there is nothing to change: send intent, label or priority")
        return self
