using System.Globalization;

namespace Xenlet.Bench;

/// <summary>One row that is measured of the web service.</summary>
/// <param name="Path">What is asked for; empty for handshakes of TLS alone, one connection after the other.</param>
/// <param name="IsTls">Whether it is over HTTPS.</param>
/// <param name="Connections">Connections, each with one request under way.</param>
/// <param name="Count">Requests of one round.</param>
/// <param name="QuickCount">The same for a run that has no time.</param>
internal sealed record WebWork(string Path, bool IsTls, int Connections, int Count, int QuickCount) : IServedWork
{
    /// <summary>All that is measured.</summary>
    public static IReadOnlyList<WebWork> All { get; } =
    [
        .. ((bool[])[false, true]).SelectMany(isTls => (WebWork[])[
            new("plain", isTls, 1, 1000, 200), new("plain", isTls, 64, 4096, 640), new("plain", isTls, 256, 8192, 512),
            new("json", isTls, 1, 1000, 200), new("json", isTls, 64, 4096, 640), new("json", isTls, 256, 8192, 512)]),
        new("", IsTls: true, 1, 200, 40),
    ];

    /// <summary>One word for it, unique.</summary>
    public string Name => IsHandshake ? "handshakes" : string.Create(CultureInfo.InvariantCulture, $"{Path}-{Scheme}-{Connections}");

    /// <summary>How a table calls it.</summary>
    public string Title => IsHandshake ? "handshakes of TLS" : string.Create(
        CultureInfo.InvariantCulture,
        $"{(Path == "json" ? "JSON" : "plain text")}, {Scheme.ToUpperInvariant()}, connections: {Connections}");

    private bool IsHandshake => Path.Length == 0;

    private string Scheme => IsTls ? "https" : "http";

    /// <summary>The arguments of the client in dom0.</summary>
    /// <param name="name">What the figures are called.</param>
    /// <param name="count">How many.</param>
    public string ClientArguments(string name, int count) => string.Create(
        CultureInfo.InvariantCulture,
        $"{name} {ServedGuests.Address} {(IsHandshake ? "handshakes" : $"ask {Path} {Scheme} {Connections}")} {count}");
}
