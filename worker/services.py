"""What every process of the service shares: the job table, the storage and the way to reach a worker.

Connections are opened at first use, which in a worker is after the fork.
"""

from __future__ import annotations

import threading
from functools import cached_property, partial

import sqlalchemy as sa
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from worker.accounts import AccountTable
from worker.deliveries import DeliveryTable
from worker.edition import edition
from worker.job import Task
from worker.jobs import JobTable
from worker.queues import create_celery, task_name
from worker.schema import connect
from worker.settings import Settings
from worker.storage import Storage, open_storage
from worker.sweeper import Sweeper
from worker.tracing import TRACING
from worker.uploads import UploadTable
from worker.webhooks import Courier, post

log = structlog.get_logger(__name__)


class Services:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.celery: Celery = create_celery(settings)
        self.stopping = threading.Event()  # this process is shutting down

    @cached_property
    def engine(self) -> sa.Engine:
        return connect(self.settings.database)

    @cached_property
    def jobs(self) -> JobTable:
        return JobTable(self.engine, self.settings.lease_s, edition(self.settings.checkpoint))

    @cached_property
    def uploads(self) -> UploadTable:
        return UploadTable(self.engine)

    @cached_property
    def accounts(self) -> AccountTable:
        return AccountTable(self.engine)

    @cached_property
    def storage(self) -> Storage:
        return open_storage(self.settings.storage_address)

    @cached_property
    def sweeper(self) -> Sweeper:
        return Sweeper(self.jobs, self.storage, self.send)

    @cached_property
    def courier(self) -> Courier:
        send = partial(post, private=self.settings.webhook_private)
        return Courier(DeliveryTable(self.engine), self.accounts, self.settings.webhook_secret, send)

    def send(self, id: str, task: Task) -> bool:
        """Tell a worker of the job. False where the broker is away; the sweeper tells it later."""
        try:
            with TRACING.job("send", id, queue=task.value):
                self.celery.send_task(task_name(task), [id], queue=task.value)
        except (OperationalError, OSError) as error:
            log.warning("broker unreachable, message left to the sweeper", job=id, error=str(error))
            return False
        return True
