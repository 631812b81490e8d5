"""The local functions host, as a child process on Azurite."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient, QueueServiceClient

from local.azurite import Azurite
from local.functions_host.errors import Refused
from local.functions_host.process import FunctionsHost
from local.functions_host.routes import Route
from local.functions_host.settings import check_connection
from local.functions_host.timers import Retry, Schedule

APPS = Path(__file__).parent / "apps"
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


def settings(azurite: Azurite, prefix: str) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "WORK_QUEUE": f"{prefix}-work",
        "TEXT_QUEUE": f"{prefix}-text",
        "RESULT_QUEUE": f"{prefix}-results",
    }


@pytest.fixture(scope="module")
def host(azurite: Azurite) -> Iterator[FunctionsHost]:
    with FunctionsHost(APPS / "basic", settings(azurite, "basic")) as running:
        yield running


@pytest.fixture(scope="module")
def encoded_host(
    azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionsHost]:
    """The same app with base64-encoded messages."""
    root = tmp_path_factory.mktemp("encoded")
    shutil.copy(APPS / "basic" / "function_app.py", root)
    config = json.loads((APPS / "basic" / "host.json").read_text())
    config["extensions"]["queues"]["messageEncoding"] = "base64"
    (root / "host.json").write_text(json.dumps(config))
    with FunctionsHost(root, settings(azurite, "encoded")) as running:
        yield running


@pytest.fixture(scope="module")
def clock(azurite: Azurite) -> Iterator[FunctionsHost]:
    needed = {"AzureWebJobsStorage": azurite.connection_string, "EVERY_SECOND": "* * * * * *"}
    with FunctionsHost(APPS / "clock", needed) as running:
        yield running


class Queues:
    """The queues as their users see them, and what they contain."""

    def __init__(self, azurite: Azurite) -> None:
        self.service = QueueServiceClient.from_connection_string(azurite.connection_string)

    def client(self, name: str) -> QueueClient:
        client = self.service.get_queue_client(name)
        with suppress(ResourceExistsError):
            client.create_queue()
        return client

    def send(self, name: str, content: str | dict[str, Any]) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.client(name).send_message(text)

    def count(self, name: str) -> int:
        """Return how many messages there are, invisible ones included."""
        return self.client(name).get_queue_properties().approximate_message_count or 0

    def take(self, name: str, count: int) -> list[str]:
        """Wait for so many messages and take them."""
        taken: list[str] = []

        def enough() -> bool:
            client = self.client(name)
            for message in client.receive_messages():
                taken.append(message.content)
                client.delete_message(message)
            return len(taken) >= count

        wait_for(enough)
        return taken


@pytest.fixture(scope="module")
def queues(azurite: Azurite) -> Iterator[Queues]:
    queues = Queues(azurite)
    with queues.service:
        yield queues


def wait_for[T](look: Callable[[], T], seconds: float = 15) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)
    return seen


def wait_for_log(host: FunctionsHost, pattern: str, times: int = 1) -> list[Any]:
    """Wait until a pattern is so often in the log, and return what was found."""

    def found() -> list[Any]:
        seen = re.findall(pattern, host.log())
        return seen if len(seen) >= times else []

    try:
        return wait_for(found)
    except AssertionError:
        raise AssertionError(f"{pattern} is not in the log:\n{host.log()}") from None


def get(host: FunctionsHost, path: str, **options: Any) -> requests.Response:
    headers = {"x-functions-key": host.function_key} | options.pop("headers", {})
    return requests.request(
        options.pop("method", "GET"), host.url + path, headers=headers, timeout=10, **options
    )


# HTTP


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/api/open", {"none": 200, "wrong": 200, "function": 200, "master": 200}),
        ("/api/echo/a", {"none": 401, "wrong": 401, "function": 201, "master": 201}),
        ("/api/closed", {"none": 401, "wrong": 401, "function": 401, "master": 200}),
    ],
)
def test_keys(host: FunctionsHost, path: str, statuses: dict[str, int]) -> None:
    """Each authLevel admits its own key and the master key, in the header or as ?code=."""
    keys = {"none": "", "wrong": "x", "function": host.function_key, "master": host.master_key}
    for name, status in statuses.items():
        by_header = get(host, path, headers={"x-functions-key": keys[name]})
        by_query = requests.get(host.url + path, params={"code": keys[name]}, timeout=10)
        assert (by_header.status_code, by_query.status_code) == (status, status), name


def test_request_reaches_the_function(host: FunctionsHost) -> None:
    """Header names are lower-cased, empty query values dropped, route values unescaped."""
    answer = get(
        host,
        "/api/ECHO/%61bc/12?a=1&b=&c=x%20y",
        method="POST",
        headers={"X-Thing": "Value"},
        data=b"body",
    )
    seen = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert seen["headers"]["x-thing"] == "Value"
    assert seen["query"] == {"a": "1", "c": "x y"}
    assert seen["route"] == {"kind": "abc", "number": "12"}
    assert seen["body"] == "body"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/echo"),
        ("GET", "/api/echo/12"),
        ("GET", "/api/echo/abc/xyz"),
        ("GET", "/api/echo/abc/1/2"),
        ("PUT", "/api/echo/abc"),
        ("GET", "/echo/abc"),
        ("GET", "/admin/functions/echo"),
    ],
)
def test_unmatched_is_not_found(host: FunctionsHost, method: str, path: str) -> None:
    """What matches no route, constraint or verb is 404."""
    assert get(host, path, method=method).status_code == 404


def test_string_is_plain_text(host: FunctionsHost) -> None:
    """A function that returns a string answers 200 with plain text."""
    answer = get(host, "/api/open")
    assert (answer.text, answer.headers["content-type"]) == (
        "hello GET",
        "text/plain; charset=utf-8",
    )


def test_failure_is_an_empty_500(host: FunctionsHost) -> None:
    """An unhandled exception answers 500 without a body; its traceback is in the log."""
    answer = get(host, "/api/broken")
    assert (answer.status_code, answer.content) == (500, b"")
    wait_for_log(host, r"Traceback(.|\n)*RuntimeError: broken by GET")
    wait_for_log(host, r"Executed 'Functions.broken' \(Failed, Id=.{36}, Duration=\d+ms\)")


def test_log_names_the_invocation(host: FunctionsHost) -> None:
    """What a function logs stands on a line with its name and invocation id."""
    get(host, "/api/echo/named")
    (short,) = wait_for_log(host, r"\[echo (\w{8})\] Echo of http://127.0.0.1:\d+/api/echo/named")
    wait_for_log(host, rf"Executing 'Functions.echo' \(Id={short}")
    wait_for_log(host, rf"Executed 'Functions.echo' \(Succeeded, Id={short}")


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("a/{id}", "a/1", {"id": "1"}),
        ("a/{id?}", "a", {}),
        ("a/{id:guid}", "a/1", None),
        ("a/{id:length(2)}", "a/xy", {"id": "xy"}),
        ("a/{id:minlength(2):alpha}", "a/x", None),
        ("a/{*rest}", "a/b/c", {"rest": "b/c"}),
        ("a/{*rest}", "a", {}),
        ("a/b", "a", None),
    ],
)
def test_route_templates(template: str, path: str, expected: dict[str, str] | None) -> None:
    """Parameters, constraints, optional and catch-all parameters match as in ASP.NET."""
    assert Route.parse(template).match(path.split("/")) == expected


def test_specific_routes_come_first() -> None:
    """Literals are tried before constrained parameters, these before others, rest comes last."""
    templates = ["a/{*x}", "a/{x?}", "a/{x}", "a/{x:int}", "a/b"]
    assert sorted(templates, key=lambda each: Route.parse(each).rank) == templates[::-1]


# Admin


@pytest.mark.parametrize(
    ("name", "key", "body", "status"),
    [
        ("yearly", "", "{}", 401),
        ("yearly", "function", "{}", 401),
        ("nothing", "master", "{}", 404),
        ("yearly", "master", "", 400),
        ("yearly", "master", "[]", 400),
        ("yearly", "master", '{"input": 1}', 400),
        ("echo", "master", "{}", 400),
        ("yearly", "master", "{}", 202),
        ("YEARLY", "master", '{"input": ""}', 202),
    ],
)
def test_admin_statuses(host: FunctionsHost, name: str, key: str, body: str, status: int) -> None:
    """The admin endpoint wants the master key, a known function and a JSON object."""
    keys = {"": "", "function": host.function_key, "master": host.master_key}
    answer = get(
        host,
        f"/admin/functions/{name}",
        method="POST",
        headers={"x-functions-key": keys[key]},
        data=body,
    )
    assert answer.status_code == status


def test_admin_runs_a_timer(host: FunctionsHost) -> None:
    """A timer function run by hand gets a timer that is not past due and knows its next time."""
    host.run("yearly")
    wait_for_log(host, r"yearly: past due False, next \d{4}-01-01T00:00:00\+00:00")


def test_admin_runs_a_queue_function(host: FunctionsHost, queues: Queues) -> None:
    """A queue function run by hand gets the input as its message, and its output is sent."""
    host.run("work", json.dumps({"name": "by hand", "put": ["sent by hand"]}))
    assert queues.take("basic-results", 1) == ["sent by hand"]


# Queues


def test_message_is_deleted_after_success(host: FunctionsHost, queues: Queues) -> None:
    """A message that was worked on is gone."""
    queues.send("basic-work", {"name": "success"})
    wait_for_log(host, "success: try 1\n")
    wait_for(lambda: queues.count("basic-work") == 0)


def test_failures_are_retried_with_delay_then_poisoned(host: FunctionsHost, queues: Queues) -> None:
    """A failing message comes back after visibilityTimeout, and is poison at the last try."""
    queues.send("basic-work", {"name": "failure", "fails": True, "put": ["never sent"]})
    (poison,) = queues.take("basic-work-poison", 1)
    first, second = wait_for_log(host, r"(\S+)Z INFO +\[work \w+\] failure: try \d\n", 2)
    assert json.loads(poison)["name"] == "failure"
    assert datetime.fromisoformat(second) - datetime.fromisoformat(first) >= timedelta(seconds=1)
    assert queues.count("basic-work") == 0
    assert queues.count("basic-results") == 0, "output of a failed invocation was sent"


@pytest.mark.usefixtures("host")
def test_output_is_sent_verbatim(queues: Queues) -> None:
    """Each element of a list becomes one message; strings are not touched."""
    texts = ['{"amount": 0.1999968000511991808131}', "plain <&>", "é"]
    queues.send("basic-work", {"name": "verbatim", "put": texts})
    assert queues.take("basic-results", 3) == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("just text", ["just text"]),
        ('["a", "b", 3]', ["a", "b", "3"]),
        ('{"a":1}', ['{\n  "a": 1\n}']),
        ("[not json", ["[not json"]),
    ],
)
@pytest.mark.usefixtures("host")
def test_single_string_is_parsed(queues: Queues, text: str, expected: list[str]) -> None:
    """A single string that looks like JSON is split or re-serialised, as the real host does."""
    queues.send("basic-text", text)
    assert queues.take("basic-results", len(expected)) == expected


def test_too_large_output_fails(host: FunctionsHost, queues: Queues) -> None:
    """A message of more than 64 KiB is refused and fails the invocation that put it out."""
    text = "x" * 65_537
    host.run("repeat", text)
    wait_for_log(host, r"Executed 'Functions.repeat' \(Failed.*larger than 64 KiB")
    host.run("repeat", text[1:])
    assert queues.take("basic-results", 1) == [text[1:]]


@pytest.mark.usefixtures("encoded_host")
def test_base64_messages(queues: Queues) -> None:
    """With messageEncoding base64, messages are encoded on both ways."""
    text = "zwölf"
    queues.send("encoded-text", base64.b64encode(text.encode()).decode())
    assert queues.take("encoded-results", 1) == [base64.b64encode(text.encode()).decode()]


def test_undecodable_message_is_poison(encoded_host: FunctionsHost, queues: Queues) -> None:
    """Plain text where base64 is expected goes to the poison queue as it is."""
    queues.send("encoded-text", "plain text")
    assert queues.take("encoded-text-poison", 1) == ["plain text"]
    wait_for_log(encoded_host, "cannot be decoded .* see messageEncoding")


def test_too_large_encoded_output_fails(encoded_host: FunctionsHost, queues: Queues) -> None:
    """A message of more than 48 KiB is refused where base64 makes it too large."""
    encoded_host.run("repeat", "x" * 49_153)
    wait_for_log(encoded_host, r"Executed 'Functions.repeat' \(Failed.*larger than 48 KiB")
    encoded_host.run("repeat", "x" * 49_152)
    assert len(queues.take("encoded-results", 1)[0]) == 65_536


def test_concurrency_is_bounded(host: FunctionsHost, queues: Queues) -> None:
    """No more than batchSize + newBatchThreshold messages of a function are under way."""
    for number in range(12):
        queues.send("basic-work", {"name": f"many-{number}", "seconds": 0.2})
    wait_for(lambda: queues.count("basic-work") == 0)
    assert len(set(wait_for_log(host, r"many-\d+", 12))) == 12
    assert _most_at_once(host.log(), "work") <= 5


def _most_at_once(log: str, name: str) -> int:
    running = most = 0
    for event in re.findall(rf"(Execut\w+) 'Functions.{name}'", log):
        running += 1 if event == "Executing" else -1
        most = max(most, running)
    return most


# Leases


def test_lease_is_renewed(azurite: Azurite, queues: Queues) -> None:
    """A function that runs longer than the lease runs once, and its message is deleted."""
    with FunctionsHost(APPS / "basic", settings(azurite, "renewed"), lease_seconds=2) as host:
        queues.send("renewed-work", {"name": "long", "seconds": 4})
        wait_for_log(host, "Executed 'Functions.work' .Succeeded")
        wait_for(lambda: queues.count("renewed-work") == 0)
        assert host.log().count("long: try") == 1


def test_lost_lease_is_not_renewed(azurite: Azurite, queues: Queues) -> None:
    """When the pop receipt is no longer valid, renewal stops and the message is left alone."""
    with FunctionsHost(APPS / "basic", settings(azurite, "lost"), lease_seconds=2) as host:
        queues.send("lost-work", {"name": "stolen", "seconds": 2})
        ((message_id, receipt),) = wait_for_log(host, r"stolen has id (\S+), receipt (\S+)")
        queues.client("lost-work").delete_message(message_id, receipt)
        wait_for_log(host, f"The lease of message {message_id} is lost")
        wait_for_log(host, f"Message {message_id} was taken from us")


def test_killed_host_gives_the_message_back(azurite: Azurite, queues: Queues) -> None:
    """After a crash the message comes back when its lease has run out."""
    with FunctionsHost(APPS / "basic", settings(azurite, "killed"), lease_seconds=2) as host:
        queues.send("killed-work", {"name": "crash", "seconds": 1})
        wait_for_log(host, "crash: try 1")
        host.kill()
        host.start()
        wait_for_log(host, "crash: try 2")
        wait_for(lambda: queues.count("killed-work") == 0)


def test_message_received_too_often_is_poison(azurite: Azurite, queues: Queues) -> None:
    """A message received more often than maxDequeueCount is poison without being run."""
    queues.send("often-work", {"name": "often"})
    client = queues.client("often-work")
    for _ in range(2):
        message = client.receive_message()
        assert message
        client.update_message(message.id, message.pop_receipt, visibility_timeout=0)
    with FunctionsHost(APPS / "basic", settings(azurite, "often")) as host:
        assert len(queues.take("often-work-poison", 1)) == 1
        assert "often: try" not in host.log()


def test_sigterm_lets_work_finish(azurite: Azurite, queues: Queues) -> None:
    """On SIGTERM nothing new starts, what runs is finished, and the exit code is 0."""
    with FunctionsHost(APPS / "basic", settings(azurite, "term")) as host:
        queues.send("term-work", {"name": "last", "seconds": 1, "put": ["finished"]})
        wait_for_log(host, "last: try 1")
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(get, host, "/api/open?seconds=1")
            wait_for_log(host, "Executing 'Functions.open_to_all'")
            assert host.stop() == 0
            assert answer.result().status_code == 200
        assert "Executed 'Functions.work' (Succeeded" in host.log()
    assert queues.take("term-results", 1) == ["finished"]
    assert queues.count("term-work") == 0


# Timers


def test_timer_fires_by_its_schedule(clock: FunctionsHost) -> None:
    """A timer due each second fires at each second."""
    first, second = wait_for_log(clock, r"\] tick (\S+)", 2)[:2]
    assert datetime.fromisoformat(second) - datetime.fromisoformat(first) == timedelta(seconds=1)


def test_timer_does_not_overlap(clock: FunctionsHost) -> None:
    """What is due while the function runs is left out."""
    wait_for_log(clock, "slow ends", 2)
    events = re.findall(r"slow (begins|ends)", clock.log())
    assert events[:4] == ["begins", "ends", "begins", "ends"]


def test_timer_is_retried(clock: FunctionsHost) -> None:
    """A failed timer run is tried again by its policy, with the count in the context."""
    assert wait_for_log(clock, r"flaky attempt (\d)", 4)[:4] == ["0", "1", "2", "0"]


def test_no_timer(azurite: Azurite) -> None:
    """With --no-timer, a timer function runs by hand only."""
    needed = {"AzureWebJobsStorage": azurite.connection_string, "EVERY_SECOND": "* * * * * *"}
    with FunctionsHost(APPS / "clock", needed, timer=False) as host:
        host.run("slow")
        wait_for_log(host, "slow ends")
        assert host.log().count("Executing") == 1


def test_schedule_is_utc_and_starts_with_seconds() -> None:
    """The six fields begin with the seconds, and hours are UTC."""
    noon = datetime(2026, 1, 9, 12, tzinfo=UTC)
    assert Schedule("30 0 6 9 * *").after(noon) == datetime(2026, 2, 9, 6, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("expression", ["0 6 9 * *", "00:05:00", "0 0 25 * * *"])
def test_other_schedules_are_refused(expression: str) -> None:
    """What is not an NCRONTAB expression of six fields is refused."""
    with pytest.raises(Refused, match="not an NCRONTAB schedule"):
        Schedule(expression)


def test_exponential_backoff() -> None:
    """The delays double between the bounds, and the attempts are counted."""
    retry = Retry(3, timedelta(seconds=2), timedelta(seconds=5))
    assert [retry.delay(attempt) for attempt in (1, 2, 3)] == [2, 4, 5]
    assert [retry.allows(attempt) for attempt in (3, 4)] == [True, False]


# What is refused

HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
TIMER = HEAD + (
    '@app.timer_trigger(arg_name="timer", schedule="%s")\n'
    "def job(timer: func.TimerRequest) -> None: ...\n"
)
QUEUE = HEAD + (
    '@app.queue_trigger(arg_name="msg", queue_name="%s", connection="%s")\n'
    "def job(msg: func.QueueMessage) -> None: ...\n"
)
ROUTE = HEAD + (
    '@app.function_name("%s")\n@app.route("%s")\ndef job(req: func.HttpRequest) -> str: ...\n'
)


def start_with(code: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the host with this app and wait until it has left."""
    if code:
        (root / "function_app.py").write_text(code)
    if not (root / "host.json").exists():
        (root / "host.json").write_text("{}")
    return subprocess.run(
        [sys.executable, "-m", "local.functions_host", "--app-root", str(root), "--port", "0"],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "no functions found"),
        (HEAD, "no functions found"),
        ("import missing_package", "ModuleNotFoundError: No module named 'missing_package'"),
        (
            HEAD + '@app.route("x")\ndef job(req: func.HttpRequest, more: str) -> str: ...\n',
            "FunctionLoadError: cannot load the job function",
        ),
        (TIMER % "%NIGHTLY%", "needs the app setting NIGHTLY, which is not set"),
        (TIMER % "0 6 * * *", "'0 6 * * *' is not an NCRONTAB schedule"),
        (QUEUE % ("%SOURCE%", "STORE"), "needs the app setting SOURCE, which is not set"),
        (QUEUE % ("Upper", "STORE"), "'Upper' is not a valid queue name"),
        (QUEUE % ("queue", "OTHER"), "expected a connection string in OTHER or AzureWebJobsOTHER"),
        (ROUTE % ("job", "%PATH_PART%/x"), "needs the app setting PATH_PART"),
        (ROUTE % ("job", "{id:unheard}"), "knows no route constraint 'unheard'"),
        (ROUTE % ("0job", "x"), "function '0job': its name is not valid"),
        (ROUTE % ("host", "x"), "function 'host': its name is not valid"),
        (
            TIMER.replace("timer:", "the_timer:").replace('"timer"', '"the_timer"') % "* * * * * *",
            "the binding name 'the_timer' is invalid",
        ),
    ],
)
def test_refusals(tmp_path: Path, code: str, message: str) -> None:
    """What the real host refuses ends this one with exit code 1 and a message that says why."""
    connection = "UseDevelopmentStorage=true"
    ended = start_with(code, tmp_path, AzureWebJobsStorage=connection, STORE=connection)
    assert message in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")


def test_host_storage_is_required(tmp_path: Path) -> None:
    """Without AzureWebJobsStorage only HTTP triggers run."""
    ended = start_with(TIMER % "* * * * * *", tmp_path)
    assert "AzureWebJobsStorage is required" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ({"STORE": "nonsense"}, "the connection 'STORE' cannot be used: Connection string is"),
        ({"STORE__queueServiceUri": "http://127.0.0.1"}, "only supported with HTTPS"),
    ],
)
def test_unusable_connections(tmp_path: Path, connection: dict[str, str], message: str) -> None:
    """A connection that is set, but to nothing that can be used, is refused."""
    settings = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"} | connection
    ended = start_with(QUEUE % ("queue", "STORE"), tmp_path, **settings)
    assert message in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("name", ["STORE", "AzureWebJobsSTORE", "STORE__queueServiceUri"])
def test_forms_of_a_connection(name: str) -> None:
    """A connection is a string under its name, with prefix or without, or a service URI."""
    check_connection("STORE", {name: "something"})
    with pytest.raises(Refused, match="'OTHER' is not set"):
        check_connection("OTHER", {name: "something"})


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Several problems of several functions come in one message."""
    ended = start_with(
        HEAD + (TIMER % "%A%" + (QUEUE % ("%B%", "C")).replace("job", "other")).replace(HEAD, ""),
        tmp_path,
    )
    assert re.search(r"(?s)setting A,.*setting B,", ended.stderr)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "host.json is not valid JSON"),
        ('{"extensions": {"queues": {"batchSize": 33}}}', "batchSize must be 1 to 32"),
        ('{"extensions": {"queues": {"messageEncoding": "utf8"}}}', "messageEncoding must be"),
        ('{"extensions": {"queues": {"visibilityTimeout": "30"}}}', "'30' is not a time span"),
    ],
)
def test_host_json_is_checked(tmp_path: Path, config: str, message: str) -> None:
    """A host.json that the real host would not take is refused."""
    (tmp_path / "host.json").write_text(config)
    ended = start_with(ROUTE % ("job", "x"), tmp_path)
    assert message in ended.stderr
    assert ended.returncode == 1


def test_local_settings_become_environment_variables(tmp_path: Path) -> None:
    """Values of local.settings.json are settings; environment variables win."""
    values = {"FIRST": "from the file", "SECOND": "from the file"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}))
    code = "import os\nraise RuntimeError(os.environ['FIRST'] + ', ' + os.environ['SECOND'])"
    ended = start_with(code, tmp_path, SECOND="from outside")
    assert "RuntimeError: from the file, from outside" in ended.stderr


def test_refusal_is_in_the_error(tmp_path: Path) -> None:
    """FunctionsHost tells why the host has not started."""
    (tmp_path / "host.json").write_text("{}")
    with pytest.raises(RuntimeError, match=r"has ended:\n(.|\n)*no functions found"):
        FunctionsHost(tmp_path, {}).start()
