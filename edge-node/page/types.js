/**
 * The shapes that the device's API speaks in, as docs/API.md says them. No code.
 *
 * @typedef {{id: string, layers: number, bytes: number | null}} Model
 * @typedef {{node: string, role: string, layers: [number, number], embedding: boolean, head: boolean, codec: string | null}} PlanStage
 * @typedef {{text: string, stages: PlanStage[]}} Plan
 * @typedef {'up' | 'dialling' | 'trying' | 'down'} LinkState
 * @typedef {{peer: string, role: string, address: string, state: LinkState, why: string | null,
 *   rtt_ms: number | null, loss: number | null, up_mbps: number | null, down_mbps: number | null,
 *   bytes_sent: number, bytes_received: number, emulated: string | null, cut: boolean}} Link
 * @typedef {{running: number, queued: number, streams_max: number, queue_max: number,
 *   served: number, refused: number, failed: number, cancelled: number}} Requests
 * @typedef {{tokens: number, verified: number, unverified: number, drafted: number, accepted: number,
 *   failovers: number, bytes_sent: number, bytes_received: number, money: number, energy_j: number | null}} Totals
 * @typedef {{at_ms: number, kind: string, text: string}} Entry since 1970
 * @typedef {{node: string, version: string, uptime_s: number, ready: boolean, link_switch: boolean,
 *   loading: {step: string, done: number, of: number} | null, failed: string | null, routes: boolean,
 *   models: {target: Model | null, draft: Model | null}, mode: string, plan: Plan | null, layers: number,
 *   links: Link[], requests: Requests, totals: Totals, timeline: Entry[]}} Status
 *
 * @typedef {{kind: string, index?: number, peer?: string, why?: string, said?: number, agreed?: number,
 *   token?: number, tokens?: number, text?: string, plan?: string}} ReplyEvent
 * @typedef {{compute: number, queue: number, network: number, waiting: number}} TimeMs
 * @typedef {{drafted: number, accepted: number, passes: number, failovers: number, judged: number, agreed: number,
 *   revised: number, verified: number, unverified: number, bytes_sent: number, bytes_received: number,
 *   money: number, energy_j: number | null, time_ms: TimeMs, ttft_ms: number | null}} Cost
 * @typedef {{prompt_tokens: number, completion_tokens: number, total_tokens: number, causeway?: Cost}} Usage
 * @typedef {{verified?: boolean[], event?: ReplyEvent, route?: string | null, plan?: string | null,
 *   conversation?: unknown, deferred?: unknown, intent?: unknown, outcome?: unknown}} ChunkExtra
 * @typedef {{choices?: {index?: number, delta?: {content?: string | null}, finish_reason?: string | null}[],
 *   usage?: Usage | null, causeway?: ChunkExtra | null}} Chunk
 * @typedef {{role: 'user' | 'assistant', content: string}} Message
 */

export {};
