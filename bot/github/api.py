"""The one place that uses PyGithub: App authentication, pacing, retries, pages, and caches.

Nothing of PyGithub leaves this module: answers are plain JSON values. Reads are tried again on 5xx;
writes never are, because a write that answered 5xx may have happened (blind retries merged twice
elsewhere). What a commit, tree or blob id names cannot change, so it is read once; everything else
is asked for with the tag of the last answer, because a 304 costs nothing. No request waits for a
quota: it fails at once, and says when to try again.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import requests
from github import Auth, Github
from github.GithubException import GithubException
from urllib3.util import Retry

from bot.github import going_on
from bot.github.known_answers import KnownAnswers
from bot.github.quota import Quota
from bot.settings import Settings

log = logging.getLogger("countersign.bot")
READS = frozenset({"GET", "HEAD"})
CACHE_BYTES = 64_000_000
TIMEOUT_SECONDS = 30
USER_AGENT = "countersign"


class ApiError(Exception):
    """GitHub answered with an error, or not at all (`status` 0).

    `retry_after` is above 0 if a quota is used up: nothing may be asked for so many seconds.
    """

    def __init__(
        self, verb: str, url: str, status: int, message: str, retry_after: float = 0.0
    ) -> None:
        super().__init__(f"{verb} {url}: {status} {message}")
        self.retry_after = retry_after
        self.status = status
        self.message = message

    @property
    def unknown(self) -> bool:
        """Return whether a write that got this answer may have happened all the same."""
        return self.status == 0 or self.status >= 500


def path(*parts: str | int) -> str:
    """Return a URL path of quoted parts; a slash inside a part stays only where it is harmless."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def ref_path(name: str) -> str:
    """Return a branch or tag as a part of a URL: quoted, but for the slashes that divide its name.

    `#` and `%` are legal in branch names: unquoted, `main#x` would be written to `main`.
    """
    return quote(name, safe="/")


class Cache:
    """Answers that cannot change, bounded by their size in bytes; safe between threads."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][1]

    def put(self, key: str, value: Any) -> None:
        size = len(json.dumps(value))
        with self._lock:
            if size > self._limit // 4 or key in self._held:
                return
            self._held[key] = (size, value)
            self._size += size
            while self._size > self._limit:
                _, (dropped, _) = self._held.popitem(last=False)
                self._size -= dropped

    def drop(self, key: str) -> None:
        with self._lock:
            size, _ = self._held.pop(key, (0, None))
            self._size -= size


class Api:
    """One installation's view of GitHub."""

    def __init__(self, client: Github, cache: Cache, *, limits_writes: bool = True) -> None:
        self._requester = client.requester
        self._cache = cache
        self._known = KnownAnswers()
        self.quota = Quota(limits_writes=limits_writes)
        self.calls = 0
        """Requests made so far, for the budget and the metrics."""

    def get(self, url: str, parameters: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer of one read."""
        return self._request("GET", url, parameters)[1]

    def find(
        self, url: str, parameters: dict[str, Any] | None = None, *, fixed: bool = False
    ) -> Any:
        """Return the JSON answer of one read, or None if GitHub knows no such thing."""
        try:
            return self._request("GET", url, parameters, keep=not fixed)[1]
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def fixed(self, url: str, parameters: dict[str, Any] | None = None) -> Any:
        """Return what an id names; read once. Only for URLs with a full commit or blob id."""
        key = url + "?" + json.dumps(parameters or {}, sort_keys=True)
        value = self._cache.get(key)
        if value is None:
            value = {"found": self.find(url, parameters, fixed=True)}
            if value["found"] is not None:
                self._cache.put(key, value)
        return value["found"]

    def recall(self, key: str) -> Any:
        """Return what `remember` was told, or None; a restart forgets."""
        return self._cache.get(key)

    def remember(self, key: str, value: Any = True) -> None:
        """Keep a JSON value that was read once and cannot change."""
        self._cache.put(key, value)

    def forget(self, key: str) -> None:
        """Forget what `remember` kept: it changed after all."""
        self._cache.drop(key)

    def kept(self, key: str, read: Callable[[], bytes]) -> bytes:
        """Return bytes that a key always names; read once."""
        found = self._cache.get(key)
        if found is None:
            found = base64.b64encode(read()).decode()
            self._cache.put(key, found)
        return base64.b64decode(found)

    def pages(
        self,
        url: str,
        parameters: dict[str, Any] | None = None,
        *,
        inside: str = "",
        most: int = 30,
        fixed: bool = False,
    ) -> Iterator[Any]:
        """Yield the items of a listing, page by page, at most `most` pages of 100.

        `inside` names the key of the items if the answer is an object; `fixed` says
        that the listing can never change, because it starts from a commit's id.
        """
        read = self.fixed if fixed else self.get
        for number in range(1, most + 1):
            asked = {**(parameters or {}), "per_page": 100, "page": number}
            answer = read(url, asked)
            if answer is None:
                return
            items = answer[inside] if inside else answer
            yield from items
            if len(items) < 100:
                return

    def query(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of one GraphQL query, which only reads.

        Something that GitHub does not find is null; any other error raises ApiError.
        """
        url = self._requester.graphql_url
        asked = {"query": query, "variables": variables}
        answer = self._request("POST", url, None, asked)[1]
        errors = [one for one in answer.get("errors") or () if one.get("type") != "NOT_FOUND"]
        if errors or not isinstance(answer.get("data"), dict):
            said = "; ".join(str(one.get("message")) for one in errors)[:300]
            raise ApiError("POST", url, 502, said or "no data")
        data: dict[str, Any] = answer["data"]
        return data

    def write(self, verb: str, url: str, body: dict[str, Any]) -> Any:
        """Return the answer of one write, tried exactly once."""
        log.info("%s %s", verb, url)
        return self._request(verb, url, None, body)[1]

    def download(self, url: str, limit: int) -> bytes:
        """Return a file that GitHub redirects to; raise ApiError above `limit` bytes.

        The file lies on another host (PyGithub refuses to follow there), which gets no token of
        ours; the address itself is signed and short-lived.
        """
        headers, _ = self._request("GET", url)
        place = str(headers.get("location", ""))
        try:
            with requests.get(
                place, stream=True, timeout=TIMEOUT_SECONDS, headers={"User-Agent": USER_AGENT}
            ) as answer:
                if answer.status_code != 200:
                    raise ApiError("GET", url, answer.status_code, "the file was not given")
                found = b""
                for chunk in answer.iter_content(65536):
                    found += chunk
                    if len(found) > limit:
                        raise ApiError("GET", url, 413, f"larger than {limit} bytes")
                return found
        except requests.RequestException as error:
            raise ApiError("GET", url, 0, f"no answer: {type(error).__name__}") from error

    def _request(
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        *,
        keep: bool = True,
    ) -> tuple[dict[str, Any], Any]:
        writes = verb not in READS
        going_on.go_on(writes=writes)
        wait = self.quota.wait_for(writes=writes, urgent=going_on.urgent())
        if wait:
            raise ApiError(verb, url, 429, f"not asked: the quota is used for {wait:.0f} s", wait)
        key = url + "?" + json.dumps(parameters or {}, sort_keys=True)
        known = None if writes else self._known.get(key)
        condition = {"If-None-Match": known.etag} if known else None
        self.calls += 1
        try:
            status, headers, text = self._requester.requestJson(
                verb, url, parameters, condition, body
            )
        except GithubException as error:  # of the token, which PyGithub renews by itself
            message = error.message or str(error.data)[:300]
            after = self.quota.refused(error.status, error.headers or {}, str(message))
            raise ApiError(verb, url, error.status, str(message), after) from error
        except requests.RequestException as error:
            raise ApiError(verb, url, 0, f"no answer: {type(error).__name__}") from error
        self.quota.answered(status, headers, writes=writes)
        if status == 304 and known is not None:
            return headers, known.value
        if status >= 400:
            message = _message(text)
            after = self.quota.refused(status, headers, message)
            raise ApiError(verb, url, status, message, after)
        if keep and not writes and status == 200 and headers.get("etag"):
            self._known.put(key, str(headers["etag"]), text)
        return headers, _json(verb, url, text) if status < 300 else None


def _json(verb: str, url: str, text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ApiError(verb, url, 0, "the answer is not JSON") from error


def _message(text: str) -> str:
    """Return what an error's answer says."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    return str(message or text[:300])


class Connection:
    """The App as GitHub knows it, and one `Api` for each installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._auth = Auth.AppAuth(settings.app_id, settings.private_key)
        self._apis: dict[int, Api] = {}
        self._cache = Cache()
        self._lock = threading.Lock()
        self._app = Api(self._client(self._auth), self._cache)
        self._slug = ""

    def _client(self, auth: Auth.Auth) -> Github:
        settings = self._settings
        return Github(
            auth=auth,
            base_url=settings.github_api,
            timeout=TIMEOUT_SECONDS,
            user_agent=USER_AGENT,
            retry=Retry(
                total=3,
                backoff_factor=0.2,
                allowed_methods=READS,
                status_forcelist=(500, 502, 503, 504),
                respect_retry_after_header=False,  # PyGithub's own would sleep until a limit resets
                raise_on_status=False,
            ),
            seconds_between_requests=settings.seconds_between_requests,
            seconds_between_writes=settings.seconds_between_writes,
        )

    def login(self) -> str:
        """Return the login under which the App comments and commits."""
        if not self._slug:
            self._slug = str(self._app.get("/app")["slug"])
        return f"{self._slug}[bot]"

    @property
    def app_id(self) -> int:
        return self._settings.app_id

    def installations(self) -> tuple[int, ...]:
        """Return the id of every installation of the App that is not suspended."""
        found = self._app.pages("/app/installations")
        return tuple(int(item["id"]) for item in found if not item.get("suspended_at"))

    def installation_of(self, repository: str) -> int | None:
        """Return the installation that covers `owner/name`, or None."""
        found = self._app.find(path("repos", *repository.split("/")) + "/installation")
        return int(found["id"]) if found else None

    def api(self, installation: int) -> Api:
        """Return the view of one installation, with a token that renews itself."""
        with self._lock:
            if installation not in self._apis:
                auth = Auth.AppInstallationAuth(self._auth, installation)
                self._apis[installation] = Api(
                    self._client(auth),
                    self._cache,
                    limits_writes=self._settings.seconds_between_writes > 0,
                )
            return self._apis[installation]

    def repositories(self, installation: int) -> tuple[str, ...]:
        """Return `owner/name` of every repository that an installation covers."""
        items = self.api(installation).pages("/installation/repositories", inside="repositories")
        return tuple(str(item["full_name"]) for item in items if not item.get("archived"))

    def check_key(self) -> None:
        """Raise ApiError unless GitHub answers and accepts the App's key."""
        self._app.get("/app")

    @property
    def quotas(self) -> dict[str, Quota]:
        """The quota of the App itself, and of each installation by its number."""
        found = {str(number): api.quota for number, api in list(self._apis.items())}
        return {"app": self._app.quota, **found}

    @property
    def calls(self) -> int:
        """Requests made so far by every installation."""
        return self._app.calls + sum(api.calls for api in list(self._apis.values()))
