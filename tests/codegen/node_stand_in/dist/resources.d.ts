import type { KratyServerClient } from './client.js';
import type { ServerPingResponse, Grant, AdjustItemResult, AdjustWalletResult, Lobby, SubmitScoreResult, ReportProgressResult, FinishAttemptResult, PlayerSnapshot, SyntheticIdentity, DeletePlayerResult, PlayerExport, BanPlayerResult, UnbanPlayerResult, MergePlayerResult, Friend, FriendRequests, BlockedPlayer, MigratePlayerRow, MigrateWalletRow, MigrateInventoryRow, MigrateOutcome, GrantsCreateInput, GrantsAckInput, InventoryGrantInput, InventoryRevokeInput, WalletCreditInput, WalletDebitInput, LobbiesPushInput, LeaderboardsSubmitScoreInput, EventsReportProgressInput, PlayersSetIdentityInput, PlayersDeleteInput, PlayersBanInput } from './types.js';
export declare class HealthClient {
  private readonly client;
  constructor(client: KratyServerClient);
  ping(): Promise<ServerPingResponse>;
}
export declare class GrantsClient {
  private readonly client;
  constructor(client: KratyServerClient);
  create(externalPlayerId: string, input: GrantsCreateInput): Promise<Grant>;
  ack(externalPlayerId: string, grantId: string, input?: GrantsAckInput): Promise<Grant>;
}
export declare class InventoryClient {
  private readonly client;
  constructor(client: KratyServerClient);
  grant(externalPlayerId: string, itemKey: string, input: InventoryGrantInput): Promise<AdjustItemResult>;
  revoke(externalPlayerId: string, itemKey: string, input: InventoryRevokeInput): Promise<AdjustItemResult>;
}
export declare class WalletClient {
  private readonly client;
  constructor(client: KratyServerClient);
  credit(externalPlayerId: string, economyKey: string, input: WalletCreditInput): Promise<AdjustWalletResult>;
  debit(externalPlayerId: string, economyKey: string, input: WalletDebitInput): Promise<AdjustWalletResult>;
}
export declare class LobbiesClient {
  private readonly client;
  constructor(client: KratyServerClient);
  push(gameId: string, eventKey: string, input: LobbiesPushInput): Promise<Lobby>;
  read(gameId: string, lobbyId: string): Promise<Lobby>;
}
export declare class LeaderboardsClient {
  private readonly client;
  constructor(client: KratyServerClient);
  submitScore(externalPlayerId: string, key: string, value: number, input?: LeaderboardsSubmitScoreInput): Promise<SubmitScoreResult>;
}
export declare class EventsClient {
  private readonly client;
  constructor(client: KratyServerClient);
  reportProgress(externalPlayerId: string, eventKey: string, attemptId: string, input: EventsReportProgressInput): Promise<ReportProgressResult>;
  progress(externalPlayerId: string, eventKey: string, attemptId: string, input: EventsReportProgressInput): Promise<ReportProgressResult>;
  finish(externalPlayerId: string, eventKey: string, attemptId: string): Promise<FinishAttemptResult>;
}
export declare class PlayersClient {
  private readonly client;
  constructor(client: KratyServerClient);
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
export declare class MigrateClient {
  private readonly client;
  constructor(client: KratyServerClient);
  players(rows: MigratePlayerRow[]): Promise<MigrateOutcome>;
  wallet(rows: MigrateWalletRow[]): Promise<MigrateOutcome>;
  inventory(rows: MigrateInventoryRow[]): Promise<MigrateOutcome>;
}
