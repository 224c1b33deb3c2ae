# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""The models: what the API answers, and the objects that requests are made of."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias

from attrs import define, field

from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import (
    UNSET,
    EnumTable,
    Model,
    OpenEnum,
    UnknownVariant,
    Unset,
    check_integer,
    check_json,
    check_json_object,
    check_object,
    check_text,
    missing_property,
    parse_time,
    register_fields,
)

new = object.__new__


class AttemptStatus(OpenEnum):
    """Where an attempt stands. `force_completed` comes from the operator's tool."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FORCE_COMPLETED = "force_completed"


class DeleteReason(OpenEnum):
    """Why a player is erased."""

    GDPR_ERASURE = "gdpr_erasure"
    STUDIO_REQUEST = "studio_request"
    TEST = "test"


class DeleteStatus(OpenEnum):
    """What an erasure did."""

    ERASED = "erased"
    NO_OP_ALREADY_ERASED = "no_op_already_erased"
    NO_OP_NEVER_EXISTED = "no_op_never_existed"


class FinishOutcome(OpenEnum):
    """How an attempt ended: `completed` rolls the completion rewards, `expired` is a target event that was
    ended early.
    """

    COMPLETED = "completed"
    EXPIRED = "expired"


class FriendRequestDirection(OpenEnum):
    """Whether the player received the request or sent it."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class GrantKind(OpenEnum):
    """How a grant is delivered: `reward` is claimed as it is, `crate` has to be opened by the player first."""

    REWARD = "reward"
    CRATE = "crate"


class GrantSourceKind(OpenEnum):
    """Who asked for the grant: `api` for a backend, `admin` for an operator's override."""

    API = "api"
    ADMIN = "admin"


class GrantStatus(OpenEnum):
    """Where a grant stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    EXPIRED = "expired"


class KeyEnvironment(OpenEnum):
    """Whether a key works on live or on test data."""

    LIVE = "live"
    TEST = "test"


class LobbyStatus(OpenEnum):
    """Where a lobby stands; it only moves forward."""

    FORMING = "forming"
    ACTIVE = "active"
    CLOSED = "closed"


class MergeStatus(OpenEnum):
    """What a merge did."""

    MERGED = "merged"
    NO_OP_ALREADY_MERGED = "no_op_already_merged"


class ProgressMode(OpenEnum):
    """Whether reported metrics replace the stored ones (`set`) or are added to them (`increment`)."""

    SET = "set"
    INCREMENT = "increment"


_attempt_status = EnumTable(AttemptStatus)
_delete_reason = EnumTable(DeleteReason)
DeleteReasonInput: TypeAlias = DeleteReason | Literal["gdpr_erasure", "studio_request", "test"]
_delete_status = EnumTable(DeleteStatus)
_finish_outcome = EnumTable(FinishOutcome)
_friend_request_direction = EnumTable(FriendRequestDirection)
_grant_kind = EnumTable(GrantKind)
GrantKindInput: TypeAlias = GrantKind | Literal["reward", "crate"]
_grant_source_kind = EnumTable(GrantSourceKind)
GrantSourceKindInput: TypeAlias = GrantSourceKind | Literal["api", "admin"]
_grant_status = EnumTable(GrantStatus)
_key_environment = EnumTable(KeyEnvironment)
_lobby_status = EnumTable(LobbyStatus)
_merge_status = EnumTable(MergeStatus)
_progress_mode = EnumTable(ProgressMode)
ProgressModeInput: TypeAlias = ProgressMode | Literal["set", "increment"]


@define(eq=False, repr=False, getstate_setstate=False)
class CurrencyEntry(Model):
    """An amount of a currency."""

    currency_key: str
    """Key of the currency in the game's catalog."""
    amount: int
    """How much; at least 1. Assumed: an integer."""
    type: Literal["currency"] = field(default="currency", init=False)

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.type, self.currency_key, self.amount = data["type"], data["currencyKey"], data["amount"]
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ItemEntry(Model):
    """A number of one item."""

    item_key: str
    """Key of the item in the game's catalog."""
    quantity: int
    """How many; at least 1."""
    parameters: dict[str, Any] | Unset = UNSET
    """Parameters of the item, kept with it."""
    type: Literal["item"] = field(default="item", init=False)

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.type, self.item_key, self.quantity = data["type"], data["itemKey"], data["quantity"]
        self.parameters = data.get("parameters", UNSET)
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class CrateEntry(Model):
    """A number of crates, which the player opens for their contents."""

    crate_item_key: str
    """Key of the crate item in the game's catalog."""
    quantity: int
    """How many; at least 1."""
    type: Literal["crate"] = field(default="crate", init=False)

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.type, self.crate_item_key, self.quantity = data["type"], data["crateItemKey"], data["quantity"]
        return self if len(data) == 3 else self.keep_unknown(data)


GrantedRewardEntry: TypeAlias = CurrencyEntry | ItemEntry | CrateEntry | UnknownVariant
"""One entry of a grant. Assumed: fixed numbers only, no ranges."""


@define(eq=False, repr=False, getstate_setstate=False)
class AdjustItemResult(Model):
    """What the player holds after the change."""

    item_key: str
    """Key of the item."""
    quantity: int
    """How many the player holds now."""
    applied: bool
    """False for a replay, which changed nothing."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.item_key, self.quantity, self.applied = data["itemKey"], data["quantity"], data["applied"]
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class AdjustWalletResult(Model):
    """The balance after the change."""

    economy_key: str
    """Key of the currency or progression resource."""
    balance: float
    """The balance now."""
    applied: bool
    """False for a replay, which changed nothing."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.economy_key, self.balance, self.applied = data["economyKey"], data["balance"], data["applied"]
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ApiKeyInfo(Model):
    """The key that made the call."""

    id: str
    """Id of the key."""
    prefix: str
    """The part of the key before its dot; not secret."""
    permission_set: str
    """What the key may do; `server_integration` for this API."""
    environment: KeyEnvironment
    """Whether the key works on live or on test data."""
    studio_id: str
    """Studio that the key belongs to."""
    game_id: str | None
    """Game that the key is for. Typed as nullable although server keys are made for one game."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.prefix, self.permission_set = data["id"], data["prefix"], data["permissionSet"]
        self.environment, self.studio_id = _key_environment[data["environment"]], data["studioId"]
        self.game_id = data["gameId"]
        return self if len(data) == 6 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class Attempt(Model):
    """A player's run at an event."""

    id: str
    """Id of the attempt."""
    event_id: str
    """Its event."""
    event_window_id: str
    """Window of the event it runs in."""
    leaderboard_id: str
    """Its board."""
    player_id: str
    """The player, by Kraty's id."""
    started_at: datetime
    """When it began."""
    ends_at: datetime
    """When it ends by itself."""
    completed_at: datetime | None
    """When it was completed."""
    metrics: dict[str, float]
    """Metrics, capped at their targets."""
    metrics_raw: dict[str, float]
    """The same, uncapped."""
    score: float
    """Its score."""
    status: AttemptStatus
    """Where it stands."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.event_id, self.event_window_id = data["id"], data["eventId"], data["eventWindowId"]
        self.leaderboard_id, self.player_id = data["leaderboardId"], data["playerId"]
        self.started_at, self.ends_at = parse_time(data["startedAt"]), parse_time(data["endsAt"])
        self.completed_at = None if (v := data["completedAt"]) is None else parse_time(v)
        self.metrics, self.metrics_raw, self.score = data["metrics"], data["metricsRaw"], data["score"]
        self.status = _attempt_status[data["status"]]
        return self if len(data) == 12 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class BanPlayerResult(Model):
    """The ban as it stands."""

    player_id: str
    """The player, by Kraty's id."""
    external_player_id: str
    """The player, by your id."""
    banned_at: datetime
    """When the ban began."""
    reason: str
    """Why."""
    applied: bool
    """False where the player was banned already and only the reason was refreshed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.banned_at, self.reason = parse_time(data["bannedAt"]), data["reason"]
        self.applied = data["applied"]
        return self if len(data) == 5 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerIdentity(Model):
    """A name to show."""

    name: str
    """Display name."""
    avatar: str | None | Unset = UNSET
    """URL of the avatar."""
    country: str | None | Unset = UNSET
    """ISO 3166 alpha-2, found out by the server."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.name, self.avatar = data["name"], data.get("avatar", UNSET)
        self.country = data.get("country", UNSET)
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class BlockedPlayer(Model):
    """A player who is blocked."""

    external_player_id: str
    """The blocked player, by your id."""
    display_identity: PlayerIdentity | None
    """The name to show."""
    blocked_at: datetime
    """Since when."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id = data["externalPlayerId"]
        self.display_identity = None if (v := data["displayIdentity"]) is None else PlayerIdentity.decode__(v)
        self.blocked_at = parse_time(data["blockedAt"])
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class BlockList(Model):
    """Whom a player blocks."""

    blocked: list[BlockedPlayer]
    """All of them; there is no paging."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.blocked = [BlockedPlayer.decode__(i) for i in data["blocked"]]
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class DeletePlayerResult(Model):
    """What an erasure did."""

    player_id: str | None
    """The player, by Kraty's id; null where there never was one."""
    external_player_id: str
    """Your id, as it was asked for."""
    anonymized_external_id: str | None
    """The placeholder that took the place of your id."""
    deleted_at: datetime
    """When; set even where nothing was to do."""
    attempts_anonymized: int
    """Attempts made anonymous."""
    lobbies_anonymized: int
    """Lobbies made anonymous."""
    leaderboards_scrubbed: int
    """Boards scrubbed."""
    status: DeleteStatus
    """What was done."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.anonymized_external_id = data["anonymizedExternalId"]
        self.deleted_at, self.attempts_anonymized = parse_time(data["deletedAt"]), data["attemptsAnonymized"]
        self.lobbies_anonymized = data["lobbiesAnonymized"]
        self.leaderboards_scrubbed, self.status = data["leaderboardsScrubbed"], _delete_status[data["status"]]
        return self if len(data) == 8 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ErrorDetail(Model):
    """What went wrong."""

    code: str
    """Code for programs, as `not_found`. More may come."""
    message: str
    """Text for people."""
    details: Any | Unset = UNSET
    """More, depending on the code; the fields for `validation_failed`."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.code, self.message, self.details = data["code"], data["message"], data.get("details", UNSET)
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ErrorResponse(Model):
    """The envelope of every error."""

    error: ErrorDetail
    """What went wrong."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.error = ErrorDetail.decode__(data["error"])
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ExportedLobby(Model):
    """A lobby of an export."""

    id: str
    """Id of the lobby."""
    event_id: str
    """Its event."""
    status: LobbyStatus
    """Where it stands."""
    created_at: datetime
    """When it was made."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.event_id, self.status = data["id"], data["eventId"], _lobby_status[data["status"]]
        self.created_at = parse_time(data["createdAt"])
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ExportedPlayer(Model):
    """The player of an export."""

    id: str
    """The player, by Kraty's id."""
    external_player_id: str
    """The player, by your id."""
    studio_id: str
    """Studio of the game."""
    game_id: str
    """Game of the player."""
    first_seen_at: datetime
    """When the player was first seen."""
    last_seen_at: datetime
    """When the player was last seen."""
    last_context_snapshot: dict[str, Any] | None
    """The last context that a client sent."""
    registered_at: datetime | None
    """When the player registered."""
    secret_rotated_at: datetime | None
    """When the player's secret was changed."""
    deleted_at: datetime | None
    """When the player was erased."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.external_player_id = data["id"], data["externalPlayerId"]
        self.studio_id, self.game_id = data["studioId"], data["gameId"]
        self.first_seen_at = parse_time(data["firstSeenAt"])
        self.last_seen_at = parse_time(data["lastSeenAt"])
        self.last_context_snapshot = data["lastContextSnapshot"]
        self.registered_at = None if (v := data["registeredAt"]) is None else parse_time(v)
        self.secret_rotated_at = None if (v := data["secretRotatedAt"]) is None else parse_time(v)
        self.deleted_at = None if (v := data["deletedAt"]) is None else parse_time(v)
        return self if len(data) == 10 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class FinishAttemptResult(Model):
    """The attempt after its end."""

    attempt: Attempt
    """The attempt now."""
    outcome: FinishOutcome
    """How it ended."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.attempt, self.outcome = Attempt.decode__(data["attempt"]), _finish_outcome[data["outcome"]]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class Friend(Model):
    """A friend of a player."""

    external_player_id: str
    """The friend, by your id."""
    display_identity: PlayerIdentity | None
    """The name to show."""
    friends_since: datetime
    """Since when."""
    online: bool
    """Whether the friend is online."""
    last_active_at: datetime | None
    """When the friend was last active."""
    status: str | None
    """Free text, as `in_match`."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id = data["externalPlayerId"]
        self.display_identity = None if (v := data["displayIdentity"]) is None else PlayerIdentity.decode__(v)
        self.friends_since, self.online = parse_time(data["friendsSince"]), data["online"]
        self.last_active_at = None if (v := data["lastActiveAt"]) is None else parse_time(v)
        self.status = data["status"]
        return self if len(data) == 6 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class FriendList(Model):
    """A player's friends."""

    friends: list[Friend]
    """All of them; there is no paging."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.friends = [Friend.decode__(i) for i in data["friends"]]
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class SocialPlayer(Model):
    """The other player of a friend request."""

    external_player_id: str
    """The player, by your id."""
    display_identity: PlayerIdentity | None
    """The name to show."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id = data["externalPlayerId"]
        self.display_identity = None if (v := data["displayIdentity"]) is None else PlayerIdentity.decode__(v)
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class FriendRequest(Model):
    """A friend request that waits."""

    request_id: str
    """Id of the request."""
    direction: FriendRequestDirection
    """Whether the player received or sent it."""
    player: SocialPlayer
    """The other player."""
    created_at: datetime
    """When it was made."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.request_id, self.direction = data["requestId"], _friend_request_direction[data["direction"]]
        self.player, self.created_at = SocialPlayer.decode__(data["player"]), parse_time(data["createdAt"])
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class FriendRequests(Model):
    """Friend requests that wait."""

    incoming: list[FriendRequest]
    """Received."""
    outgoing: list[FriendRequest]
    """Sent."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.incoming = [FriendRequest.decode__(i) for i in data["incoming"]]
        self.outgoing = [FriendRequest.decode__(i) for i in data["outgoing"]]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class Grant(Model):
    """A payout that a player claims, or that a server acknowledges for them."""

    id: str
    """Id of the grant."""
    kind: GrantKind
    """`reward`, or `crate` which has to be opened."""
    contents: dict[str, Any]
    """What is in it; free form, usually with `entries`."""
    source_kind: str
    """Who asked for it: `api`, `admin`, or a value of the engine."""
    source_ref_id: str | None
    """Your id for tracing."""
    parent_grant_id: str | None
    """The crate that produced it."""
    status: GrantStatus
    """Where it stands."""
    rolled_at: datetime | None
    """When its contents were rolled."""
    claimed_at: datetime | None
    """When it was claimed."""
    expires_at: datetime | None
    """When it can no longer be claimed."""
    created_at: datetime
    """When it was minted."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.kind, self.contents = data["id"], _grant_kind[data["kind"]], data["contents"]
        self.source_kind, self.source_ref_id = data["sourceKind"], data["sourceRefId"]
        self.parent_grant_id, self.status = data["parentGrantId"], _grant_status[data["status"]]
        self.rolled_at = None if (v := data["rolledAt"]) is None else parse_time(v)
        self.claimed_at = None if (v := data["claimedAt"]) is None else parse_time(v)
        self.expires_at = None if (v := data["expiresAt"]) is None else parse_time(v)
        self.created_at = parse_time(data["createdAt"])
        return self if len(data) == 11 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class InventoryItem(Model):
    """An item that a player holds."""

    item_key: str
    """Key of the item."""
    quantity: int
    """How many."""
    metadata: dict[str, Any]
    """Anything kept with it."""
    created_at: datetime
    """When it was first there."""
    updated_at: datetime
    """When it last changed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.item_key, self.quantity, self.metadata = data["itemKey"], data["quantity"], data["metadata"]
        self.created_at, self.updated_at = parse_time(data["createdAt"]), parse_time(data["updatedAt"])
        return self if len(data) == 5 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class Lobby(Model):
    """A lobby of matched players."""

    id: str
    """Id of the lobby."""
    event_id: str
    """Event it plays."""
    event_window_id: str
    """Window of the event it plays in."""
    leaderboard_id: str | None
    """Its board, once there is one."""
    mode: str
    """Board mode of the event, `lobby_matched`."""
    status: LobbyStatus
    """Where it stands."""
    capacity: int
    """Seats."""
    fill_by: datetime | None
    """When it starts at the latest."""
    participant_count: int
    """Players in it."""
    started_at: datetime | None
    """When it became active."""
    ends_at: datetime | None
    """When it closes."""
    bot_slots: int | Unset = UNSET
    """Bots projected at the time of reading; grows while it forms."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.event_id, self.event_window_id = data["id"], data["eventId"], data["eventWindowId"]
        self.leaderboard_id, self.mode = data["leaderboardId"], data["mode"]
        self.status, self.capacity = _lobby_status[data["status"]], data["capacity"]
        self.fill_by = None if (v := data["fillBy"]) is None else parse_time(v)
        self.participant_count, self.bot_slots = data["participantCount"], data.get("botSlots", UNSET)
        self.started_at = None if (v := data["startedAt"]) is None else parse_time(v)
        self.ends_at = None if (v := data["endsAt"]) is None else parse_time(v)
        return self if len(data) == 11 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MergeCounts(Model):
    """How much a merge moved."""

    attempts_reassigned: int
    """Attempts moved."""
    grants_reassigned: int
    """Grants moved."""
    items_merged: int
    """Items moved or summed."""
    item_ledger_rows_moved: int
    """Rows of the item ledger moved."""
    wallets_merged: int
    """Balances moved or summed."""
    wallet_ledger_rows_moved: int
    """Rows of the wallet ledger moved."""
    lobbies_touched: int
    """Lobbies changed."""
    leaderboards_scrubbed: int
    """Boards scrubbed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.attempts_reassigned = data["attemptsReassigned"]
        self.grants_reassigned, self.items_merged = data["grantsReassigned"], data["itemsMerged"]
        self.item_ledger_rows_moved, self.wallets_merged = data["itemLedgerRowsMoved"], data["walletsMerged"]
        self.wallet_ledger_rows_moved = data["walletLedgerRowsMoved"]
        self.lobbies_touched = data["lobbiesTouched"]
        self.leaderboards_scrubbed = data["leaderboardsScrubbed"]
        return self if len(data) == 8 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MergePlayerResult(Model):
    """What a merge did."""

    from_player_id: str
    """The merged player, by Kraty's id."""
    from_external_player_id: str
    """The merged player, by your id, which is free again."""
    to_player_id: str
    """The player that remains, by Kraty's id."""
    to_external_player_id: str
    """The player that remains, by your id."""
    anonymized_external_player_id: str | None
    """The placeholder that took the place of the merged id."""
    counts: MergeCounts
    """How much was moved."""
    merged_at: datetime
    """When."""
    status: MergeStatus
    """What was done."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.from_player_id, self.from_external_player_id = data["fromPlayerId"], data["fromExternalPlayerId"]
        self.to_player_id, self.to_external_player_id = data["toPlayerId"], data["toExternalPlayerId"]
        self.anonymized_external_player_id = data["anonymizedExternalPlayerId"]
        self.counts, self.merged_at = MergeCounts.decode__(data["counts"]), parse_time(data["mergedAt"])
        self.status = _merge_status[data["status"]]
        return self if len(data) == 8 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigrateRowError(Model):
    """Why a row failed."""

    code: str
    """Code, as `unknown_item`."""
    message: str
    """Text for people."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.code, self.message = data["code"], data["message"]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigrateFailure(Model):
    """A row that failed."""

    row_index: int
    """Which row, from 0."""
    error: MigrateRowError
    """Why."""
    external_player_id: str | Unset = UNSET
    """The player of the row."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.row_index, self.external_player_id = data["rowIndex"], data.get("externalPlayerId", UNSET)
        self.error = MigrateRowError.decode__(data["error"])
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigrateInventoryRow(Model):
    """Items to import."""

    external_player_id: str
    """The player, by your id; made where unknown."""
    item_key: str
    """Key of the item."""
    quantity: int
    """How many to add; at least 1."""
    idempotency_key: str
    """Key of this row, so that a batch can be sent again."""
    parameters: dict[str, Any] | Unset = UNSET
    """Parameters of the item."""
    reason: str | Unset = UNSET
    """Tag in the ledger, as `iap_fulfillment` or `chargeback`."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id, self.item_key = data["externalPlayerId"], data["itemKey"]
        self.quantity, self.parameters = data["quantity"], data.get("parameters", UNSET)
        self.reason, self.idempotency_key = data.get("reason", UNSET), data["idempotencyKey"]
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigrateOutcome(Model):
    """What became of a batch: applied, skipped and failed add up to its size."""

    applied: int
    """Rows applied."""
    skipped: int
    """Rows that were replays."""
    failed: int
    """Rows that failed; the others were applied all the same."""
    failures: list[MigrateFailure]
    """The rows that failed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.applied, self.skipped, self.failed = data["applied"], data["skipped"], data["failed"]
        self.failures = [MigrateFailure.decode__(i) for i in data["failures"]]
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigratePlayerRow(Model):
    """A player to import."""

    external_player_id: str
    """The player, by your id."""
    idempotency_key: str
    """Key of this row, so that a batch can be sent again."""
    context_snapshot: dict[str, Any] | Unset = UNSET
    """Context of the player, as a country."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id = data["externalPlayerId"]
        self.context_snapshot = data.get("contextSnapshot", UNSET)
        self.idempotency_key = data["idempotencyKey"]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MigrateWalletRow(Model):
    """A balance to import."""

    external_player_id: str
    """The player, by your id; made where unknown."""
    economy_key: str
    """Key of the currency."""
    amount: int
    """How much to add; at least 1."""
    idempotency_key: str
    """Key of this row, so that a batch can be sent again."""
    reason: str | Unset = UNSET
    """Tag in the ledger, as `iap_fulfillment` or `chargeback`."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id, self.economy_key = data["externalPlayerId"], data["economyKey"]
        self.amount, self.reason = data["amount"], data.get("reason", UNSET)
        self.idempotency_key = data["idempotencyKey"]
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class MilestoneFired(Model):
    """A milestone that was passed, and what it granted."""

    key: str
    """Key of the milestone."""
    grants: list[Grant]
    """The grants it made."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.key, self.grants = data["key"], [Grant.decode__(i) for i in data["grants"]]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerExport(Model):
    """What is stored of a player (GDPR, article 15). Each list ends at 1,000 rows, without a sign of it."""

    exported_at: datetime
    """When it was made."""
    player: ExportedPlayer
    """The player."""
    attempts: list[dict[str, Any]]
    """Attempts, in a shape of the server's."""
    grants: list[dict[str, Any]]
    """Grants, in a shape of the server's."""
    inventory: list[dict[str, Any]]
    """Items, in a shape of the server's."""
    wallet: list[dict[str, Any]]
    """Balances, in a shape of the server's."""
    lobbies: list[ExportedLobby]
    """Lobbies."""
    schema_version: Literal[1] = field(default=1, init=False)

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.schema_version, self.exported_at = data["schemaVersion"], parse_time(data["exportedAt"])
        self.player, self.attempts = ExportedPlayer.decode__(data["player"]), data["attempts"]
        self.grants, self.inventory, self.wallet = data["grants"], data["inventory"], data["wallet"]
        self.lobbies = [ExportedLobby.decode__(i) for i in data["lobbies"]]
        return self if len(data) == 8 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class SnapshotPlayer(Model):
    """The player of a snapshot."""

    id: str
    """The player, by Kraty's id."""
    external_player_id: str
    """The player, by your id."""
    studio_id: str
    """Studio of the game."""
    game_id: str
    """Game of the player."""
    created_at: datetime
    """When the player was first seen."""
    updated_at: datetime
    """When the player last changed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.external_player_id = data["id"], data["externalPlayerId"]
        self.studio_id, self.game_id = data["studioId"], data["gameId"]
        self.created_at, self.updated_at = parse_time(data["createdAt"]), parse_time(data["updatedAt"])
        return self if len(data) == 6 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class WalletBalance(Model):
    """A balance of a player."""

    economy_key: str
    """Key of the currency or progression resource."""
    balance: float
    """The balance."""
    metadata: dict[str, Any]
    """Anything kept with it."""
    created_at: datetime
    """When it was first there."""
    updated_at: datetime
    """When it last changed."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.economy_key, self.balance, self.metadata = data["economyKey"], data["balance"], data["metadata"]
        self.created_at, self.updated_at = parse_time(data["createdAt"]), parse_time(data["updatedAt"])
        return self if len(data) == 5 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerSnapshot(Model):
    """What support needs to see of a player, in one read."""

    player: SnapshotPlayer
    """The player."""
    inventory: list[InventoryItem]
    """Items held."""
    wallet: list[WalletBalance]
    """Balances."""
    recent_grants: list[Grant]
    """Recent grants; how many is not known."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player = SnapshotPlayer.decode__(data["player"])
        self.inventory = [InventoryItem.decode__(i) for i in data["inventory"]]
        self.wallet = [WalletBalance.decode__(i) for i in data["wallet"]]
        self.recent_grants = [Grant.decode__(i) for i in data["recentGrants"]]
        return self if len(data) == 4 else self.keep_unknown(data)

    def balance(self, economy_key: str) -> float:
        """Give the balance of a currency or progression resource; 0 where the player has none."""
        return next((held.balance for held in self.wallet if held.economy_key == economy_key), 0)

    def quantity(self, item_key: str) -> int:
        """Tell how many of an item the player holds."""
        return sum(held.quantity for held in self.inventory if held.item_key == item_key)


@define(eq=False, repr=False, getstate_setstate=False)
class ReportProgressResult(Model):
    """The attempt after the report."""

    attempt: Attempt
    """The attempt now."""
    milestones_fired: list[MilestoneFired]
    """Milestones that this report passed; empty where there are none."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.attempt = Attempt.decode__(data["attempt"])
        self.milestones_fired = [MilestoneFired.decode__(i) for i in data["milestonesFired"]]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class ServerPingResponse(Model):
    """Answer to a ping. The only answer that is not wrapped in `data`."""

    ok: bool
    """True when the key is valid."""
    api_key: ApiKeyInfo
    """The key that made the call."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.ok, self.api_key = data["ok"], ApiKeyInfo.decode__(data["apiKey"])
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class SyntheticIdentity(Model):
    """A name to show, in the shape used before July 2026."""

    name: str
    """Display name."""
    avatar: str | None | Unset = UNSET
    """URL of the avatar."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.name, self.avatar = data["name"], data.get("avatar", UNSET)
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class SetIdentityResult(Model):
    """Identities of the player. Two shapes are in use: since July 2026 `displayIdentity` and
    `anonymizedIdentity`, before it `syntheticIdentity`. Both are read.
    """

    external_player_id: str
    """The player, by your id."""
    display_identity: PlayerIdentity | None | Unset = UNSET
    """The chosen name, else one from the pool."""
    anonymized_identity: PlayerIdentity | None | Unset = UNSET
    """The unchanging name from the pool."""
    synthetic_identity: SyntheticIdentity | Unset = UNSET
    """The older shape."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.external_player_id = data["externalPlayerId"]
        self.display_identity = (
            v
            if (v := data.get("displayIdentity", UNSET)) is UNSET or v is None
            else PlayerIdentity.decode__(v)
        )
        self.anonymized_identity = (
            v
            if (v := data.get("anonymizedIdentity", UNSET)) is UNSET or v is None
            else PlayerIdentity.decode__(v)
        )
        self.synthetic_identity = (
            UNSET if (v := data.get("syntheticIdentity", UNSET)) is UNSET else SyntheticIdentity.decode__(v)
        )
        return self if len(data) == 1 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class SubmitScoreResult(Model):
    """Where the player stands on the board."""

    leaderboard_id: str
    """Id of the board."""
    score: float
    """The player's score now."""
    rank: int | None
    """Rank, from 1; null while there is none."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.leaderboard_id, self.score, self.rank = data["leaderboardId"], data["score"], data["rank"]
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class UnbanPlayerResult(Model):
    """The lifted ban."""

    player_id: str
    """The player, by Kraty's id."""
    external_player_id: str
    """The player, by your id."""
    unbanned_at: datetime
    """When."""
    applied: bool
    """False where there was no ban."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.unbanned_at, self.applied = parse_time(data["unbannedAt"]), data["applied"]
        return self if len(data) == 4 else self.keep_unknown(data)


_granted_reward_entry: dict[Any, Callable[[Mapping[str, Any]], GrantedRewardEntry]] = {
    "currency": CurrencyEntry.from_dict,
    "item": ItemEntry.from_dict,
    "crate": CrateEntry.from_dict,
}
UnknownVariant.tags__.append(("type", _granted_reward_entry))


def read_granted_reward_entry(data: Mapping[str, Any]) -> GrantedRewardEntry:
    return _granted_reward_entry.get(data["type"], UnknownVariant.from_dict)(data)


register_fields(AdjustItemResult, "itemKey quantity applied")
register_fields(AdjustWalletResult, "economyKey balance applied")
register_fields(
    ApiKeyInfo,
    "id prefix permissionSet environment studioId gameId",
    environment=_key_environment.__getitem__,
)
register_fields(
    Attempt,
    "id eventId eventWindowId leaderboardId playerId startedAt endsAt completedAt metrics metricsRaw "
    "score status",
    startedAt=parse_time,
    endsAt=parse_time,
    completedAt=parse_time,
    status=_attempt_status.__getitem__,
)
register_fields(BanPlayerResult, "playerId externalPlayerId bannedAt reason applied", bannedAt=parse_time)
register_fields(BlockList, "blocked", blocked=lambda v: [BlockedPlayer.from_dict(i) for i in v])
register_fields(
    BlockedPlayer,
    "externalPlayerId displayIdentity blockedAt",
    displayIdentity=PlayerIdentity.from_dict,
    blockedAt=parse_time,
)
register_fields(CrateEntry, "type crateItemKey quantity")
register_fields(CurrencyEntry, "type currencyKey amount")
register_fields(
    DeletePlayerResult,
    "playerId externalPlayerId anonymizedExternalId deletedAt attemptsAnonymized lobbiesAnonymized "
    "leaderboardsScrubbed status",
    deletedAt=parse_time,
    status=_delete_status.__getitem__,
)
register_fields(ErrorDetail, "code message details?")
register_fields(ErrorResponse, "error", error=ErrorDetail.from_dict)
register_fields(
    ExportedLobby, "id eventId status createdAt", status=_lobby_status.__getitem__, createdAt=parse_time
)
register_fields(
    ExportedPlayer,
    "id externalPlayerId studioId gameId firstSeenAt lastSeenAt lastContextSnapshot registeredAt "
    "secretRotatedAt deletedAt",
    firstSeenAt=parse_time,
    lastSeenAt=parse_time,
    registeredAt=parse_time,
    secretRotatedAt=parse_time,
    deletedAt=parse_time,
)
register_fields(
    FinishAttemptResult, "attempt outcome", attempt=Attempt.from_dict, outcome=_finish_outcome.__getitem__
)
register_fields(
    Friend,
    "externalPlayerId displayIdentity friendsSince online lastActiveAt status",
    displayIdentity=PlayerIdentity.from_dict,
    friendsSince=parse_time,
    lastActiveAt=parse_time,
)
register_fields(FriendList, "friends", friends=lambda v: [Friend.from_dict(i) for i in v])
register_fields(
    FriendRequest,
    "requestId direction player createdAt",
    direction=_friend_request_direction.__getitem__,
    player=SocialPlayer.from_dict,
    createdAt=parse_time,
)
register_fields(
    FriendRequests,
    "incoming outgoing",
    incoming=lambda v: [FriendRequest.from_dict(i) for i in v],
    outgoing=lambda v: [FriendRequest.from_dict(i) for i in v],
)
register_fields(
    Grant,
    "id kind contents sourceKind sourceRefId parentGrantId status rolledAt claimedAt expiresAt createdAt",
    kind=_grant_kind.__getitem__,
    status=_grant_status.__getitem__,
    rolledAt=parse_time,
    claimedAt=parse_time,
    expiresAt=parse_time,
    createdAt=parse_time,
)
register_fields(
    InventoryItem, "itemKey quantity metadata createdAt updatedAt", createdAt=parse_time, updatedAt=parse_time
)
register_fields(ItemEntry, "type itemKey quantity parameters?")
register_fields(
    Lobby,
    "id eventId eventWindowId leaderboardId mode status capacity fillBy participantCount botSlots? "
    "startedAt endsAt",
    status=_lobby_status.__getitem__,
    fillBy=parse_time,
    startedAt=parse_time,
    endsAt=parse_time,
)
register_fields(
    MergeCounts,
    "attemptsReassigned grantsReassigned itemsMerged itemLedgerRowsMoved walletsMerged "
    "walletLedgerRowsMoved lobbiesTouched leaderboardsScrubbed",
)
register_fields(
    MergePlayerResult,
    "fromPlayerId fromExternalPlayerId toPlayerId toExternalPlayerId anonymizedExternalPlayerId counts "
    "mergedAt status",
    counts=MergeCounts.from_dict,
    mergedAt=parse_time,
    status=_merge_status.__getitem__,
)
register_fields(MigrateFailure, "rowIndex externalPlayerId? error", error=MigrateRowError.from_dict)
register_fields(MigrateInventoryRow, "externalPlayerId itemKey quantity parameters? reason? idempotencyKey")
register_fields(
    MigrateOutcome,
    "applied skipped failed failures",
    failures=lambda v: [MigrateFailure.from_dict(i) for i in v],
)
register_fields(MigratePlayerRow, "externalPlayerId contextSnapshot? idempotencyKey")
register_fields(MigrateRowError, "code message")
register_fields(MigrateWalletRow, "externalPlayerId economyKey amount reason? idempotencyKey")
register_fields(MilestoneFired, "key grants", grants=lambda v: [Grant.from_dict(i) for i in v])
register_fields(
    PlayerExport,
    "schemaVersion exportedAt player attempts grants inventory wallet lobbies",
    exportedAt=parse_time,
    player=ExportedPlayer.from_dict,
    lobbies=lambda v: [ExportedLobby.from_dict(i) for i in v],
)
register_fields(PlayerIdentity, "name avatar? country?")
register_fields(
    PlayerSnapshot,
    "player inventory wallet recentGrants",
    player=SnapshotPlayer.from_dict,
    inventory=lambda v: [InventoryItem.from_dict(i) for i in v],
    wallet=lambda v: [WalletBalance.from_dict(i) for i in v],
    recentGrants=lambda v: [Grant.from_dict(i) for i in v],
)
register_fields(
    ReportProgressResult,
    "attempt milestonesFired",
    attempt=Attempt.from_dict,
    milestonesFired=lambda v: [MilestoneFired.from_dict(i) for i in v],
)
register_fields(ServerPingResponse, "ok apiKey", apiKey=ApiKeyInfo.from_dict)
register_fields(
    SetIdentityResult,
    "externalPlayerId displayIdentity? anonymizedIdentity? syntheticIdentity?",
    displayIdentity=PlayerIdentity.from_dict,
    anonymizedIdentity=PlayerIdentity.from_dict,
    syntheticIdentity=SyntheticIdentity.from_dict,
)
register_fields(
    SnapshotPlayer,
    "id externalPlayerId studioId gameId createdAt updatedAt",
    createdAt=parse_time,
    updatedAt=parse_time,
)
register_fields(SocialPlayer, "externalPlayerId displayIdentity", displayIdentity=PlayerIdentity.from_dict)
register_fields(SubmitScoreResult, "leaderboardId score rank")
register_fields(SyntheticIdentity, "name avatar?")
register_fields(UnbanPlayerResult, "playerId externalPlayerId unbannedAt applied", unbannedAt=parse_time)
register_fields(
    WalletBalance,
    "economyKey balance metadata createdAt updatedAt",
    createdAt=parse_time,
    updatedAt=parse_time,
)

CrateEntryInput: TypeAlias = CrateEntry | Mapping[str, Any]
"""A `CrateEntry`, or the same as a dict in the contract's own names."""


def take_crate_entry(value: Any) -> dict[str, Any]:
    data = check_object(value, CrateEntry.known__)
    try:
        check_text(data["crateItemKey"], "crateItemKey", 1, PATTERNS[0])
        check_integer(data["quantity"], "quantity", 1)
    except KeyError as error:
        raise missing_property(error.args[0], data, CrateEntry.known__) from None
    return data


CurrencyEntryInput: TypeAlias = CurrencyEntry | Mapping[str, Any]
"""A `CurrencyEntry`, or the same as a dict in the contract's own names."""


def take_currency_entry(value: Any) -> dict[str, Any]:
    data = check_object(value, CurrencyEntry.known__)
    try:
        check_text(data["currencyKey"], "currencyKey", 1, PATTERNS[0])
        check_integer(data["amount"], "amount", 1)
    except KeyError as error:
        raise missing_property(error.args[0], data, CurrencyEntry.known__) from None
    return data


ItemEntryInput: TypeAlias = ItemEntry | Mapping[str, Any]
"""A `ItemEntry`, or the same as a dict in the contract's own names."""


def take_item_entry(value: Any) -> dict[str, Any]:
    data = check_object(value, ItemEntry.known__)
    try:
        check_text(data["itemKey"], "itemKey", 1, PATTERNS[0])
        check_integer(data["quantity"], "quantity", 1)
        if "parameters" in data:
            data["parameters"] = check_json_object(data["parameters"], "parameters")
    except KeyError as error:
        raise missing_property(error.args[0], data, ItemEntry.known__) from None
    return data


MigrateInventoryRowInput: TypeAlias = MigrateInventoryRow | Mapping[str, Any]
"""A `MigrateInventoryRow`, or the same as a dict in the contract's own names."""


def take_migrate_inventory_row(value: Any) -> dict[str, Any]:
    data = check_object(value, MigrateInventoryRow.known__)
    try:
        check_text(data["externalPlayerId"], "externalPlayerId", 1, PATTERNS[0])
        check_text(data["itemKey"], "itemKey", 1, PATTERNS[0])
        check_integer(data["quantity"], "quantity", 1)
        if "parameters" in data:
            data["parameters"] = check_json_object(data["parameters"], "parameters")
        if "reason" in data:
            check_text(data["reason"], "reason")
        check_text(data["idempotencyKey"], "idempotencyKey", 1, PATTERNS[1])
    except KeyError as error:
        raise missing_property(error.args[0], data, MigrateInventoryRow.known__) from None
    return data


MigratePlayerRowInput: TypeAlias = MigratePlayerRow | Mapping[str, Any]
"""A `MigratePlayerRow`, or the same as a dict in the contract's own names."""


def take_migrate_player_row(value: Any) -> dict[str, Any]:
    data = check_object(value, MigratePlayerRow.known__)
    try:
        check_text(data["externalPlayerId"], "externalPlayerId", 1, PATTERNS[0])
        if "contextSnapshot" in data:
            data["contextSnapshot"] = check_json_object(data["contextSnapshot"], "contextSnapshot")
        check_text(data["idempotencyKey"], "idempotencyKey", 1, PATTERNS[1])
    except KeyError as error:
        raise missing_property(error.args[0], data, MigratePlayerRow.known__) from None
    return data


MigrateWalletRowInput: TypeAlias = MigrateWalletRow | Mapping[str, Any]
"""A `MigrateWalletRow`, or the same as a dict in the contract's own names."""


def take_migrate_wallet_row(value: Any) -> dict[str, Any]:
    data = check_object(value, MigrateWalletRow.known__)
    try:
        check_text(data["externalPlayerId"], "externalPlayerId", 1, PATTERNS[0])
        check_text(data["economyKey"], "economyKey", 1, PATTERNS[0])
        check_integer(data["amount"], "amount", 1)
        if "reason" in data:
            check_text(data["reason"], "reason")
        check_text(data["idempotencyKey"], "idempotencyKey", 1, PATTERNS[1])
    except KeyError as error:
        raise missing_property(error.args[0], data, MigrateWalletRow.known__) from None
    return data


GrantedRewardEntryInput: TypeAlias = GrantedRewardEntry | Mapping[str, Any]
"""A member of `GrantedRewardEntry`, or the same as a dict in the contract's own names."""

_take_granted_reward_entry: dict[Any, Callable[[Any], dict[str, Any]]] = {
    "currency": take_currency_entry,
    "item": take_item_entry,
    "crate": take_crate_entry,
}


def take_granted_reward_entry(value: Any) -> dict[str, Any]:
    data = check_object(value)
    if "type" not in data:
        raise missing_property("type", data, frozenset())
    take = _take_granted_reward_entry.get(check_text(data["type"], "type", 1))
    return take(value) if take else {key: check_json(item, key) for key, item in data.items()}


__all__ = [
    "AdjustItemResult", "AdjustWalletResult", "ApiKeyInfo", "Attempt", "AttemptStatus", "BanPlayerResult",
    "BlockList", "BlockedPlayer", "CrateEntry", "CrateEntryInput", "CurrencyEntry", "CurrencyEntryInput",
    "DeletePlayerResult", "DeleteReason", "DeleteReasonInput", "DeleteStatus", "ErrorDetail",
    "ErrorResponse", "ExportedLobby", "ExportedPlayer", "FinishAttemptResult", "FinishOutcome", "Friend",
    "FriendList", "FriendRequest", "FriendRequestDirection", "FriendRequests", "Grant", "GrantKind",
    "GrantKindInput", "GrantSourceKind", "GrantSourceKindInput", "GrantStatus", "GrantedRewardEntry",
    "GrantedRewardEntryInput", "InventoryItem", "ItemEntry", "ItemEntryInput", "KeyEnvironment", "Lobby",
    "LobbyStatus", "MergeCounts", "MergePlayerResult", "MergeStatus", "MigrateFailure",
    "MigrateInventoryRow", "MigrateInventoryRowInput", "MigrateOutcome", "MigratePlayerRow",
    "MigratePlayerRowInput", "MigrateRowError", "MigrateWalletRow", "MigrateWalletRowInput",
    "MilestoneFired", "PlayerExport", "PlayerIdentity", "PlayerSnapshot", "ProgressMode",
    "ProgressModeInput", "ReportProgressResult", "ServerPingResponse", "SetIdentityResult",
    "SnapshotPlayer", "SocialPlayer", "SubmitScoreResult", "SyntheticIdentity", "UnbanPlayerResult",
    "WalletBalance",
]  # fmt: skip
