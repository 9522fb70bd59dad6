using System.Globalization;

namespace Xenlet.Bench;

/// <summary>Work that DiskBench is told to do, the same in both kinds of guest.</summary>
/// <param name="IsWrite">It writes.</param>
/// <param name="IsRandom">Its places are random.</param>
/// <param name="Size">Bytes of an operation.</param>
/// <param name="Depth">Operations in flight.</param>
/// <param name="Count">Operations of one round, enough for a second or more.</param>
internal sealed record DiskWork(bool IsWrite, bool IsRandom, int Size, int Depth, int Count)
{
    /// <summary>Each is measured both reading and writing.</summary>
    private static readonly DiskWork[] Shapes =
    [
        new(false, false, 4096, 1, 1000),
        new(false, false, 65536, 1, 500),
        new(false, false, 1048576, 1, 128),
        new(false, true, 4096, 1, 1000),
        new(false, true, 4096, 32, 6400),
    ];

    /// <summary>All that is measured.</summary>
    public static IReadOnlyList<DiskWork> All { get; } = [.. Shapes.SelectMany(
        shape => (DiskWork[])[shape, shape with { IsWrite = true }])];

    /// <summary>One word for it, unique.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Kind}-{Order}-{Size}-{Depth}");

    /// <summary>How a table calls it.</summary>
    public string Title => IsRandom
        ? string.Create(CultureInfo.InvariantCulture, $"random {Kind}s, {SizeText}, {Depth} in flight")
        : $"sequential {Kind}s, {SizeText}";

    private string Kind => IsWrite ? "write" : "read";

    private string Order => IsRandom ? "random" : "sequential";

    private string SizeText => Size >= 1 << 20 ? $"{Size >> 20} MiB" : $"{Size >> 10} KiB";

    /// <summary>The line that tells DiskBench to do it.</summary>
    /// <param name="name">What the figures are called in its answer.</param>
    /// <param name="count">How many operations.</param>
    public string Command(string name, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"work {name} {Kind} {Order} {Size} {Depth} {count}");
}
