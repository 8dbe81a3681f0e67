// sqs-consumer with mysql2, as their READMEs have them.
//
//   node consumer.js single   handleMessage: one order, one statement, one delete; then the next
//   node consumer.js batch    handleMessageBatch with batchSize 10: ten orders in one statement
//
// sqs-consumer, "Usage": long polling as it is by default, and the message returned, which acknowledges it.
// mysql2, "Using Connection Pools"; "Using Prepared Statements" for one order, and for ten `query` with nested
// arrays, which sql-escaper, that does it for mysql2, documents as "useful for bulk inserts".

import { SQSClient } from "@aws-sdk/client-sqs";
import mysql from "mysql2/promise";
import { Consumer } from "sqs-consumer";

const database = new URL(process.env.DATABASE_URL);
const pool = mysql.createPool({
  host: database.hostname,
  port: Number(database.port),
  user: database.username,
  database: database.pathname.slice(1),
  timezone: "Z",
});

// The update that changes nothing makes a redelivered order harmless, as the project's own insert does.
const insert = (values) =>
  "INSERT INTO orders (order_id, user_id, product_name, quantity, total_price, status, accepted_at, persisted_at," +
  ` attempts, worker, task_id) VALUES ${values} ON DUPLICATE KEY UPDATE order_id = order_id`;
const INSERT_ONE = insert("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
const INSERT_MANY = insert("?");

function row(message) {
  const order = JSON.parse(message.Body);
  return [
    order.orderId,
    order.userId,
    order.productName,
    order.quantity,
    order.totalPrice,
    order.status,
    new Date(order.timestamp),
    new Date(),
    Number(message.Attributes.ApproximateReceiveCount),
    "sqs-consumer",
    message.MessageId,
  ];
}

const handlers = {
  single: {
    handleMessage: async (message) => {
      await pool.execute(INSERT_ONE, row(message));
      return message;
    },
  },
  batch: {
    batchSize: 10,
    handleMessageBatch: async (messages) => {
      await pool.query(INSERT_MANY, [messages.map(row)]);
      return messages;
    },
  },
};

const app = Consumer.create({
  queueUrl: process.env.SQS_QUEUE_URL,
  sqs: new SQSClient({ endpoint: process.env.SQS_ENDPOINT, region: "us-east-1" }),
  messageSystemAttributeNames: ["ApproximateReceiveCount"],
  ...handlers[process.argv[2]],
});

// A benchmark that goes on after an error would measure something else.
function fail(error) {
  console.error(error.message);
  process.exit(1);
}

app.on("error", fail);
app.on("processing_error", fail);

await pool.query("SELECT 1");
app.start();
console.log("ready.");
