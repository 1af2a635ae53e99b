/** The servers of upstreams as Prometheus reads them. */
import type { createExposition } from "@stack/base";
import type { EdgeUpstreamMetrics } from "@stack/control";

/** @param upstreams by name */
export function exposeUpstreamServers(
  out: ReturnType<typeof createExposition>,
  upstreams: Readonly<Record<string, EdgeUpstreamMetrics>>,
): void {
  const all = Object.entries(upstreams);
  const servers = all.flatMap(([upstream, { servers: own }]) =>
    own.map((server) => ({ ...server, labels: { upstream, server: server.address } })),
  );
  out.gauge(
    "stack_upstream_queue_length",
    "Requests that wait because every server has as many as it may.",
    all.map(([upstream, { queue }]) => [{ upstream }, queue]),
  );
  out.gauge(
    "stack_upstream_server_ready",
    "1 while a server is asked, 0 while its check fails or it is left alone after failures.",
    servers.map(({ labels, state }) => [{ ...labels, state }, state === "ready" ? 1 : 0]),
  );
  out.gauge(
    "stack_upstream_server_in_flight",
    "Requests on a server.",
    servers.map(({ labels, inFlight }) => [labels, inFlight]),
  );
  out.counter(
    "stack_upstream_server_requests_total",
    "Requests sent to a server, repetitions included.",
    servers.map(({ labels, requests }) => [labels, requests]),
  );
  out.counter(
    "stack_upstream_server_failures_total",
    "Requests a server could not take, lost or did not answer in time.",
    servers.map(({ labels, failures }) => [labels, failures]),
  );
}
