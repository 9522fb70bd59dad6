namespace Xenlet.Drivers.Tests.SharedMemory.Planted;

/// <summary>A copy of the way received data is taken, with one fault: it checks size and offset, and uses what it reads anew.</summary>
internal sealed class TwiceFetchedFrames(RingPages ring)
{
    public int Take(uint index, ReadOnlySpan<byte> page)
    {
        ring.Read(index, out ReceiveResponse response);
        if (response.Status < 0 || response.Offset + response.Status > NetProtocol.PageSize)
        {
            throw new BrokenRingException($"{response.Status} bytes at offset {response.Offset}");
        }

        ring.Read(index, out response);
        return page.Slice(response.Offset, response.Status).Length;
    }
}
