namespace Xenlet.Net.Base;

/// <summary>Ports for those that name none: chosen at random (RFC 6056, algorithm 1), from Linux's range.</summary>
internal static class EphemeralPorts
{
    private const int First = 32_768;
    private const int Count = 61_000 - First;

    /// <summary>A port that is free; 0 when none is.</summary>
    public static ushort Choose(RandomNumbers random, Func<ushort, bool> isFree)
    {
        int start = random.Next(Count);
        for (int i = 0; i < Count; i++)
        {
            ushort port = (ushort)(First + ((start + i) % Count));
            if (isFree(port))
            {
                return port;
            }
        }

        return 0;
    }
}
