"""The policy's rules for a judge model, and for the people who check a sample of its rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from policy.documents import Document
from policy.facts.spot_check import MAX_ROWS
from policy.facts.win_rate_facts import EndpointPrices
from policy.names import Quorum

JUDGE_MODEL_PROMPTS = {
    "pairwise-v1": "sha256:036e85659f4a4d4eca220b9f03fd73ae5b5f6d4e5c59005ba8409289a9d61c73",
}
"""The judge model's prompts in the runner, with the digests of their files."""

NOT_LEFT_TO_SET = frozenset(
    {
        *("model", "messages", "prompt", "stream", "n", "response_format"),
        *("max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"),
    }
)
"""Parameters of an endpoint request that nobody can set: decoding is greedy and seeded."""

_Share = Annotated[float, Field(ge=0, le=1)]


class JudgeModel(Document):
    """A judge model behind an endpoint with OpenAI's API; it decodes greedily."""

    model_config = ConfigDict(allow_inf_nan=False)

    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(?:/[^\s?#@]*)?$")]
    """The URL up to the API version, such as https://host/v1."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    """The model's name at the endpoint."""
    prompt: str = "pairwise-v1"
    key_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] = (
        "COUNTERSIGN_ENDPOINT_KEY"
    )
    """The runner's environment variable with the API key; if it is unset, no key is sent."""
    decode: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], int | float] = (
        Field(default_factory=dict)
    )
    """Further decoding parameters of the endpoint, such as repeat_penalty: 1."""
    max_tokens: Annotated[int, Field(ge=1, le=8192)] = 512
    timeout: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Seconds for one attempt."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    parallel: Annotated[int, Field(ge=1, le=256)] = 4
    """How many calls run at the same time."""

    @field_validator("prompt")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in JUDGE_MODEL_PROMPTS:
            raise ValueError(f"no such prompt; name one of these: {', '.join(JUDGE_MODEL_PROMPTS)}")
        return name

    @field_validator("decode")
    @classmethod
    def _is_left_to_set(cls, decode: dict[str, int | float]) -> dict[str, int | float]:
        taken = sorted(set(decode) & NOT_LEFT_TO_SET)
        if taken:
            raise ValueError(f"{', '.join(taken)} cannot be set here; remove it")
        return decode

    @property
    def named(self) -> str:
        """Return the judge model's name in the facts."""
        return f"openai {self.model} at {self.base_url.rstrip('/')}"


class WinRateGate(Document):
    """How often the judge model must prefer the candidate's answer to the incumbent's (or to the
    base's if no version is live); a tie is half a win."""

    model_config = ConfigDict(allow_inf_nan=False)

    judge: JudgeModel
    min: _Share = 0.5
    """The smallest win rate."""
    margin: _Share = 0.0
    """How far below `min` the 95 % interval may reach. With 0 the whole interval must be at least
    `min`; with 1 the win rate alone decides."""
    min_coverage: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Smallest share of pairs that must be judged in both orders."""
    max_flip_rate: _Share = 0.4
    """Largest share of verdicts that may change with the order of the answers. Zheng et al. (2023)
    found 35 % with GPT-4 and 54 % with GPT-3.5."""
    prices: EndpointPrices | None = None


class SpotCheckRules(Document):
    """A sample of rows that people read and sign: which roles, and how many signers of each."""

    model_config = ConfigDict(allow_inf_nan=False)

    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 20
    sign: Annotated[Quorum, Field(min_length=1)]
    min_agreement: _Share | None = None
    """Smallest share of rows on which each signer must agree with the judge model."""
