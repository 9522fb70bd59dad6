using System.Globalization;

namespace Xenlet.Bench;

/// <summary>What the peer in dom0 does with the server in the guest.</summary>
internal enum TcpWorkKind
{
    /// <summary>Bytes to the guest.</summary>
    Send,

    /// <summary>Bytes from the guest.</summary>
    Receive,

    /// <summary>Requests that come back.</summary>
    Request,

    /// <summary>Connections one after the other, with one byte each way.</summary>
    Connect,
}

/// <summary>One row that is measured.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Size">Bytes of a request.</param>
/// <param name="Tasks">Connections at once.</param>
/// <param name="Count">Megabytes, requests or connections of one round, enough for a second or more.</param>
/// <param name="QuickCount">The same for a run that has no time.</param>
/// <param name="IsLoopback">The peer is in the guest itself.</param>
internal sealed record TcpWork(TcpWorkKind Kind, int Size, int Tasks, int Count, int QuickCount, bool IsLoopback = false) : IServedWork
{
    /// <summary>All that is measured.</summary>
    public static IReadOnlyList<TcpWork> All { get; } =
    [
        new(TcpWorkKind.Send, 0, 1, 48, 12),
        new(TcpWorkKind.Receive, 0, 1, 48, 12),
        .. ((int[])[1, 1024]).SelectMany(size => (TcpWork[])[
            new(TcpWorkKind.Request, size, 1, 1000, 200), new(TcpWorkKind.Request, size, 64, 4096, 640)]),
        new(TcpWorkKind.Connect, 1, 1, 500, 100),
        new(TcpWorkKind.Send, 0, 1, 48, 12, IsLoopback: true),
        new(TcpWorkKind.Request, 1024, 1, 4000, 500, IsLoopback: true),
        new(TcpWorkKind.Request, 1024, 64, 8192, 1280, IsLoopback: true),
    ];

    /// <summary>Whether the unit is a megabyte.</summary>
    public bool IsBulk => Kind is TcpWorkKind.Send or TcpWorkKind.Receive;

    /// <summary>One word for it, unique.</summary>
    public string Name => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsLoopback ? "loopback-" : "")}{Verb}{(Kind == TcpWorkKind.Request ? $"-{Size}-{Tasks}" : "")}");

    /// <summary>How a table calls it.</summary>
    public string Title => Kind switch
    {
        TcpWorkKind.Send when IsLoopback => "bulk within the guest",
        TcpWorkKind.Send => "bulk to the guest",
        TcpWorkKind.Receive => "bulk from the guest",
        TcpWorkKind.Connect => "connections, a byte each way",
        _ => $"requests of {Many(Size, "byte")}, {Many(Tasks, "connection")}{(IsLoopback ? ", within the guest" : "")}",
    };

    private string Verb => Kind.ToString().ToLowerInvariant();

    /// <summary>The arguments of LinuxTcpBench at dom0's end.</summary>
    /// <param name="name">What the figures are called.</param>
    /// <param name="address">The guest.</param>
    /// <param name="count">How many.</param>
    public string PeerArguments(string name, string address, int count) => $"{Verb} {name} {address} {Numbers(count)}";

    /// <summary>The line that makes the guest its own peer.</summary>
    public string LoopbackCommand(string name, int count) => $"loopback {name} {Verb} {Numbers(count)}";

    /// <summary>The line that makes the guest the peer of another one.</summary>
    public string PeerCommand(string name, string address, int count) => $"peer {name} {address} {Verb} {Numbers(count)}";

    private string Numbers(int count) => string.Create(
        CultureInfo.InvariantCulture, $"{(Kind == TcpWorkKind.Request ? $"{Size} {Tasks} " : "")}{count}");

    private static string Many(int number, string what) => string.Create(
        CultureInfo.InvariantCulture, $"{number:N0} {what}{(number == 1 ? "" : "s")}");
}
