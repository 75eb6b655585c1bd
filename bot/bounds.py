"""What a number or a text of config.yaml may be: one sentence for whoever writes another, and so in the schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, both included: `minutes: Annotated[int, Between(1, 60, "minutes")]`."""

    low: float
    high: float
    unit: str = ""  # what it counts, for the sentence

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kind = "a whole number" if source is int else "a number"
        counted = f"{kind} of {self.unit}" if self.unit else kind
        said = f"write {counted} from {self.low:g} to {self.high:g}"

        def within(value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
            try:
                number = None if isinstance(value, bool) else read(value)
            except ValidationError:
                number = None
            if number is None or not self.low <= number <= self.high:  # also what is no number at all (nan)
                raise ValueError(said)
            return number

        return core_schema.no_info_wrap_validator_function(within, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Text:
    """A text of this form, all of it, and no longer. `said` is the sentence, without the length."""

    form: str  # a regular expression, in what Python and JSON Schema have in common
    most: int  # in UTF-16 units, as Messenger counts
    said: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        whole = re.compile(self.form)

        def fits(value: str) -> str:
            if len(value.encode("utf-16-le", "surrogatepass")) // 2 > self.most or not whole.fullmatch(value):
                raise ValueError(f"{self.said}, of {self.most} characters at most")
            return value

        return core_schema.no_info_after_validator_function(fits, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.form})$", "maxLength": self.most}


def line(most: int) -> Text:
    """Words on one line, and at least one sign that is seen."""
    return Text(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f\u2028\u2029]*", most,
                "write something, on one line")  # fmt: skip


def web_address(most: int) -> Text:
    """HTTPS; without it only on this machine, for the demo."""
    return Text(
        r"(https://[^\s/<>\"'\\]|http://(127\.0\.0\.1|localhost)(?=[:/]|$))[^\s<>\"'\\]*", most,
        "write an address that begins with https://"
    )  # fmt: skip


def mail_address(most: int) -> Text:
    """Somebody at some place; no second address, no name around it."""
    sign = r"[^@\s<>()\[\],;:\"\\\x00-\x1f]"
    return Text(f"{sign}+@{sign}+", most, "write an e-mail address such as post@example.org")
