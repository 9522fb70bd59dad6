namespace Xenlet.Net.Tcp;

/// <summary>A connection's timer as /proc/net/tcp shows it (net/ipv4/tcp_ipv4.c).</summary>
/// <param name="Kind">0 for none, 1 for a retransmission or a loss probe, 2 for keep-alive, 4 for a probe of a closed window.</param>
/// <param name="Rest">How long it has to go, in nanoseconds.</param>
/// <param name="Retries">Retransmissions in vain.</param>
/// <param name="Probes">Probes in vain.</param>
internal readonly record struct TcpTimerView(int Kind, long Rest, int Retries, int Probes);
