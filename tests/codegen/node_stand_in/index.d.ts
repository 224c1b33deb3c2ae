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
export type WebhookEventName = "grant.created" | "inventory.changed" | "wallet.changed" | "player.registered" | "player.banned" | "player.deleted" | "lobby.created" | "lobby.started" | "lobby.closed";
export type GrantedRewardEntry = CurrencyEntry | ItemEntry | CrateEntry;
export interface ApiKeyInfo {
  id: string;
  prefix: string;
  permissionSet: string;
  environment: KeyEnvironment;
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
  status: LobbyStatus;
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
export interface SnapshotPlayer {
  id: string;
  externalPlayerId: string;
  studioId: string;
  gameId: string;
  createdAt: string;
  updatedAt: string;
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
  player: SnapshotPlayer;
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
  status: LobbyStatus;
  createdAt: string;
}
export interface PlayerExport {
  schemaVersion: "1";
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
export interface MigrateRowError {
  code: string;
  message: string;
}
export interface MigrateFailure {
  rowIndex: number;
  externalPlayerId?: string;
  error: MigrateRowError;
}
export interface MigrateOutcome {
  applied: number;
  skipped: number;
  failed: number;
  failures: MigrateFailure[];
}
export declare class HealthResource {
  private readonly client;
  constructor(client: unknown);
  ping(): Promise<ServerPingResponse>;
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
export declare class GrantsResource {
  private readonly client;
  constructor(client: unknown);
  create(externalPlayerId: string, input: GrantsCreateInput): Promise<Grant>;
  ack(externalPlayerId: string, grantId: string, input?: GrantsAckInput): Promise<Grant>;
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
export declare class InventoryResource {
  private readonly client;
  constructor(client: unknown);
  grant(externalPlayerId: string, itemKey: string, input: InventoryGrantInput): Promise<AdjustItemResult>;
  revoke(externalPlayerId: string, itemKey: string, input: InventoryRevokeInput): Promise<AdjustItemResult>;
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
export declare class WalletResource {
  private readonly client;
  constructor(client: unknown);
  credit(externalPlayerId: string, economyKey: string, input: WalletCreditInput): Promise<AdjustWalletResult>;
  debit(externalPlayerId: string, economyKey: string, input: WalletDebitInput): Promise<AdjustWalletResult>;
}
export interface LobbiesPushInput {
  key: string;
  externalPlayerIds: string[];
  capacity?: number;
  fillBots?: boolean;
  metadata?: Record<string, unknown>;
}
export declare class LobbiesResource {
  private readonly client;
  constructor(client: unknown);
  push(gameId: string, eventKey: string, input: LobbiesPushInput): Promise<Lobby>;
  read(gameId: string, lobbyId: string): Promise<Lobby>;
}
export interface LeaderboardsSubmitScoreInput {
  segment?: string;
  idempotencyKey?: string;
}
export declare class LeaderboardsResource {
  private readonly client;
  constructor(client: unknown);
  submitScore(externalPlayerId: string, key: string, value: number, input?: LeaderboardsSubmitScoreInput): Promise<SubmitScoreResult>;
}
export interface EventsReportProgressInput {
  mode: ProgressMode;
  metricValue?: number;
  metrics?: Record<string, number>;
  occurredAt?: string;
  idempotencyKey?: string;
}
export declare class EventsResource {
  private readonly client;
  constructor(client: unknown);
  reportProgress(externalPlayerId: string, eventKey: string, attemptId: string, input: EventsReportProgressInput): Promise<ReportProgressResult>;
  progress(externalPlayerId: string, eventKey: string, attemptId: string, input: EventsReportProgressInput): Promise<ReportProgressResult>;
  finish(externalPlayerId: string, eventKey: string, attemptId: string): Promise<FinishAttemptResult>;
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
export declare class PlayersResource {
  private readonly client;
  constructor(client: unknown);
  get(externalPlayerId: string): Promise<PlayerSnapshot>;
  setIdentity(externalPlayerId: string, input: PlayersSetIdentityInput): Promise<SyntheticIdentity>;
  delete(externalPlayerId: string, input?: PlayersDeleteInput): Promise<DeletePlayerResult>;
  export(externalPlayerId: string): Promise<PlayerExport>;
  ban(externalPlayerId: string, input: PlayersBanInput): Promise<BanPlayerResult>;
  unban(externalPlayerId: string): Promise<UnbanPlayerResult>;
  merge(fromExternalPlayerId: string, toExternalPlayerId: string): Promise<MergePlayerResult>;
  friends(externalPlayerId: string): Promise<Friend[]>;
  friendRequests(externalPlayerId: string): Promise<FriendRequests>;
  blocks(externalPlayerId: string): Promise<BlockedPlayer[]>;
}
export declare class MigrateResource {
  private readonly client;
  constructor(client: unknown);
  players(rows: MigratePlayerRow[]): Promise<MigrateOutcome>;
  wallet(rows: MigrateWalletRow[]): Promise<MigrateOutcome>;
  inventory(rows: MigrateInventoryRow[]): Promise<MigrateOutcome>;
}
export interface RetryConfig {
  attempts: number;
  initialDelayMs: number;
  maxDelayMs: number;
  jitter: number;
}
export interface RequestInfo {
  method: string;
  url: string;
  attempt: number;
  idempotencyKey: string | null;
  durationMs?: number;
  status?: number;
  ok?: boolean;
}
export interface KratyServerOptions {
  apiKey: string;
  baseUrl?: string;
  timeoutMs?: number;
  retry?: Partial<RetryConfig>;
  fetch?: typeof fetch;
  generateIdempotencyKey?: () => string;
  onRequest?: (info: RequestInfo) => void;
}
export declare class KratyServerError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details?: unknown;
  is(code: string): boolean;
  get isUnauthenticated(): boolean;
  get isSessionInvalid(): boolean;
  get isForbidden(): boolean;
  get isNotFound(): boolean;
  get isValidationFailed(): boolean;
  get isConflict(): boolean;
  get isRateLimited(): boolean;
  get isInternalError(): boolean;
  get isTenantMismatch(): boolean;
  get isIdempotencyConflict(): boolean;
  get isEventDisabled(): boolean;
  get isInvalidMetric(): boolean;
}
export declare class KratyServer {
  readonly client: unknown;
  readonly health: HealthResource;
  readonly grants: GrantsResource;
  readonly inventory: InventoryResource;
  readonly wallet: WalletResource;
  readonly lobbies: LobbiesResource;
  readonly leaderboards: LeaderboardsResource;
  readonly events: EventsResource;
  readonly players: PlayersResource;
  readonly migrate: MigrateResource;
  constructor(options: KratyServerOptions);
}
