export declare function verifyWebhook(args: {
  rawBody: string | Buffer | Uint8Array;
  signatureHeader: string;
  secret: string;
  toleranceSeconds?: number;
  now?: Date;
}): boolean;
