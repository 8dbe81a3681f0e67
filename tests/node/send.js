// Sends one order, given as JSON on standard input: `node send.js < order.json`.

import { readFileSync } from "node:fs";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { QueueUrl, sqs } from "./queue.js";

const order = JSON.parse(readFileSync(0, "utf8"));
await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(order) }));
