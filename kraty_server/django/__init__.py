"""How does a delivery come in with Django? A view, and a transaction with a note of the event (an installed app).

Add `"kraty_server.django"` to INSTALLED_APPS, and run `migrate`.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from kraty_server.webhooks.receiver import Webhooks
    from kraty_server_generated.events import WebhookEvent


def once(event: WebhookEvent, handle: Callable[[], object]) -> bool:
    """Handle an event in one transaction with the note that it came: `Webhooks(once=kraty_server.django.once)`.

    The database is that of the model `Delivery`. What the handler writes there is kept together with the note, or not
    at all; what it does elsewhere is not.
    """
    from django.db import IntegrityError, router, transaction

    from kraty_server.django.models import Delivery

    using = router.db_for_write(Delivery)
    with transaction.atomic(using=using, durable=True):
        try:
            # INSERT first: to look and then to write would be a race. A duplicate waits here until the first is done.
            with transaction.atomic(using=using):
                Delivery(id=event.id, event=str(event.event_name)).save(using=using, force_insert=True)
        except IntegrityError:
            return False
        handle()
        return True


def view(webhooks: Webhooks[*tuple[Any, ...]]) -> Callable[[HttpRequest], HttpResponse]:
    """Make the Django view of an endpoint, under WSGI and ASGI.

    It goes into `urlpatterns`, as in `path("kraty", view(kraty))`. It needs no CSRF token and no login, opens no
    transaction of its own (ATOMIC_REQUESTS), and answers 413 to a body longer than DATA_UPLOAD_MAX_MEMORY_SIZE.

    Raises:
        TypeError: for `AsyncWebhooks`: Django's transactions are blocking.
    """
    from django.contrib.auth.decorators import login_not_required
    from django.core.exceptions import RequestDataTooBig
    from django.db import transaction
    from django.http import HttpResponse
    from django.views.decorators.csrf import csrf_exempt
    from django.views.decorators.http import require_POST

    if iscoroutinefunction(webhooks.handle):
        raise TypeError("view: Webhooks are needed, since Django's transactions are blocking, under ASGI as well")

    @transaction.non_atomic_requests
    @csrf_exempt
    @login_not_required
    @require_POST
    def kraty_webhook(request: HttpRequest) -> HttpResponse:
        try:
            body = _body(request)
        except RequestDataTooBig:
            return HttpResponse(status=413)
        return HttpResponse(status=webhooks.handle(body, request.headers))

    return kraty_webhook


def _body(request: HttpRequest) -> bytes:
    """The whole body. Under WSGI Django takes a chunked one for empty."""
    from django.conf import settings
    from django.core.exceptions import RequestDataTooBig

    body = request.body
    if body or not request.META.get("wsgi.input_terminated"):
        return body
    limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    stream = request.META["wsgi.input"]
    body = bytes(stream.read() if limit is None else stream.read(limit + 1))
    if limit is not None and len(body) > limit:
        raise RequestDataTooBig
    return body
