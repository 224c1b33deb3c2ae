"""What stands before a function on AWS Lambda, as an ASGI app: a request becomes an event of API Gateway, payload format 2.0.

Not a test: it is copied beside the recipe.
"""

from __future__ import annotations

import asyncio
from importlib import import_module

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

handler = import_module("shop").handler


async def invoke(request: Request) -> Response:
    event = {
        "version": "2.0", "rawPath": request.url.path, "body": (await request.body()).decode(), "isBase64Encoded": False,
        "headers": {name: ",".join(request.headers.getlist(name)) for name in request.headers},
    }  # fmt: skip
    answer = await asyncio.to_thread(handler, event, None)
    return Response(answer["body"], answer["statusCode"])


app = Starlette(routes=[Route("/kraty", invoke, methods=["POST"])])
