"""Timers that are due each second."""

import logging
import time

import azure.functions as func

app = func.FunctionApp()


@app.timer_trigger(arg_name="timer", schedule="%EVERY_SECOND%")
def tick(timer: func.TimerRequest) -> None:
    status = timer.schedule_status  # type: ignore[attr-defined]  # it is there, undeclared
    logging.info("tick %s", status["Last"])


@app.timer_trigger(arg_name="timer", schedule="%EVERY_SECOND%")
def slow(timer: func.TimerRequest) -> None:
    logging.info("slow begins %s", timer.past_due)
    time.sleep(1.2)
    logging.info("slow ends")


@app.timer_trigger(arg_name="timer", schedule="%EVERY_SECOND%")
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
def flaky(timer: func.TimerRequest, context: func.Context) -> None:
    logging.info("flaky attempt %s", context.retry_context.retry_count)
    raise RuntimeError(f"past due: {timer.past_due}")
