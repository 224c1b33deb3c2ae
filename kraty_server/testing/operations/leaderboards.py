"""Leaderboards: submit a score."""

from __future__ import annotations

from typing import Final

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import ApiError, invalid, not_found
from kraty_server.testing.emulator.json_body import js_number
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import require_player
from kraty_server.testing.emulator.state import Row
from kraty_server.testing.operations.registry import handles

BETTER: Final = """SELECT count(*) FROM scores s JOIN players p ON p.id = s.player
    WHERE s.leaderboard = ? AND s.world = ? AND s.segment = ?
    AND p.banned_at IS NULL AND (s.score {better} ? OR (s.score = ? AND s.number < ?))"""


@handles("leaderboards.submit_score")
def submit_score(request: OperationRequest) -> OperationResult:
    """Keep the best score of a player. Of equal scores, the one that was reached first ranks first."""
    context, body = request.context, request.body
    sql = "SELECT * FROM leaderboards WHERE game = ? AND key = ?"
    if (board := context.state.one(sql, context.game, request.path["key"])) is None:
        raise not_found(f"leaderboard {request.path['key']!r}")
    player = require_player(context, body["externalPlayerId"])
    if board["ranked_by"] == "progression":
        raise ApiError(400, "score_not_supported", f"leaderboard {board['key']!r} ranks by progression")
    segment = ""
    if board["segmented"] and not (segment := body.get("segment", "")):
        raise invalid("segment", "is needed on this board")
    score = _keep_best(context, board, segment, player, float(body["value"]))
    rank = None if player["banned_at"] else 1 + count_better(context, board, score)
    return 200, {"leaderboardId": board["id"], "score": js_number(score["score"]), "rank": rank}


def _keep_best(context: RequestContext, board: Row, segment: str, player: Row, value: float) -> Row:
    sql = "SELECT * FROM scores WHERE player = ? AND leaderboard = ? AND segment = ?"
    place = (player["id"], board["id"], segment)
    before = context.state.one(sql, *place)
    if before is not None and (before["score"] <= value if board["ascending"] else before["score"] >= value):
        return before
    # A new row, so that its number tells who came first.
    insert = """INSERT OR REPLACE INTO scores (player, leaderboard, segment, world, score, at)
                VALUES (?, ?, ?, ?, ?, ?)"""
    context.state.run(insert, *place, context.world, value, context.at)
    found = context.state.one(sql, *place)
    assert found is not None
    return found


def count_better(context: RequestContext, board: Row, score: Row) -> int:
    """How many players rank before a score."""
    values = (score["score"], score["score"], score["number"])
    sql = BETTER.format(better="<" if board["ascending"] else ">")
    return context.state.count(sql, board["id"], score["world"], score["segment"], *values)
