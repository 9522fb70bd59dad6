namespace Xenlet.Net;

/// <summary>
/// Where the last bytes of a packet still are: they are copied when somebody needs them, and a device that puts a packet together itself
/// copies them to their place at once.
/// </summary>
public interface IPacketPayload
{
    /// <summary>Copies bytes that begin <paramref name="offset"/> behind the payload's first one; all of them are there.</summary>
    void CopyTo(int offset, Span<byte> destination);

    /// <summary>The same, to several places one after the other.</summary>
    void CopyTo(int offset, ReadOnlySpan<Memory<byte>> destinations)
    {
        foreach (Memory<byte> destination in destinations)
        {
            CopyTo(offset, destination.Span);
            offset += destination.Length;
        }
    }
}
