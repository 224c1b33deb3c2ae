// What the stand-in knows: names as the API has them, in the forms that declarations come in.

export type GrantKind = "reward" | "crate";
export type GrantSourceKind = "api" | "admin";
export type GrantStatus = "pending" | "claimed" | "expired";
export type KeyEnvironment = "live" | "test";
export type ProgressMode = "set" | "increment";
export type LobbyStatus = "forming" | "active" | "closed";
export type AttemptStatus = "in_progress" | "completed" | "expired" | "force_completed";
export type FinishOutcome = "completed" | "expired";
export type DeleteReason = "gdpr_erasure" | "studio_request" | "test";
export type DeleteStatus = "erased" | "no_op_already_erased" | "no_op_never_existed";
export type MergeStatus = "merged" | "no_op_already_merged";
export type FriendRequestDirection = "incoming" | "outgoing";
export type GrantedRewardEntry = CurrencyEntry | ItemEntry | CrateEntry;
export interface ApiKeyInfo {
  id: string;
  prefix: string;
  permissionSet: string;
  environment: KeyEnvironment | string;
  studioId: string;
  gameId: string | null;
}
export interface ServerPingResponse {
  ok: boolean;
  apiKey: ApiKeyInfo;
}
export interface CurrencyEntry {
  type: "currency";
  currencyKey: string;
  amount: number;
}
export interface ItemEntry {
  type: "item";
  itemKey: string;
  quantity: number;
  parameters?: Record<string, unknown>;
}
export interface CrateEntry {
  type: "crate";
  crateItemKey: string;
  quantity: number;
}
export interface Grant {
  id: string;
  kind: GrantKind;
  contents: Record<string, unknown>;
  sourceKind: string;
  sourceRefId: string | null;
  parentGrantId: string | null;
  status: GrantStatus;
  rolledAt: string | null;
  claimedAt: string | null;
  expiresAt: string | null;
  createdAt: string;
}
export interface AdjustItemResult {
  itemKey: string;
  quantity: number;
  applied: boolean;
}
export interface AdjustWalletResult {
  economyKey: string;
  balance: number;
  applied: boolean;
}
export interface Lobby {
  id: string;
  eventId: string;
  eventWindowId: string;
  leaderboardId: string | null;
  mode: string;
  status: LobbyStatus | string;
  capacity: number;
  fillBy: string | null;
  participantCount: number;
  botSlots?: number;
  startedAt: string | null;
  endsAt: string | null;
}
export interface SubmitScoreResult {
  leaderboardId: string;
  score: number;
  rank: number | null;
}
export interface Attempt {
  id: string;
  eventId: string;
  eventWindowId: string;
  leaderboardId: string;
  playerId: string;
  startedAt: string;
  endsAt: string;
  completedAt: string | null;
  metrics: Record<string, number>;
  metricsRaw: Record<string, number>;
  score: number;
  status: AttemptStatus;
}
export interface MilestoneFired {
  key: string;
  grants: Grant[];
}
export interface ReportProgressResult {
  attempt: Attempt;
  milestonesFired: MilestoneFired[];
}
export interface FinishAttemptResult {
  attempt: Attempt;
  outcome: FinishOutcome;
}
export interface InventoryItem {
  itemKey: string;
  quantity: number;
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}
export interface WalletBalance {
  economyKey: string;
  balance: number;
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}
export interface PlayerSnapshot {
  player: {
    id: string;
    externalPlayerId: string;
    studioId: string;
    gameId: string;
    createdAt: string;
    updatedAt: string;
  };
  inventory: InventoryItem[];
  wallet: WalletBalance[];
  recentGrants: Grant[];
}
export interface PlayerIdentity {
  name: string;
  avatar?: string | null;
  country?: string | null;
}
export interface SyntheticIdentity {
  name: string;
  avatar?: string | null;
}
export interface SetIdentityResult {
  externalPlayerId: string;
  displayIdentity?: PlayerIdentity | null;
  anonymizedIdentity?: PlayerIdentity | null;
  syntheticIdentity?: SyntheticIdentity;
}
export interface DeletePlayerResult {
  playerId: string | null;
  externalPlayerId: string;
  anonymizedExternalId: string | null;
  deletedAt: string;
  attemptsAnonymized: number;
  lobbiesAnonymized: number;
  leaderboardsScrubbed: number;
  status: DeleteStatus;
}
export interface ExportedPlayer {
  id: string;
  externalPlayerId: string;
  studioId: string;
  gameId: string;
  firstSeenAt: string;
  lastSeenAt: string;
  lastContextSnapshot: Record<string, unknown> | null;
  registeredAt: string | null;
  secretRotatedAt: string | null;
  deletedAt: string | null;
}
export interface ExportedLobby {
  id: string;
  eventId: string;
  status: LobbyStatus | string;
  createdAt: string;
}
export interface PlayerExport {
  schemaVersion: 1;
  exportedAt: string;
  player: ExportedPlayer;
  attempts: Record<string, unknown>[];
  grants: Record<string, unknown>[];
  inventory: Record<string, unknown>[];
  wallet: Record<string, unknown>[];
  lobbies: ExportedLobby[];
}
export interface BanPlayerResult {
  playerId: string;
  externalPlayerId: string;
  bannedAt: string;
  reason: string;
  applied: boolean;
}
export interface UnbanPlayerResult {
  playerId: string;
  externalPlayerId: string;
  unbannedAt: string;
  applied: boolean;
}
export interface MergeCounts {
  attemptsReassigned: number;
  grantsReassigned: number;
  itemsMerged: number;
  itemLedgerRowsMoved: number;
  walletsMerged: number;
  walletLedgerRowsMoved: number;
  lobbiesTouched: number;
  leaderboardsScrubbed: number;
}
export interface MergePlayerResult {
  fromPlayerId: string;
  fromExternalPlayerId: string;
  toPlayerId: string;
  toExternalPlayerId: string;
  anonymizedExternalPlayerId: string | null;
  counts: MergeCounts;
  mergedAt: string;
  status: MergeStatus;
}
export interface Friend {
  externalPlayerId: string;
  displayIdentity: PlayerIdentity | null;
  friendsSince: string;
  online: boolean;
  lastActiveAt: string | null;
  status: string | null;
}
export interface FriendList {
  friends: Friend[];
}
export interface SocialPlayer {
  externalPlayerId: string;
  displayIdentity: PlayerIdentity | null;
}
export interface FriendRequest {
  requestId: string;
  direction: FriendRequestDirection;
  player: SocialPlayer;
  createdAt: string;
}
export interface FriendRequests {
  incoming: FriendRequest[];
  outgoing: FriendRequest[];
}
export interface BlockedPlayer {
  externalPlayerId: string;
  displayIdentity: PlayerIdentity | null;
  blockedAt: string;
}
export interface BlockList {
  blocked: BlockedPlayer[];
}
export interface MigratePlayerRow {
  externalPlayerId: string;
  contextSnapshot?: Record<string, unknown>;
  idempotencyKey: string;
}
export interface MigrateWalletRow {
  externalPlayerId: string;
  economyKey: string;
  amount: number;
  reason?: string;
  idempotencyKey: string;
}
export interface MigrateInventoryRow {
  externalPlayerId: string;
  itemKey: string;
  quantity: number;
  parameters?: Record<string, unknown>;
  reason?: string;
  idempotencyKey: string;
}
export interface MigrateFailure {
  rowIndex: number;
  externalPlayerId?: string;
  error: {
    code: string;
    message: string;
  };
}
export interface MigrateOutcome {
  applied: number;
  skipped: number;
  failed: number;
  failures: MigrateFailure[];
}
export interface GrantsCreateInput {
  idempotencyKey: string;
  kind?: GrantKind;
  entries: GrantedRewardEntry[];
  expiresAt?: string;
  sourceKind?: GrantSourceKind;
  sourceRefId?: string;
  metadata?: Record<string, unknown>;
}
export interface GrantsAckInput {
  idempotencyKey?: string;
}
export interface InventoryGrantInput {
  quantity: number;
  reason?: string;
  sourceRefId?: string;
  idempotencyKey?: string;
}
export interface InventoryRevokeInput {
  quantity: number;
  reason?: string;
  sourceRefId?: string;
  idempotencyKey?: string;
}
export interface WalletCreditInput {
  amount: number;
  reason?: string;
  sourceRefId?: string;
  idempotencyKey?: string;
}
export interface WalletDebitInput {
  amount: number;
  reason?: string;
  sourceRefId?: string;
  idempotencyKey?: string;
}
export interface LobbiesPushInput {
  key: string;
  externalPlayerIds: string[];
  capacity?: number;
  fillBots?: boolean;
  metadata?: Record<string, unknown>;
}
export interface LeaderboardsSubmitScoreInput {
  segment?: string;
  idempotencyKey?: string;
}
export interface EventsReportProgressInput {
  mode: ProgressMode;
  metricValue?: number;
  metrics?: Record<string, number>;
  occurredAt?: string;
  idempotencyKey?: string;
}
export interface PlayersSetIdentityInput {
  name: string;
  avatar?: string | null;
}
export interface PlayersDeleteInput {
  reason?: DeleteReason;
}
export interface PlayersBanInput {
  reason: string;
}
