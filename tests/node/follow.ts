// Follows an order through the API, by a client that is generated from the API's own description.
//
// Whatever the description does not have (a path, a header, a field, an answer) does not compile.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

declare const process: { env: Record<string, string> };
declare const console: { log(text: string): void };

const { API_URL, TOKEN, KEY } = process.env;
const api = createClient<paths>({ baseUrl: API_URL, headers: { Authorization: `Bearer ${TOKEN}` } });
const body: components["schemas"]["NewOrder"] = { productName: "Teekännchen ☕", quantity: 2, totalPrice: "99.90" };

const accepted = await api.POST("/api/v1/orders", { body, params: { header: { "Idempotency-Key": KEY } } });
const order_id = accepted.data!.orderId;

const waited = await api.GET("/api/v1/orders/{order_id}", {
  params: { path: { order_id }, header: { Prefer: "wait=30" } },
});
const repeated = await api.POST("/api/v1/orders", {
  body,
  params: { header: { "Idempotency-Key": KEY, Prefer: "wait=30" } },
});
const refused = await api.POST("/api/v1/orders", {
  body: { ...body, quantity: 3 },
  params: { header: { "Idempotency-Key": KEY } },
});
const read = await api.GET("/api/v1/orders/{order_id}", { params: { path: { order_id } } });

console.log(
  JSON.stringify({
    ids: [accepted.data!.orderId, waited.data!.orderId, repeated.data!.orderId, read.data!.orderId],
    states: [accepted.data!.state, waited.data!.state, repeated.data!.state, read.data!.state],
    statuses: [accepted, waited, repeated, refused, read].map(({ response }) => response.status),
    applied: waited.response.headers.get("Preference-Applied"),
    refused: refused.error!.errors!.map(({ field }) => field),
    product: read.data!.productName,
    price: read.data!.totalPrice,
  }),
);
