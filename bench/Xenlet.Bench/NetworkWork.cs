using System.Globalization;

namespace Xenlet.Bench;

/// <summary>Traffic of one kind between dom0 and a guest.</summary>
/// <param name="Size">Bytes of a frame, or bytes behind the header of a ping.</param>
/// <param name="Count">How many of one round.</param>
internal abstract record NetworkWork(int Size, int Count)
{
    /// <summary>One word for it, unique.</summary>
    public abstract string Name { get; }

    /// <summary>How a table calls it.</summary>
    public abstract string Title { get; }

    /// <summary>How many are enough to count what they cost.</summary>
    public int TracedCount => Count / 4;
}

/// <summary>Many frames in one direction.</summary>
/// <param name="IsSent">The guest sends them; otherwise dom0 does.</param>
/// <param name="Size">Bytes of a frame.</param>
/// <param name="Count">How many of one round, enough for a second or more.</param>
internal sealed record FrameWork(bool IsSent, int Size, int Count) : NetworkWork(Size, Count)
{
    /// <summary>All that is measured.</summary>
    public static IReadOnlyList<FrameWork> All { get; } =
        [.. ((int[])[60, 512, 1500]).SelectMany(size => (FrameWork[])[new(false, size, 20000), new(true, size, 20000)])];

    public override string Name => string.Create(CultureInfo.InvariantCulture, $"{Verb}-{Size}");

    public override string Title => string.Create(CultureInfo.InvariantCulture, $"{(IsSent ? "sent" : "received")}, {Size:N0} bytes");

    private string Verb => IsSent ? "send" : "receive";

    /// <summary>The line that tells NetworkBench to do it.</summary>
    /// <param name="name">What the figures are called in its answer.</param>
    /// <param name="run">A number that no other run has.</param>
    /// <param name="count">How many frames.</param>
    public string Command(string name, int run, int count) => IsSent
        ? string.Create(CultureInfo.InvariantCulture, $"send {name} {run} {Size} {count}")
        : string.Create(CultureInfo.InvariantCulture, $"receive {name} {run}");

    /// <summary>The line that makes a guest send to another one, which receives.</summary>
    /// <param name="name">What the figures are called in its answer.</param>
    /// <param name="run">The run's number.</param>
    /// <param name="count">How many frames.</param>
    /// <param name="address">The other guest's hardware address.</param>
    public string PushCommand(string name, int run, int count, string address) =>
        string.Create(CultureInfo.InvariantCulture, $"push {name} {run} {Size} {count} {address}");

    /// <summary>The arguments of FramePeer, which does the same at the other end.</summary>
    /// <param name="name">What the figures are called in its answer.</param>
    /// <param name="ends">Bridge, its address, and the guest's.</param>
    /// <param name="run">The run's number.</param>
    /// <param name="count">How many frames.</param>
    public string PeerArguments(string name, string ends, int run, int count) => IsSent
        ? string.Create(CultureInfo.InvariantCulture, $"receive {name} {ends} {run} {count}")
        : string.Create(CultureInfo.InvariantCulture, $"send {name} {ends} {run} {Size} {count}");
}

/// <summary>Pings from dom0, one after the other.</summary>
/// <param name="Size">Bytes behind the header.</param>
/// <param name="Count">How many of one round.</param>
internal sealed record PingWork(int Size, int Count) : NetworkWork(Size, Count)
{
    /// <summary>All that is measured.</summary>
    public static IReadOnlyList<PingWork> All { get; } = [new(56, 400), new(1400, 400)];

    public override string Name => string.Create(CultureInfo.InvariantCulture, $"ping-{Size}");

    public override string Title => string.Create(CultureInfo.InvariantCulture, $"pings, {Size:N0} bytes");
}
