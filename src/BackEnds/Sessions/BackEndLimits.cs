namespace Xenlet.BackEnds;

/// <summary>What one front end can have of this domain at a time, whatever it asks for.</summary>
public sealed record BackEndLimits
{
    /// <summary>Pages that are mapped for it, those of its rings among them.</summary>
    public int MappedPages { get; init; } = 512;

    /// <summary>
    /// Pages with data that are mapped for all front ends of a driver together, since they keep their grants (64 MiB by default). Those of
    /// further ones are copied.
    /// </summary>
    public int DataPages { get; init; } = 16_384;

    /// <summary>Requests under way. Further ones stay in its ring.</summary>
    public int Requests { get; init; } = 64;

    /// <summary>Bytes of the requests under way. One request alone may be larger.</summary>
    public int Bytes { get; init; } = 4 << 20;

    /// <summary>Frames that wait for a network front end. Further ones are dropped.</summary>
    public int WaitingFrames { get; init; } = 512;

    /// <summary>Memory of the frames that wait for a network front end, in bytes.</summary>
    public int WaitingBytes { get; init; } = 2 << 20;
}
