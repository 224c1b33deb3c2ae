import { KratyServerClient, type KratyServerOptions } from './client.js';
import { EventsClient, GrantsClient, HealthClient, InventoryClient, LeaderboardsClient, LobbiesClient, MigrateClient, PlayersClient, WalletClient } from './resources.js';
export { KratyServerClient } from './client.js';
export type { KratyServerOptions, RetryConfig, RequestInfo } from './client.js';
export { EventsClient, GrantsClient, HealthClient, InventoryClient, LeaderboardsClient, LobbiesClient, MigrateClient, PlayersClient, WalletClient } from './resources.js';
export { KratyServerError, KratyNetworkError } from './errors.js';
export { verifyWebhook } from './webhook.js';
export type { KratyServerErrorCode } from './errors.js';
export type { GrantKind, GrantSourceKind, GrantStatus, KeyEnvironment, ProgressMode, LobbyStatus, AttemptStatus, FinishOutcome, DeleteReason, DeleteStatus, MergeStatus, FriendRequestDirection, GrantedRewardEntry, ApiKeyInfo, ServerPingResponse, CurrencyEntry, ItemEntry, CrateEntry, Grant, AdjustItemResult, AdjustWalletResult, Lobby, SubmitScoreResult, Attempt, MilestoneFired, ReportProgressResult, FinishAttemptResult, InventoryItem, WalletBalance, PlayerSnapshot, PlayerIdentity, SyntheticIdentity, SetIdentityResult, DeletePlayerResult, ExportedPlayer, ExportedLobby, PlayerExport, BanPlayerResult, UnbanPlayerResult, MergeCounts, MergePlayerResult, Friend, FriendList, SocialPlayer, FriendRequest, FriendRequests, BlockedPlayer, BlockList, MigratePlayerRow, MigrateWalletRow, MigrateInventoryRow, MigrateFailure, MigrateOutcome, GrantsCreateInput, GrantsAckInput, InventoryGrantInput, InventoryRevokeInput, WalletCreditInput, WalletDebitInput, LobbiesPushInput, LeaderboardsSubmitScoreInput, EventsReportProgressInput, PlayersSetIdentityInput, PlayersDeleteInput, PlayersBanInput } from './types.js';
export declare class KratyServer {
  readonly client: KratyServerClient;
  readonly health: HealthClient;
  readonly grants: GrantsClient;
  readonly inventory: InventoryClient;
  readonly wallet: WalletClient;
  readonly lobbies: LobbiesClient;
  readonly leaderboards: LeaderboardsClient;
  readonly events: EventsClient;
  readonly players: PlayersClient;
  readonly migrate: MigrateClient;
  constructor(options: KratyServerOptions);
}
