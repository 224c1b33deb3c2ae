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
export declare class KratyServerClient {
  private readonly base;
  private readonly timeoutMs;
  private readonly retry;
  private readonly send;
  private readonly headers;
  private readonly newKey;
  private readonly onRequest?;
  constructor(options: KratyServerOptions);
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
  private once;
  private delay;
  private read;
  private refused;
}
