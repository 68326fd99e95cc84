"""Celery's configuration: two queues, `listen` and `notate`, whose messages say that a job waits and nothing else.

Which job a worker then takes is decided by the job table: short recordings first, whatever the broker's order.

A message is acknowledged when it is received: a lost one is sent again from the job's row, which Celery's own
redelivery would do late (Redis) or never (files), or for ever (a task that kills its worker).
"""

from __future__ import annotations

from celery import Celery
from kombu.entity import Exchange, Queue

from worker import filequeue
from worker.job import Task
from worker.settings import Settings

VISIBILITY_TIMEOUT_S = 6 * 3600  # Redis: above the longest stage, so that no message returns while it is worked on
START_WAIT_S = 300.0  # a pool's process may load the model for so long before it is taken for dead
BROKER_WAIT_S = 2.0  # an upload waits no longer for a broker that is away


def task_name(task: Task) -> str:
    return f"worker.{task}"


def create_celery(settings: Settings) -> Celery:
    app = Celery("transcriber", set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # On the default exchange, which routes by a queue's own name and needs no table shared between processes.
        task_queues=[_queue(task.value) for task in Task],
        task_create_missing_queues=False,
        task_default_queue=Task.LISTEN.value,
        task_acks_late=False,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_lost_wait=1.0,
        worker_proc_alive_timeout=START_WAIT_S,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,  # or every line of the log would become the text of one of Celery's
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=BROKER_WAIT_S,
    )
    if settings.uses_file_queue:
        _use_files(app, settings)
    else:
        app.conf.update(
            broker_url=settings.broker_url,
            broker_transport_options={
                "visibility_timeout": VISIBILITY_TIMEOUT_S,
                "socket_connect_timeout": BROKER_WAIT_S,
            },
        )
    return app


def _queue(name: str) -> Queue:
    return Queue(name, Exchange(""), routing_key=name)  # type: ignore[no-untyped-call]


def _use_files(app: Celery, settings: Settings) -> None:
    messages = settings.data_dir / "queue"
    messages.mkdir(parents=True, exist_ok=True)
    app.conf.update(
        broker_url=f"{filequeue.ALIAS}://localhost",
        broker_transport_options={
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(settings.data_dir / "exchanges"),
            "polling_interval": filequeue.POLL_S,
        },
        worker_enable_remote_control=False,
    )
