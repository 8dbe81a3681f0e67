// The queue without this framework: AWS's own client and the queue's URL.

import { SQSClient } from "@aws-sdk/client-sqs";

export const QueueUrl = process.env.SQS_QUEUE_URL;

export const sqs = new SQSClient({
  endpoint: process.env.SQS_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
