"""One function for each thing that the host does for an app."""

import json
import logging
import time
from typing import List  # noqa: UP035 (the engine refuses list[str])

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

_STORAGE = "AzureWebJobsStorage"


@app.route("echo/{kind:alpha}/{number:int?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    logging.info("Echo of %s", req.url)
    seen = {
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")


@app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
def open_to_all(req: func.HttpRequest) -> str:
    time.sleep(float(req.params.get("seconds", 0)))
    return f"hello {req.method}"


@app.route("closed", auth_level=func.AuthLevel.ADMIN)
def closed(req: func.HttpRequest) -> str:
    return f"hello {req.method}"


@app.route("broken")
async def broken(req: func.HttpRequest) -> str:
    raise RuntimeError(f"broken by {req.method}")


@app.queue_trigger(arg_name="msg", queue_name="%WORK_QUEUE%", connection=_STORAGE)
@app.queue_output(arg_name="items", queue_name="%RESULT_QUEUE%", connection=_STORAGE)
def work(msg: func.QueueMessage, items: func.Out[List[str]]) -> None:  # noqa: UP006
    """Do what the message says: put messages out, take some time, fail."""
    task = json.loads(msg.get_body())
    logging.info("%s: try %s", task["name"], msg.dequeue_count)
    logging.info("%s has id %s, receipt %s", task["name"], msg.id, msg.pop_receipt)
    if "put" in task:
        items.set(task["put"])
    time.sleep(task.get("seconds", 0))
    if task.get("fails"):
        raise ValueError(f"{task['name']} fails")


@app.queue_trigger(arg_name="msg", queue_name="%TEXT_QUEUE%", connection=_STORAGE)
@app.queue_output(arg_name="$return", queue_name="%RESULT_QUEUE%", connection=_STORAGE)
def repeat(msg: func.QueueMessage) -> str:
    logging.info("repeat: try %s", msg.dequeue_count)
    return msg.get_body().decode()


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    status = timer.schedule_status  # type: ignore[attr-defined]  # it is there, undeclared
    logging.info("yearly: past due %s, next %s", timer.past_due, status["Next"])
