// Receives one message and prints what its body is to JavaScript, or nothing when none comes.

import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { QueueUrl, sqs } from "./queue.js";

const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
for (const message of Messages) {
  console.log(JSON.stringify(JSON.parse(message.Body)));
}
