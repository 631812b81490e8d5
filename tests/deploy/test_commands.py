"""Each command of the docs is one that the shell and the Azure CLI understand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from shared.auth.credentials import app_registration
from shared.auth.expiry import credential_days
from shared.settings import Settings
from tests.deploy.commands import AZURE_CLI, azure_cli_environment, calls, problems

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    name: (DOCS / name).read_text()
    for name in (
        *("deploy.md", "permissions.md", "runbook.md"),
        *("recipes/README.md", "recipes/event-grid.md"),
    )
}
BLOCKS = [block for text in PAGES.values() for block in re.findall(r"```sh\n(.*?)```", text, re.S)]


def in_sentences_and_powershell(text: str) -> list[str]:
    sentences = [" ".join(found.split()) for found in re.findall(r"`(az [^`]+ --[^`]+)`", text)]
    powershell = "".join(re.findall(r"```powershell\n(.*?)```", text, re.S))
    return sentences + re.findall(r"\baz .*", powershell)


def test_the_azure_cli_understands_every_command_of_the_docs(tmp_path: Path) -> None:
    """Quotes and variables as bash has them, then commands, parameters and queries as `az` does."""
    commands = []
    for number, block in enumerate(text for text in BLOCKS if re.search(r"\baz ", text)):
        folder = tmp_path / str(number)
        folder.mkdir()
        called = calls(block, folder, connection="UseDevelopmentStorage=true")
        commands += [arguments for name, *arguments in called if name == "az"]
    for text in PAGES.values():
        commands += [shlex.split(found)[1:] for found in in_sentences_and_powershell(text)]
    assert len(commands) > 15
    (tmp_path / "app.pfx").write_bytes(b"a certificate")
    assert problems(commands, tmp_path) == []


def test_a_command_that_is_wrong_is_found(tmp_path: Path) -> None:
    """A parameter that does not exist, one that is missing, a broken query."""
    mistakes = [
        "storage message peek --queue-name q --num-mesages 1 --connection-string x",
        "functionapp keys list --name app",
        "account show --query 'id]['",
    ]
    found = problems([shlex.split(mistake) for mistake in mistakes], tmp_path)
    assert len(found) == len(mistakes)


def test_the_certificate_of_the_docs_is_one_that_the_app_takes(tmp_path: Path) -> None:
    """By the commands of permissions.md, with OpenSSL."""
    (block,) = [text for text in BLOCKS if "openssl" in text]
    subprocess.run(["bash", "-euc", block], check=True, cwd=tmp_path, capture_output=True)
    settings = Settings.from_environment(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "PARTNER_CENTER_TENANT_ID": "tenant",
            "PARTNER_CENTER_CLIENT_ID": "client",
            "PARTNER_CENTER_CLIENT_CERTIFICATE_PATH": str(tmp_path / "app.pfx"),
        }
    )
    assert credential_days(settings, datetime.now(UTC)) in (364, 365)
    assert app_registration(settings)


def test_the_queue_commands_of_the_runbook_run(azurite: Azurite, tmp_path: Path) -> None:
    """On the emulator: what is looked at stays, what is put is a message of the queue that lasts."""
    names = ("invoice-line-items", "invoice-line-items-poison")
    connection = azurite.connection_string
    queue, poison = (QueueClient.from_connection_string(connection, name) for name in names)
    for client in (queue, poison):
        with suppress(ResourceExistsError):
            client.create_queue()
        client.clear_messages()
    poison.send_message("is poison")
    az = tmp_path / "az"
    az.write_text(f'#!/bin/sh\nexec {AZURE_CLI} -m azure.cli "$@"\n')
    az.chmod(0o755)
    environment = azure_cli_environment(tmp_path)
    (block,) = [text for text in BLOCKS if "az storage message" in text]
    done = subprocess.run(
        ["bash", "-euc", block],
        check=True,
        env=environment | {"PATH": f"{tmp_path}:{environment['PATH']}", "connection": connection},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "is poison" in done.stdout
    assert len(poison.peek_messages()) == 1
    (message,) = queue.peek_messages()
    assert json.loads(message.content) == {"invoiceId": "D0500033K3"}
    assert message.expires_on is not None
    assert message.expires_on.year == 9999
