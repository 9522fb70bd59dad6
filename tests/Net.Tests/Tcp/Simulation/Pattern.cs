namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>The bytes of a stream, known by their place, so that none has to be kept to be compared.</summary>
internal static class Pattern
{
    private const int Period = 65_521;

    private static readonly byte[] Bytes = Make();

    public static void Fill(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<byte> rest = Bytes.AsSpan((int)(position % Period));
            int count = Math.Min(rest.Length, destination.Length);
            rest[..count].CopyTo(destination);
            destination = destination[count..];
            position += count;
        }
    }

    /// <summary>Where bytes first differ from the stream's; -1 when they are the same.</summary>
    public static int FirstDifference(long position, ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length)
        {
            ReadOnlySpan<byte> rest = Bytes.AsSpan((int)((position + done) % Period));
            int count = Math.Min(rest.Length, bytes.Length - done);
            int same = rest.CommonPrefixLength(bytes.Slice(done, count));
            if (same < count)
            {
                return done + same;
            }

            done += count;
        }

        return -1;
    }

    private static byte[] Make()
    {
        byte[] bytes = new byte[Period];
        new Random(4711).NextBytes(bytes);
        return bytes;
    }
}
